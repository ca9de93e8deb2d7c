use crate::Error;
use crate::predictions::check_probabilities;

/// Up to so many classes, an evaluation keeps the probability of every class of every row, whatever their number.
pub const RANKED_CLASSES: usize = 100;
/// With more classes it keeps them if they are no more than this in all (200 MB): classes × rows.
pub const RANKED_CELLS: usize = 50_000_000;

/// Whether an evaluation of so many rows and classes keeps the probability of every class of every row.
///
/// Areas under curves rank all rows by their probability of each class. Everything else needs an [`Outcome`] a row,
/// which grows with the rows alone: with too many classes for both, the areas are left out.
///
/// ```
/// use jingwei_metrics::keeps_probabilities;
/// assert!(keeps_probabilities(10_000_000, 100) && keeps_probabilities(10_000, 1_000));
/// assert!(!keeps_probabilities(10_000, 100_000) && !keeps_probabilities(usize::MAX, 101));
/// ```
#[must_use]
pub fn keeps_probabilities(rows: usize, classes: usize) -> bool {
    let cells = jingwei_bounds::product([rows, classes]);
    classes <= RANKED_CLASSES || cells.is_some_and(|cells| cells <= RANKED_CELLS)
}

/// What became of one row: all that metrics need of it but the areas under curves.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// The true class.
    pub label: u32,
    /// The most probable class; the first of equals, as NumPy's `argmax`.
    pub predicted: u32,
    /// The probability of the most probable class.
    pub confidence: f32,
    /// The probability of the true class.
    pub truth: f32,
    /// How many classes come before the true one; of equally probable classes the later one comes first, as in
    /// scikit-learn's `top_k_accuracy_score`.
    pub rank: u32,
}

impl Outcome {
    /// The outcome of a row whose true class is `label`, by the probabilities of all classes.
    ///
    /// # Panics
    /// If there is no probability of the true class.
    #[must_use]
    pub fn new(probabilities: &[f32], label: u32) -> Self {
        let (before, after) = probabilities.split_at(label as usize);
        let (truth, after) = (after[0], &after[1..]);
        let earlier = before.iter().filter(|other| **other > truth).count();
        let later = after.iter().filter(|other| **other >= truth).count();
        let first = (0, probabilities[0]);
        let most = probabilities.iter().copied().enumerate();
        let most = most.fold(
            first,
            |best, next| if next.1 > best.1 { next } else { best },
        );
        Self {
            label,
            predicted: most.0 as u32,
            confidence: most.1,
            truth,
            rank: (earlier + later) as u32,
        }
    }

    /// As [`Outcome::new`], after a look at the probabilities and the label; `row` names the row in messages.
    pub(crate) fn checked(probabilities: &[f32], label: u32, row: usize) -> Result<Self, Error> {
        let classes = probabilities.len();
        check_probabilities(probabilities, classes.max(1)).map_err(|error| error.of_row(row))?;
        if label as usize >= classes {
            return Err(Error::LabelOutOfRange {
                row,
                label,
                classes,
            });
        }
        Ok(Self::new(probabilities, label))
    }
}
