//! Times filling batches of 64 grey 28×28 pictures on one core:
//! `cargo run --release -p jingwei-data --example batch_times`.

use std::time::Instant;

use jingwei_data::prepare::PrepareOptions;
use jingwei_data::{
    Augment, BatchOptions, BatchSource, Dataset, Features, Preparation, Result, Targets,
};

const SAMPLES: usize = 60_000;

fn main() -> Result<()> {
    let pixels = (0..SAMPLES * 784)
        .map(|at| ((at * 2_654_435_761) >> 7) as u8)
        .collect();
    let labels = (0..SAMPLES as u32).map(|sample| sample % 10).collect();
    let names = (0..10).map(|class| class.to_string()).collect();
    let features = Features::Images {
        height: 28,
        width: 28,
        channels: 1,
        pixels,
    };
    let data = Dataset::new(features, Targets::Classes { names, labels })?;
    let none = Augment::default();
    let shift_and_flip = Augment {
        shift: 0.1,
        flip_horizontal: true,
        ..none.clone()
    };
    time(&data, "plain", none.clone())?;
    time(&data, "shift, flip", shift_and_flip.clone())?;
    time(
        &data,
        "shift, flip, erase",
        Augment {
            erase: 0.3,
            ..shift_and_flip.clone()
        },
    )?;
    time(
        &data,
        "brightness, contrast",
        Augment {
            brightness: 0.2,
            contrast: 0.2,
            ..none.clone()
        },
    )?;
    time(
        &data,
        "rotate, scale, shift, flip",
        Augment {
            rotate: 10.0,
            scale: 0.1,
            ..shift_and_flip.clone()
        },
    )?;
    time(
        &data,
        "shift, flip, mixup",
        Augment {
            mixup: 0.2,
            ..shift_and_flip
        },
    )
}

/// Prints the median of several epochs' time a batch.
fn time(data: &Dataset, name: &str, augment: Augment) -> Result<()> {
    let indices = data.indices();
    let preparation = Preparation::fit(data, &indices, &PrepareOptions::default())?;
    let source = BatchSource::new(
        data,
        &indices,
        &preparation,
        BatchOptions {
            augment,
            ..Default::default()
        },
    )?;
    let mut features = vec![0.0; 64 * source.sample_len()];
    let mut targets = vec![0.0; 64 * source.target_len()];
    let mut scratch = vec![0.0; source.scratch_len()];
    let steps = SAMPLES / 64;
    let mut epoch_times: Vec<f64> = Vec::new();
    for epoch in 0..7 {
        let start = Instant::now();
        for step in 0..steps {
            source.fill(
                epoch,
                step,
                0..64,
                &mut features,
                &mut targets,
                &mut scratch,
            );
        }
        epoch_times.push(start.elapsed().as_secs_f64() / steps as f64 * 1e6);
    }
    epoch_times.sort_by(f64::total_cmp);
    println!(
        "{name:28} {:7.1} µs a batch (best {:.1})",
        epoch_times[3], epoch_times[0]
    );
    Ok(())
}
