//! What fitting, measuring and asking a model come to.

use std::fmt;

use jingwei_data::Dataset;
use jingwei_metrics::Evaluation;

use crate::Error;
use crate::fit::Outcome;
use crate::history::{Epoch, Series};

/// What a fitting came to.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The epochs.
    pub epochs: Vec<Epoch>,
    /// Why it returned.
    pub outcome: Outcome,
    /// Seconds of training and validation.
    pub seconds: f64,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for epoch in &self.epochs {
            write!(f, "epoch {}", epoch.epoch)?;
            for (part, series) in [("", &epoch.train), ("valid.", &epoch.valid)] {
                write_series(f, part, series)?;
            }
            writeln!(f, ", {:.1} s", epoch.seconds)?;
        }
        Ok(())
    }
}

fn write_series(f: &mut fmt::Formatter<'_>, part: &str, series: &Series) -> fmt::Result {
    for (name, value) in series {
        match value {
            Some(value) => write!(f, ", {part}{name} {value:.4}")?,
            None => write!(f, ", {part}{name} undefined")?,
        }
    }
    Ok(())
}

/// How good a model is on some data.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Number of samples.
    pub samples: usize,
    /// The loss and the metrics that the model was compiled with.
    pub series: Series,
    /// Everything else.
    pub evaluation: Evaluation,
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples", self.samples)?;
        write_series(f, "", &self.series)
    }
}

/// What a model says about some samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Outputs {
    /// `samples × width`: probabilities of classes, or numbers in the units of the targets.
    pub values: Vec<f32>,
    /// Values a sample; 1 with two classes is the probability of the second.
    pub width: usize,
}

impl Outputs {
    /// Refuses values that are not finite, by the place of their sample.
    pub(super) fn checked(self, dataset: &Dataset) -> Result<Self, Error> {
        match self.values.iter().position(|value| !value.is_finite()) {
            None => Ok(self),
            Some(at) => Err(Error::NoAnswer {
                place: dataset.origin(at / self.width.max(1)),
                value: self.values[at],
            }),
        }
    }

    /// The values of each sample.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The most probable class of each sample.
    pub fn classes(&self) -> impl Iterator<Item = usize> {
        self.rows().map(|row| match row {
            [probability] => usize::from(*probability > 0.5),
            row => (1..row.len()).fold(
                0,
                |best, class| if row[class] > row[best] { class } else { best },
            ),
        })
    }
}
