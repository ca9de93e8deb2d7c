use super::Labelled;

/// The mean of `−ln p(what is true)` over rows and labels, in nats: scikit-learn's `log_loss` of every label by
/// itself, averaged.
///
/// Probabilities are clipped to [ε, 1 − ε] with ε of `f32`, as in [`crate::metrics::log_loss`].
pub fn label_log_loss(labelled: &Labelled) -> f64 {
    -labelled.mean(|row, label| {
        let probability = labelled.probability(row, label);
        let clipped = f64::from(probability.clamp(f32::EPSILON, 1.0 - f32::EPSILON));
        if labelled.has(row, label) {
            clipped.ln()
        } else {
            (1.0 - clipped).ln()
        }
    })
}
