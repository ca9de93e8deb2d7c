//! What a training will take, before it is begun.

use std::time::{Duration, Instant};

use jingwei_engine::Runtime;
use jingwei_nn::Summary;
use jingwei_train::fit::Trainer;
use jingwei_train::forecast::Forecast;

use crate::run::{Job, Prepared};
use crate::{Error, check};

/// Steps before the clock starts: memory and caches fill.
const WARM_UP: u64 = 3;

/// What a training will take.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The layers with their shapes and parameters.
    pub summary: Summary,
    /// Samples that train.
    pub samples: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Epochs, if nothing stops them early.
    pub epochs: u64,
    /// Bytes of the data.
    pub data_memory: usize,
    /// Bytes of parameters, gradients, what the optimiser remembers, and intermediate values.
    pub training_memory: usize,
    /// What the training takes in all, with the copies at its end.
    pub forecast: Forecast,
    /// The median time of a step.
    pub step: Duration,
    /// An epoch without its validation.
    pub epoch: Duration,
    /// The whole training without validation; the longest there is, if it is longer.
    pub total: Duration,
}

/// Reads the data of a job and times `steps` steps, whose results are thrown away.
///
/// # Errors
/// What is wrong with data or recipe.
pub fn estimate(job: &Job, runtime: &Runtime, steps: u64) -> Result<Estimate, Error> {
    check::before_data(job, runtime)?;
    let prepared = Prepared::new(job)?;
    check::before_training(job, &prepared, runtime)?;
    let mut trainer = Trainer::new(
        runtime,
        &prepared.functions,
        &prepared.options,
        prepared.training_data(),
    )?;
    let mut times = Vec::new();
    for number in 0..(steps.max(1).saturating_add(WARM_UP)).min(trainer.steps_per_epoch()) {
        let start = Instant::now();
        trainer.step()?;
        if number >= WARM_UP || trainer.steps_per_epoch() <= WARM_UP {
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    let step = times.get(times.len() / 2).copied().unwrap_or_default();
    let repeated = |steps: u64| {
        let seconds = step.as_secs_f64() * steps as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    };
    Ok(Estimate {
        summary: prepared.network.summary()?,
        samples: prepared.source.train.len(),
        steps_per_epoch: trainer.steps_per_epoch(),
        epochs: prepared.options.epochs,
        data_memory: prepared
            .source
            .datasets()
            .map(jingwei_data::Dataset::bytes)
            .sum(),
        training_memory: trainer.memory(),
        forecast: trainer.forecast().clone(),
        step,
        epoch: repeated(trainer.steps_per_epoch()),
        total: repeated(trainer.total_steps()),
    })
}
