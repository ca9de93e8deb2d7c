use std::borrow::Cow;

use crate::Error;
use crate::Outcome;

/// How far outside [0, 1] rounding may put a probability before it is taken for something else, such as a logit.
const TOLERANCE: f32 = 1e-3;

/// What a classifier said about some rows, and what was true: checked once, then read by every metric.
#[derive(Debug, Clone)]
pub struct Predictions<'a> {
    outcomes: Cow<'a, [Outcome]>,
    /// Rows × classes; none where there are too many to keep.
    probabilities: Option<Cow<'a, [f32]>>,
    classes: usize,
    weights: Option<&'a [f32]>,
}

impl<'a> Predictions<'a> {
    /// Checks and joins predictions and labels.
    ///
    /// # Arguments
    ///
    /// - `probabilities`: rows × `classes`, row-major, each in [0, 1]. A network with one sigmoid output goes through
    ///   [`two_columns`] first.
    /// - `labels`: the true class of each row, below `classes`.
    /// - `weights`: how much each row counts, finite and not negative; `None` counts every row once.
    ///
    /// # Errors
    ///
    /// No rows, lengths that do not match, a label beyond the classes, a probability that is not finite or not in
    /// [0, 1], a weight that is negative or not finite, weights that are all zero.
    pub fn new(
        probabilities: impl Into<Cow<'a, [f32]>>,
        classes: usize,
        labels: &[u32],
        weights: Option<&'a [f32]>,
    ) -> Result<Self, Error> {
        let probabilities = probabilities.into();
        if labels.is_empty() || classes == 0 {
            return Err(Error::NoRows);
        }
        check_length("probabilities", labels.len() * classes, probabilities.len())?;
        check_probabilities(&probabilities, classes)?;
        check_labels(labels, classes)?;
        check_weights(weights, labels.len())?;
        let rows = probabilities.chunks_exact(classes).zip(labels);
        let outcomes = rows.map(|(row, label)| Outcome::new(row, *label)).collect();
        Ok(Self {
            outcomes: Cow::Owned(outcomes),
            probabilities: Some(probabilities),
            classes,
            weights,
        })
    }

    /// Predictions of which the outcome of every row is known and nothing else: areas under curves are undefined then.
    ///
    /// # Errors
    ///
    /// No rows, a label or predicted class beyond the classes.
    ///
    /// ```
    /// use jingwei_metrics::{Metric, Outcome, Predictions};
    /// let outcomes = [Outcome::new(&[0.9, 0.1], 0), Outcome::new(&[0.4, 0.6], 0)];
    /// let predictions = Predictions::of_outcomes(&outcomes, 2)?;
    /// assert_eq!(Metric::Accuracy.of_classification(&predictions)?, Some(0.5));
    /// # Ok::<(), jingwei_metrics::Error>(())
    /// ```
    pub fn of_outcomes(outcomes: &'a [Outcome], classes: usize) -> Result<Self, Error> {
        if outcomes.is_empty() || classes == 0 {
            return Err(Error::NoRows);
        }
        for (row, outcome) in outcomes.iter().enumerate() {
            let label = outcome.label.max(outcome.predicted);
            if label as usize >= classes {
                return Err(Error::LabelOutOfRange {
                    row,
                    label,
                    classes,
                });
            }
        }
        Ok(Self {
            outcomes: Cow::Borrowed(outcomes),
            probabilities: None,
            classes,
            weights: None,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.outcomes.len()
    }

    /// Number of classes, the columns of the probabilities.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// What became of every row.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The probabilities of all rows, row-major, a value a class; `None` where only the outcomes are known.
    pub fn probabilities(&self) -> Option<&[f32]> {
        self.probabilities.as_deref()
    }

    /// The true class of one row.
    pub fn label(&self, row: usize) -> usize {
        self.outcomes[row].label as usize
    }

    /// The probability of the true class of one row.
    pub fn truth(&self, row: usize) -> f32 {
        self.outcomes[row].truth
    }

    /// The weight of one row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// The sum of all weights; the number of rows when none were given.
    pub fn total_weight(&self) -> f64 {
        (0..self.rows()).map(|row| self.weight(row)).sum()
    }

    /// The most probable class of one row and its probability; the first of equals, as NumPy's `argmax`.
    pub fn predicted(&self, row: usize) -> (usize, f32) {
        let outcome = self.outcomes[row];
        (outcome.predicted as usize, outcome.confidence)
    }

    /// The weighted mean of `value(row)` over all rows.
    pub(crate) fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        let sum: f64 = (0..self.rows())
            .map(|row| self.weight(row) * value(row))
            .sum();
        sum / self.total_weight()
    }
}
/// Probabilities of the second of two classes (a single sigmoid output), widened to two columns.
pub fn two_columns(positive: &[f32]) -> Vec<f32> {
    positive
        .iter()
        .flat_map(|probability| [1.0 - probability, *probability])
        .collect()
}

/// Refuses a class that does not exist.
pub fn check_labels(labels: &[u32], classes: usize) -> Result<(), Error> {
    match labels.iter().position(|label| *label as usize >= classes) {
        None => Ok(()),
        Some(row) => Err(Error::LabelOutOfRange {
            row,
            label: labels[row],
            classes,
        }),
    }
}

pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

pub(crate) fn check_weights(weights: Option<&[f32]>, rows: usize) -> Result<(), Error> {
    let Some(weights) = weights else {
        return Ok(());
    };
    check_length("sample weights", rows, weights.len())?;
    if let Some(row) = weights
        .iter()
        .position(|weight| !weight.is_finite() || *weight < 0.0)
    {
        return Err(Error::Weight {
            row,
            value: weights[row],
        });
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        Err(Error::NoWeight)
    } else {
        Ok(())
    }
}

pub(crate) fn check_probabilities(probabilities: &[f32], classes: usize) -> Result<(), Error> {
    let allowed = -TOLERANCE..=1.0 + TOLERANCE;
    match probabilities
        .iter()
        .position(|value| !allowed.contains(value))
    {
        None => Ok(()),
        Some(index) => Err(Error::NotProbability {
            row: index / classes,
            column: index % classes,
            value: probabilities[index],
        }),
    }
}
