//! How a network is trained.

use jingwei_data::{Augment, BatchOptions};
use jingwei_metrics::Metric;
use jingwei_nn::{Average, Clip, Duration, LearningRate, Optimizer, Schedule, Updater};

use super::{EarlyStopping, Monitor};
use crate::Error;

/// The largest size that a setting may be, such as the units of a layer or the samples of a batch: products of two are
/// far from wrapping.
pub const MOST_SIZE: usize = i32::MAX as usize;

/// The settings of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// How often every sample is seen; default 10.
    pub epochs: u64,
    /// Samples a step; default 64.
    pub batch_size: usize,
    /// How parameters follow from gradients; default Adam.
    pub optimizer: Optimizer,
    /// How the learning rate changes; default not at all.
    pub schedule: Schedule,
    /// How long the learning rate rises from near 0 before the schedule begins; default not at all.
    pub warmup: Duration,
    /// Bounds on gradients; default none.
    pub clip: Clip,
    /// A moving average of the parameters, which is then validated and kept; default none.
    pub ema: Option<Average>,
    /// When to stop before the last epoch; default never.
    pub early_stopping: Option<EarlyStopping>,
    /// The series that says which epoch was best, where early stopping does not; default `valid.loss`.
    pub monitor: Option<Monitor>,
    /// What is measured on the validation part after each epoch, beside the loss.
    pub metrics: Vec<Metric>,
    /// Random changes to the training samples; default none.
    pub augment: Augment,
    /// The seed of first values, order, augmentation and dropout; default 0.
    pub seed: u64,
    /// The bytes that the training may take; default what the machine has.
    pub memory_limit: Option<u64>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            warmup: Duration::default(),
            clip: Clip::default(),
            ema: None,
            early_stopping: None,
            monitor: None,
            metrics: Vec::new(),
            augment: Augment::default(),
            seed: 0,
            memory_limit: None,
        }
    }
}

impl FitOptions {
    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// The first one that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |name: &str, found: &str, remedy: &str| {
            Err(Error::Setting {
                name: format!("train.{name}"),
                reason: found.to_owned(),
                remedy: remedy.to_owned(),
            })
        };
        match self {
            Self { epochs: 0, .. } => {
                return wrong("epochs", "0 epochs", "train for 1 or more, such as 10");
            }
            Self { batch_size: 0, .. } => {
                return wrong("batch_size", "0 samples", "take 1 or more, such as 64");
            }
            Self { batch_size, .. } if *batch_size > MOST_SIZE => {
                let remedy = format!("take at most {MOST_SIZE}, such as 64");
                return wrong("batch_size", &format!("{batch_size} samples"), &remedy);
            }
            _ => {}
        }
        self.optimizer.check()?;
        self.learning_rate().check()?;
        self.clip.check()?;
        // The update of no parameters, which has the same settings as that of all.
        Updater::new(&self.optimizer, self.clip, self.ema, &[])?;
        self.augment.check()?;
        Ok(())
    }

    /// The learning rate with its schedule.
    #[must_use]
    pub fn learning_rate(&self) -> LearningRate {
        LearningRate::new(self.optimizer.learning_rate(), self.schedule).warmup(self.warmup)
    }

    pub(super) fn batches(&self) -> BatchOptions {
        BatchOptions {
            batch_size: self.batch_size,
            shuffle: true,
            seed: self.seed,
            augment: self.augment.clone(),
        }
    }

    /// The series that decides about the best epoch, and the least improvement that counts.
    pub(super) fn watched(&self) -> (Monitor, f64) {
        match &self.early_stopping {
            Some(stopping) => (stopping.monitor.clone(), stopping.min_delta),
            None => (
                self.monitor.clone().unwrap_or_else(Monitor::valid_loss),
                0.0,
            ),
        }
    }

    /// Whether the weights of the best epoch are kept rather than the last ones.
    #[must_use]
    pub fn restores_best(&self) -> bool {
        self.early_stopping
            .as_ref()
            .is_some_and(|stopping| stopping.restore_best)
    }
}
