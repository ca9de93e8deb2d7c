use crate::Estimates;
use crate::mse::output_mse;

/// The root of the mean squared error, in the unit of the target; with several outputs the mean of their roots, as
/// scikit-learn's `root_mean_squared_error`.
pub fn rmse(estimates: &Estimates) -> f64 {
    estimates.mean_over_outputs(|output| output_mse(estimates, output).sqrt())
}
