use crate::average::{average, ratio};
use crate::{Average, ConfusionMatrix};

/// The share of rows predicted as `class` that are of that class; 0 if none were predicted.
pub fn class_precision(confusion: &ConfusionMatrix, class: usize) -> f64 {
    ratio(confusion.correct(class), confusion.predicted(class))
}

/// [`class_precision`] averaged over classes, scikit-learn's `precision_score`.
pub fn precision(confusion: &ConfusionMatrix, how: Average) -> f64 {
    average(confusion, how, class_precision)
}
