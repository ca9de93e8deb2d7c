use std::borrow::Cow;

use jingwei_data::Sequences;

use super::LabelCounts;
use crate::Error;
use crate::predictions::{check_length, check_probabilities};

/// A label is said where its probability is above this.
pub const LABEL_THRESHOLD: f32 = 0.5;

/// What a classifier with several labels a row said about some rows, and what was true.
#[derive(Debug, Clone)]
pub struct Labelled<'a> {
    pub(super) counts: Cow<'a, LabelCounts>,
    /// None where there are too many cells to keep.
    cells: Option<Cells<'a>>,
}

/// Rows × classes.
#[derive(Debug, Clone)]
pub struct Cells<'a> {
    probabilities: &'a [f32],
    truth: Vec<bool>,
    classes: usize,
}

impl<'a> Labelled<'a> {
    /// Checks and joins probabilities and labels.
    ///
    /// # Arguments
    ///
    /// - `probabilities`: rows × `classes`, row-major, each in [0, 1], of every label by itself.
    /// - `labels`: the true labels of each row, below `classes`, in any order; a row may have none.
    ///
    /// # Errors
    ///
    /// No rows, lengths that do not match, a label beyond the classes, a probability that is not finite or not in
    /// [0, 1].
    ///
    /// ```
    /// use jingwei_data::Sequences;
    /// use jingwei_metrics::{Labelled, exact_match};
    ///
    /// let mut labels = Sequences::default();
    /// labels.push(&[0, 2]);
    /// labels.push(&[]);
    /// let labelled = Labelled::new(&[0.9, 0.2, 0.8, 0.1, 0.7, 0.3], 3, &labels)?;
    /// assert_eq!(exact_match(&labelled), 0.5);
    /// # Ok::<(), jingwei_metrics::Error>(())
    /// ```
    pub fn new(
        probabilities: &'a [f32],
        classes: usize,
        labels: &Sequences,
    ) -> Result<Self, Error> {
        if labels.is_empty() || classes == 0 {
            return Err(Error::NoRows);
        }
        check_length("probabilities", labels.len() * classes, probabilities.len())?;
        check_probabilities(probabilities, classes)?;
        let mut truth = vec![false; probabilities.len()];
        let mut counts = LabelCounts::new(labels.len(), classes);
        let rows = probabilities.chunks_exact(classes).zip(labels.iter());
        for (row, (probabilities, labels)) in rows.enumerate() {
            counts.see(row, probabilities, labels)?;
            for &label in labels {
                truth[row * classes + label as usize] = true;
            }
        }
        Ok(Self {
            counts: Cow::Owned(counts),
            cells: Some(Cells {
                probabilities,
                truth,
                classes,
            }),
        })
    }

    /// Predictions that were counted row by row and not kept: areas under curves are undefined then.
    ///
    /// # Errors
    ///
    /// No rows.
    pub fn of_counts(counts: &'a LabelCounts) -> Result<Self, Error> {
        if counts.rows.is_empty() || counts.tallies.is_empty() {
            return Err(Error::NoRows);
        }
        Ok(Self {
            counts: Cow::Borrowed(counts),
            cells: None,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.counts.rows.len()
    }

    /// Number of labels that a row can have.
    pub fn classes(&self) -> usize {
        self.counts.tallies.len()
    }

    /// Whether every label of a row is said if and only if the row has it.
    pub fn is_exact(&self, row: usize) -> bool {
        self.counts.rows[row].wrong == 0
    }

    /// Every single probability with what is true, where they are kept.
    pub fn cells(&self) -> Option<&Cells<'a>> {
        self.cells.as_ref()
    }
}

impl Cells<'_> {
    /// The probability of one label of one row.
    pub fn probability(&self, row: usize, label: usize) -> f32 {
        self.probabilities[row * self.classes + label]
    }

    /// Whether a row has a label.
    pub fn has(&self, row: usize, label: usize) -> bool {
        self.truth[row * self.classes + label]
    }

    /// Whether a row is said to have a label: its probability is above [`LABEL_THRESHOLD`].
    pub fn says(&self, row: usize, label: usize) -> bool {
        self.probability(row, label) > LABEL_THRESHOLD
    }

    /// The mean of `value(probability, truth)` over all rows and labels.
    pub(super) fn mean(&self, value: impl Fn(f32, bool) -> f64) -> f64 {
        let cells = self.probabilities.iter().zip(&self.truth);
        let sum: f64 = cells
            .map(|(&probability, &truth)| value(probability, truth))
            .sum();
        sum / self.truth.len() as f64
    }
}
