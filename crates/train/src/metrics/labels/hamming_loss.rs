use super::Labelled;

/// The share of rows and labels that are wrong, scikit-learn's `hamming_loss`.
pub fn hamming_loss(labelled: &Labelled) -> f64 {
    labelled.mean(|row, label| f64::from(!labelled.right(row, label)))
}
