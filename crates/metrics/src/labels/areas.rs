use super::{Labelled, label_tallies};
use crate::ranking::Ranking;
use crate::roc_auc::average_defined;
use crate::{Average, pr_auc, roc_auc};

/// The areas under the ROC curves of all labels, averaged over those for which it is defined: scikit-learn's
/// `roc_auc_score`. [`Average::Weighted`] weights labels by their rows, everything else counts them alike.
pub fn label_roc_auc(labelled: &Labelled, how: Average) -> Option<f64> {
    over_labels(labelled, how, roc_auc::area)
}

/// The average precision of all labels, averaged over those that occur: scikit-learn's `average_precision_score`.
/// [`Average::Weighted`] weights labels by their rows, everything else counts them alike.
pub fn label_pr_auc(labelled: &Labelled, how: Average) -> Option<f64> {
    over_labels(labelled, how, pr_auc::area)
}

/// Ranks all rows by their probability of a label; `None` if the probabilities are not known.
pub(super) fn ranking(labelled: &Labelled, label: usize) -> Option<Ranking> {
    let cells = labelled.cells()?;
    Some(Ranking::of(
        labelled.rows(),
        |row| cells.probability(row, label),
        |row| cells.has(row, label),
        |_| 1.0,
    ))
}

fn over_labels(
    labelled: &Labelled,
    how: Average,
    area: fn(&Ranking) -> Option<f64>,
) -> Option<f64> {
    let labels = 0..labelled.classes();
    let areas: Vec<_> = labels
        .map(|label| ranking(labelled, label).as_ref().and_then(area))
        .collect();
    let weights: Vec<_> = label_tallies(labelled)
        .iter()
        .map(|tally| tally.support)
        .collect();
    average_defined(&areas, &weights, how)
}
