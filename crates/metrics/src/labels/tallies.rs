use super::Labelled;
use crate::Tally;

/// How often each label is true, said, and both.
///
/// Averaged by [`Tally::average`] as scikit-learn averages indicator matrices: a label that no row has and none is
/// said to have counts 0 in the macro average.
pub fn label_tallies(labelled: &Labelled) -> Vec<Tally> {
    labelled.counts.tallies.clone()
}
