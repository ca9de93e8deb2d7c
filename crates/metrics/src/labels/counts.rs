use super::LABEL_THRESHOLD;
use super::log_loss::loss_of;
use crate::Error;
use crate::Tally;
use crate::predictions::check_probabilities;

/// What became of rows with several labels each, counted row by row: it grows with the rows and the labels, not with
/// their product.
#[derive(Debug, Clone, Default)]
pub struct LabelCounts {
    pub(super) rows: Vec<RowCount>,
    pub(super) tallies: Vec<Tally>,
}

/// What became of one row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowCount {
    /// Labels that are missing or too many.
    pub(super) wrong: u32,
    /// Labels that are true.
    pub(super) support: u32,
    /// The sum of the log losses of all labels.
    pub(super) loss: f64,
}

impl LabelCounts {
    /// Nothing seen yet of so many rows and labels.
    #[must_use]
    pub fn new(rows: usize, labels: usize) -> Self {
        Self {
            rows: vec![RowCount::default(); rows],
            tallies: vec![Tally::default(); labels],
        }
    }

    /// Keeps the first rows alone, if the others were never seen.
    pub fn truncate(&mut self, rows: usize) {
        self.rows.truncate(rows);
    }

    /// Forgets what was seen.
    pub fn clear(&mut self) {
        self.rows.fill(RowCount::default());
        self.tallies.fill(Tally::default());
    }

    /// Counts a row, once: the probability of every label, and those that are true.
    ///
    /// # Errors
    ///
    /// A probability that is not in [0, 1], a label beyond the probabilities.
    ///
    /// # Panics
    /// If there are not so many rows or labels.
    pub fn see(&mut self, row: usize, probabilities: &[f32], labels: &[u32]) -> Result<(), Error> {
        let classes = self.tallies.len();
        check_probabilities(probabilities, classes.max(1)).map_err(|error| error.of_row(row))?;
        if let Some(&label) = labels.iter().find(|label| **label as usize >= classes) {
            return Err(Error::LabelOutOfRange {
                row,
                label,
                classes,
            });
        }
        let mut truth = labels.to_vec();
        truth.sort_unstable();
        truth.dedup();
        let mut count = RowCount {
            support: truth.len() as u32,
            ..RowCount::default()
        };
        let mut rest = truth.iter().peekable();
        for (label, (&probability, tally)) in
            probabilities.iter().zip(&mut self.tallies).enumerate()
        {
            let is_true = rest.next_if(|next| **next as usize == label).is_some();
            let said = probability > LABEL_THRESHOLD;
            tally.support += f64::from(is_true);
            tally.predicted += f64::from(said);
            tally.correct += f64::from(said && is_true);
            count.wrong += u32::from(said != is_true);
            count.loss += loss_of(probability, is_true);
        }
        self.rows[row] = count;
        Ok(())
    }
}
