//! When to stop, and which weights were best.

use std::fmt;
use std::str::FromStr;

use jingwei_metrics::Metric;
use serde::{Deserialize, Serialize};

use crate::history::Epoch;

/// A series of the history that steers: `valid.loss`, `valid.accuracy`, `train.loss` and so on. Never the test part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Monitor {
    /// Whether it is measured on the validation part; otherwise on the training part.
    pub valid: bool,
    /// The series, `loss` or a metric.
    pub series: String,
}

impl Monitor {
    /// The loss on the validation part.
    #[must_use]
    pub fn valid_loss() -> Self {
        Self {
            valid: true,
            series: "loss".to_owned(),
        }
    }

    /// Whether a larger value is better.
    #[must_use]
    pub fn higher_is_better(&self) -> bool {
        self.series
            .parse::<Metric>()
            .is_ok_and(Metric::higher_is_better)
    }

    /// The value of an epoch.
    #[must_use]
    pub fn value(&self, epoch: &Epoch) -> Option<f64> {
        let series = if self.valid {
            &epoch.valid
        } else {
            &epoch.train
        };
        series.get(&self.series).copied().flatten()
    }

    /// Whether a value is better than another one by more than `least`.
    #[must_use]
    pub fn improves(&self, value: f64, best: Option<f64>, least: f64) -> bool {
        match (best, self.higher_is_better()) {
            (None, _) => true,
            (Some(best), true) => value > best + least,
            (Some(best), false) => value < best - least,
        }
    }
}

impl FromStr for Monitor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let remedy = "use valid.loss, valid.accuracy, or another metric after `valid.` or `train.`";
        let (part, series) = text
            .split_once('.')
            .ok_or(format!("`{text}` is no series to monitor; {remedy}"))?;
        let valid =
            match part {
                "valid" => true,
                "train" => false,
                "test" => return Err(
                    "the test part steers nothing; use valid.loss or another series of `valid.`"
                        .to_owned(),
                ),
                _ => return Err(format!("`{text}` is no series to monitor; {remedy}")),
            };
        if series != "loss" {
            series
                .parse::<Metric>()
                .map_err(|error| error.to_string())?;
        }
        Ok(Self {
            valid,
            series: series.to_owned(),
        })
    }
}

impl TryFrom<String> for Monitor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Monitor> for String {
    fn from(monitor: Monitor) -> Self {
        monitor.to_string()
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}",
            if self.valid { "valid" } else { "train" },
            self.series
        )
    }
}

/// Ends the training when a series has not improved for some epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EarlyStopping {
    /// The series; default `valid.loss`.
    pub monitor: Monitor,
    /// Epochs without improvement after which the training ends; default 3.
    pub patience: u64,
    /// An improvement is more than this; default 0.
    pub min_delta: f64,
    /// Whether the weights of the best epoch are kept; otherwise those of the last one. Default true.
    pub restore_best: bool,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            monitor: Monitor::valid_loss(),
            patience: 3,
            min_delta: 0.0,
            restore_best: true,
        }
    }
}

/// How far a monitored series has come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Watch {
    /// The best value.
    pub best: Option<f64>,
    /// The epoch, from 1, that had it.
    pub best_epoch: Option<u64>,
    /// Epochs since.
    pub waited: u64,
}

impl Watch {
    /// Takes the value of an epoch and says whether it is the best so far. An undefined value is not.
    pub(crate) fn see(&mut self, monitor: &Monitor, least: f64, epoch: &Epoch) -> bool {
        let value = monitor.value(epoch).filter(|value| value.is_finite());
        match value {
            Some(value) if monitor.improves(value, self.best, least) => {
                *self = Self {
                    best: Some(value),
                    best_epoch: Some(epoch.epoch),
                    waited: 0,
                };
                true
            }
            _ => {
                self.waited += 1;
                false
            }
        }
    }
}
