use crate::Estimates;

/// The weighted mean squared error, averaged over outputs.
pub fn mse(estimates: &Estimates) -> f64 {
    estimates.mean_over_outputs(|output| output_mse(estimates, output))
}

pub(crate) fn output_mse(estimates: &Estimates, output: usize) -> f64 {
    estimates.mean(|row| estimates.error(row, output).powi(2))
}
