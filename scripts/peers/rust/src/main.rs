//! Burn's and candle's side of the comparison. usage: rust-peers START_FOLDER WORKLOAD...
//!
//! Both start from `START_FOLDER/WORKLOAD.safetensors`, which `torch_side.py` writes, print the losses of the first 20
//! steps, and the times of a step and of a prediction: medians, both cores, as in `torch_side.py`.

mod burn_side;
mod candle_side;
mod measured;
mod start;

use anyhow::{Result, ensure};

use start::Start;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ensure!(
        arguments.len() > 1,
        "usage: rust-peers START_FOLDER WORKLOAD..."
    );
    for name in &arguments[1..] {
        let start = Start::load(&arguments[0], name)?;
        println!("{}", burn_side::run(&start)?.line(name));
        println!("{}", candle_side::run(&start)?.line(name));
    }
    Ok(())
}
