use super::Labelled;

/// The share of rows of which every label is right: none missing, none too many; scikit-learn's `accuracy_score`.
pub fn exact_match(labelled: &Labelled) -> f64 {
    let right = (0..labelled.rows()).filter(|row| labelled.is_exact(*row));
    right.count() as f64 / labelled.rows() as f64
}
