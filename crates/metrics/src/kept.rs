use std::borrow::Cow;

use jingwei_data::Sequences;

use crate::Error;
use crate::{LabelCounts, Labelled, Outcome, Predictions, keeps_probabilities, two_columns};

/// What an evaluation keeps of predictions, row by row: all values, or what became of each row where there are too many
/// classes for [all](keeps_probabilities).
#[derive(Debug, Clone)]
pub enum Kept {
    /// All values of all rows.
    Values(Vec<f32>),
    /// What became of each row that has one class.
    Outcomes(Vec<Outcome>),
    /// What became of each row that has any number of labels.
    Counts(LabelCounts),
}

impl Kept {
    /// Room for rows of one class each, of which the model gives so many values.
    #[must_use]
    pub fn of_classes(rows: usize, width: usize) -> Self {
        match keeps_probabilities(rows, width) {
            true => Self::Values(vec![0.0; rows * width]),
            false => Self::Outcomes(vec![Outcome::default(); rows]),
        }
    }

    /// Room for rows of any number of labels each.
    #[must_use]
    pub fn of_labels(rows: usize, width: usize) -> Self {
        match keeps_probabilities(rows, width) {
            true => Self::Values(vec![0.0; rows * width]),
            false => Self::Counts(LabelCounts::new(rows, width)),
        }
    }

    /// Forgets what was counted, before every row is seen again.
    pub fn clear(&mut self) {
        if let Self::Counts(counts) = self {
            counts.clear();
        }
    }

    /// Keeps the first rows alone, if the others were never seen.
    pub fn truncate(&mut self, rows: usize, width: usize) {
        match self {
            Self::Values(values) => values.truncate(rows * width),
            Self::Outcomes(outcomes) => outcomes.truncate(rows),
            Self::Counts(counts) => counts.truncate(rows),
        }
    }

    /// Takes the probabilities of a row and what is true of it: its class, or its labels.
    ///
    /// # Errors
    /// A probability that is not in [0, 1] and is not kept, a class beyond the probabilities.
    ///
    /// # Panics
    /// If there is no such row, or a row of one class has none.
    pub fn see(&mut self, row: usize, probabilities: &[f32], truth: &[u32]) -> Result<(), Error> {
        match self {
            Self::Values(values) => {
                let width = probabilities.len();
                values[row * width..][..width].copy_from_slice(probabilities);
            }
            Self::Outcomes(outcomes) => {
                outcomes[row] = Outcome::checked(probabilities, truth[0], row)?;
            }
            Self::Counts(counts) => counts.see(row, probabilities, truth)?,
        }
        Ok(())
    }

    /// All values; nothing where they were not kept.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        match self {
            Self::Values(values) => values,
            Self::Outcomes(_) | Self::Counts(_) => &[],
        }
    }

    /// The predictions of rows of one class each; the model gives `width` values, and a single one is the probability
    /// of the second of two classes.
    ///
    /// # Errors
    /// As [`Predictions::new`].
    pub fn classified(&self, width: usize, labels: &[u32]) -> Result<Predictions<'_>, Error> {
        match self {
            Self::Outcomes(outcomes) => Predictions::of_outcomes(outcomes, width),
            kept if width == 1 => {
                Predictions::new(Cow::Owned(two_columns(kept.values())), 2, labels, None)
            }
            kept => Predictions::new(kept.values(), width, labels, None),
        }
    }

    /// The predictions of rows of any number of labels each.
    ///
    /// # Errors
    /// As [`Labelled::new`].
    pub fn labelled(&self, width: usize, labels: &Sequences) -> Result<Labelled<'_>, Error> {
        match self {
            Self::Counts(counts) => Labelled::of_counts(counts),
            kept => Labelled::new(kept.values(), width, labels),
        }
    }
}
