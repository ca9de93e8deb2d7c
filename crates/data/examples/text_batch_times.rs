//! Times encoding texts once and filling an epoch's batches of 64 from the ids, with and without random changes:
//! `cargo run --release -p jingwei-data --example text_batch_times -- reviews.csv` (columns `text` and `label`).

use std::path::Path;
use std::time::Instant;

use jingwei_data::prepare::PrepareOptions;
use jingwei_data::texts::{ReadOptions, read_texts};
use jingwei_data::{Augment, BatchOptions, BatchSource, Dataset, Preparation, Result};

const EPOCHS: u64 = 9;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_default();
    let data = read_texts(Path::new(&path), &ReadOptions::default(), None)?;
    let none = Augment::default();
    time(&data, "plain", none.clone())?;
    let changed = |drop, swap, mask| Augment {
        drop,
        swap,
        mask,
        ..none.clone()
    };
    time(&data, "drop 0.1", changed(0.1, 0.0, 0.0))?;
    time(&data, "swap 0.1", changed(0.0, 0.1, 0.0))?;
    time(&data, "mask 0.1", changed(0.0, 0.0, 0.1))?;
    time(&data, "all three", changed(0.1, 0.1, 0.1))
}

/// Prints the time to encode all texts, on all processors, and the median of several epochs' batches on one.
fn time(data: &Dataset, name: &str, augment: Augment) -> Result<()> {
    let indices = data.indices();
    let preparation = Preparation::fit(data, &indices, &PrepareOptions::default())?;
    let options = BatchOptions {
        augment,
        ..Default::default()
    };
    let start = Instant::now();
    let mut source = BatchSource::new(data, &indices, &preparation, options)?;
    let encoding = start.elapsed().as_secs_f64() * 1e3;
    let mut epochs: Vec<f64> = (0..EPOCHS).map(|epoch| fill(&mut source, epoch)).collect();
    epochs.sort_by(f64::total_cmp);
    println!(
        "{name:10} encoding {encoding:6.1} ms, an epoch's {} batches {:6.2} ms",
        source.steps_per_epoch(),
        epochs[epochs.len() / 2] * 1e3
    );
    Ok(())
}

/// The seconds that the batches of an epoch take.
fn fill(source: &mut BatchSource, epoch: u64) -> f64 {
    let (mut features, mut targets, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
    let start = Instant::now();
    source.arrange(epoch);
    for step in 0..source.steps_per_epoch() {
        let samples = source.batch_len(step);
        let (sample, target) = source.lens(step);
        features.resize(samples * sample, 0.0);
        targets.resize(samples * target, 0.0);
        scratch.resize(source.scratch_len(), 0.0);
        source.fill(
            epoch,
            step,
            0..samples,
            &mut features,
            &mut targets,
            &mut scratch,
        );
    }
    start.elapsed().as_secs_f64()
}
