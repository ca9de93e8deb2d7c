//! What is measured, and how.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

/// Seconds that steps and predictions are repeated for.
pub const TRAIN_SECONDS: f64 = 3.0;
pub const INFER_SECONDS: f64 = 1.5;

pub struct Measured {
    pub peer: String,
    pub train_ms: f64,
    pub infer_ms: f64,
    pub infer_one_ms: f64,
    pub losses: Vec<f32>,
}

impl Measured {
    pub fn line(&self, workload: &str) -> String {
        json!({
            "peer": self.peer, "workload": workload, "train_ms": self.train_ms, "infer_ms": self.infer_ms,
            "infer_one_ms": self.infer_one_ms, "losses": self.losses,
        })
        .to_string()
    }
}

/// The median time of a call after five to warm up.
pub fn median_ms(seconds: f64, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    for _ in 0..5 {
        call()?;
    }
    let (begin, mut times) = (Instant::now(), Vec::new());
    while begin.elapsed() < Duration::from_secs_f64(seconds) || times.len() < 3 {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// The version of a dependency, as the lock file has it.
pub fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = format!("name = \"{name}\"\nversion = \"");
    let rest = lock.split_once(&entry).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}
