use super::Labelled;

/// The share of rows of which every label is right: none missing, none too many; scikit-learn's `accuracy_score`.
pub fn exact_match(labelled: &Labelled) -> f64 {
    let right = |row: &usize| (0..labelled.classes()).all(|label| labelled.right(*row, label));
    (0..labelled.rows()).filter(right).count() as f64 / labelled.rows() as f64
}
