use super::Labelled;

/// The share of rows and labels that are wrong, scikit-learn's `hamming_loss`.
pub fn hamming_loss(labelled: &Labelled) -> f64 {
    let wrong: f64 = labelled
        .counts
        .rows
        .iter()
        .map(|row| f64::from(row.wrong))
        .sum();
    wrong / (labelled.rows() as f64 * labelled.classes() as f64)
}
