use crate::Estimates;

/// The coefficient of determination, `1 − Σ(y − ŷ)² / Σ(y − ȳ)²`, averaged over outputs: 1 is perfect, 0 is no better
/// than always saying the mean.
///
/// For a constant target it is 1 if every prediction is exact and 0 otherwise, as in scikit-learn. `None` for fewer
/// than two rows.
pub fn r2(estimates: &Estimates) -> Option<f64> {
    (estimates.rows() >= 2)
        .then(|| estimates.mean_over_outputs(|output| output_r2(estimates, output)))
}

fn output_r2(estimates: &Estimates, output: usize) -> f64 {
    let mean = estimates.mean(|row| estimates.target(row, output));
    let residual = estimates.mean(|row| estimates.error(row, output).powi(2));
    let total = estimates.mean(|row| (estimates.target(row, output) - mean).powi(2));
    let constant = (1..estimates.rows())
        .all(|row| estimates.target(row, output) == estimates.target(0, output));
    match (residual == 0.0, constant || total == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - residual / total,
    }
}
