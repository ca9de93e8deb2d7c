use crate::Predictions;

/// The weighted mean of `−ln p(true class)`, in nats.
///
/// Probabilities are clipped to [ε, 1 − ε] with ε of `f32` (1.19e-7), as scikit-learn's `log_loss` does for `f32`.
pub fn log_loss(predictions: &Predictions) -> f64 {
    let clip = |probability: f32| f64::from(probability.clamp(f32::EPSILON, 1.0 - f32::EPSILON));
    -predictions.mean(|row| clip(predictions.truth(row)).ln())
}
