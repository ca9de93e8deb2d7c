use crate::{ConfusionMatrix, Predictions};

/// The weighted share of rows whose most probable class is the true one.
pub fn accuracy(predictions: &Predictions) -> f64 {
    predictions.mean(|row| f64::from(predictions.predicted(row).0 == predictions.label(row)))
}

/// The mean recall over the classes that some row has: accuracy as if every class were equally frequent.
pub fn balanced_accuracy(confusion: &ConfusionMatrix) -> f64 {
    let recalls: Vec<f64> = (0..confusion.classes())
        .filter(|class| confusion.support(*class) > 0.0)
        .map(|class| super::class_recall(confusion, class))
        .collect();
    recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
}
