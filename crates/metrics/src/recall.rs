use crate::average::{average, ratio};
use crate::{Average, ConfusionMatrix};

/// The share of rows of `class` that were predicted as such; 0 if there are none.
pub fn class_recall(confusion: &ConfusionMatrix, class: usize) -> f64 {
    ratio(confusion.correct(class), confusion.support(class))
}

/// [`class_recall`] averaged over classes, scikit-learn's `recall_score`.
pub fn recall(confusion: &ConfusionMatrix, how: Average) -> f64 {
    average(confusion, how, class_recall)
}
