use super::Labelled;

/// The mean of `−ln p(what is true)` over rows and labels, in nats: scikit-learn's `log_loss` of every label by
/// itself, averaged.
///
/// Probabilities are clipped to [ε, 1 − ε] with ε of `f32`, as in [`crate::log_loss`].
pub fn label_log_loss(labelled: &Labelled) -> f64 {
    match labelled.cells() {
        Some(cells) => cells.mean(loss_of),
        None => {
            let rows = labelled.counts.rows.iter();
            let cells = labelled.rows() as f64 * labelled.classes() as f64;
            rows.map(|row| row.loss).sum::<f64>() / cells
        }
    }
}

/// The loss of one label of one row.
pub(super) fn loss_of(probability: f32, is_true: bool) -> f64 {
    let clipped = f64::from(probability.clamp(f32::EPSILON, 1.0 - f32::EPSILON));
    -if is_true {
        clipped.ln()
    } else {
        (1.0 - clipped).ln()
    }
}
