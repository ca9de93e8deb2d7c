use jingwei_data::Sequences;

use crate::Error;
use crate::metrics::predictions::{check_length, check_probabilities};

/// A label is said where its probability is above this.
pub const LABEL_THRESHOLD: f32 = 0.5;

/// What a classifier with several labels a row said about some rows, and what was true.
#[derive(Debug, Clone)]
pub struct Labelled<'a> {
    probabilities: &'a [f32],
    classes: usize,
    /// rows × classes.
    truth: Vec<bool>,
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
    /// use jingwei_train::metrics::{Labelled, exact_match};
    ///
    /// let mut labels = Sequences::default();
    /// labels.push(&[0, 2]);
    /// labels.push(&[]);
    /// let labelled = Labelled::new(&[0.9, 0.2, 0.8, 0.1, 0.7, 0.3], 3, &labels)?;
    /// assert_eq!(exact_match(&labelled), 0.5);
    /// # Ok::<(), jingwei_train::Error>(())
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
        for (row, labels) in labels.iter().enumerate() {
            for &label in labels {
                if label as usize >= classes {
                    return Err(Error::LabelOutOfRange {
                        row,
                        label,
                        classes,
                    });
                }
                truth[row * classes + label as usize] = true;
            }
        }
        Ok(Self {
            probabilities,
            classes,
            truth,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.truth.len() / self.classes
    }

    /// Number of labels that a row can have.
    pub fn classes(&self) -> usize {
        self.classes
    }

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

    /// Whether a row is said to have a label if and only if it has it.
    pub fn right(&self, row: usize, label: usize) -> bool {
        self.has(row, label) == self.says(row, label)
    }

    /// The mean of `value(row, label)` over all rows and labels.
    pub(super) fn mean(&self, value: impl Fn(usize, usize) -> f64) -> f64 {
        let cells =
            (0..self.rows()).flat_map(|row| (0..self.classes).map(move |label| (row, label)));
        cells.map(|(row, label)| value(row, label)).sum::<f64>() / self.truth.len() as f64
    }
}
