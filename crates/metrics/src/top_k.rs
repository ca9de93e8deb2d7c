use crate::Predictions;

/// The weighted share of rows whose true class is among the `k` most probable.
///
/// Of equally probable classes the later one counts as more probable, as in scikit-learn's `top_k_accuracy_score`.
/// With `k` at least the number of classes the result is 1.
pub fn top_k(predictions: &Predictions, k: usize) -> f64 {
    predictions.mean(|row| f64::from((predictions.outcomes()[row].rank as usize) < k))
}
