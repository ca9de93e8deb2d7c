use crate::average::{average, ratio};
use crate::{Average, ConfusionMatrix};

/// The harmonic mean of precision and recall of `class`, `2 TP / (2 TP + FP + FN)`; 0 if the class never occurs.
pub fn class_f1(confusion: &ConfusionMatrix, class: usize) -> f64 {
    ratio(
        2.0 * confusion.correct(class),
        confusion.support(class) + confusion.predicted(class),
    )
}

/// [`class_f1`] averaged over classes, scikit-learn's `f1_score`.
pub fn f1(confusion: &ConfusionMatrix, how: Average) -> f64 {
    average(confusion, how, class_f1)
}
