use super::Labelled;
use crate::metrics::Tally;

/// How often each label is true, said, and both.
///
/// Averaged by [`Tally::average`] as scikit-learn averages indicator matrices: a label that no row has and none is
/// said to have counts 0 in the macro average.
pub fn label_tallies(labelled: &Labelled) -> Vec<Tally> {
    let count =
        |is: &dyn Fn(usize) -> bool| (0..labelled.rows()).filter(|row| is(*row)).count() as f64;
    let tally = |label| Tally {
        support: count(&|row| labelled.has(row, label)),
        predicted: count(&|row| labelled.says(row, label)),
        correct: count(&|row| labelled.has(row, label) && labelled.says(row, label)),
    };
    (0..labelled.classes()).map(tally).collect()
}
