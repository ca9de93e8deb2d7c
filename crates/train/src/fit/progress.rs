//! How far a training has come: what a checkpoint keeps beside the tensors.

use jingwei_nn::PlateauState;
use serde::{Deserialize, Serialize};

use super::Watch;
use crate::history::Epoch;

/// How far a training has come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Whole epochs that are done.
    pub epoch: u64,
    /// Steps done of the epoch that runs.
    pub step_in_epoch: u64,
    /// Steps done in all.
    pub step: u64,
    /// Seconds spent in training and validation so far, earlier processes included.
    pub seconds: f64,
    /// Seconds of them in the epoch that runs.
    pub epoch_seconds: f64,
    /// What the epoch that runs has come to.
    pub running: Running,
    /// How far the series of early stopping has come, or that of the best weights without it.
    pub watch: Watch,
    /// How far the series of the schedule has come, if it reduces on a plateau.
    pub plateau: PlateauState,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// Whether the training has ended.
    pub finished: bool,
    /// Whether early stopping ended it.
    pub stopped_early: bool,
    /// The epochs that are done.
    pub history: Vec<Epoch>,
}

/// Sums over the steps of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// Samples seen.
    pub samples: u64,
    /// Sum of their losses.
    pub loss: f64,
    /// How many were classified rightly; of tags, how many steps.
    pub right: u64,
    /// Of how many.
    pub judged: u64,
}

impl Running {
    /// The mean loss of the samples so far.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.samples.max(1) as f64
    }

    /// The share that was classified rightly.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.judged.max(1) as f64
    }
}
