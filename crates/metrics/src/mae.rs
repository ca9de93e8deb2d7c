use crate::Estimates;

/// The weighted mean absolute error, in the unit of the target, averaged over outputs.
pub fn mae(estimates: &Estimates) -> f64 {
    estimates.mean_over_outputs(|output| estimates.mean(|row| estimates.error(row, output).abs()))
}
