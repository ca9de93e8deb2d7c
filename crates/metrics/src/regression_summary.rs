use serde::{Deserialize, Serialize};

use crate::Estimates;

/// How many points a summary keeps for the scatter plots.
const POINTS: usize = 1000;

/// Everything that an evaluation of a regression shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegressionSummary {
    /// Number of rows.
    pub rows: usize,
    /// Sum of the sample weights; the number of rows when none were given.
    pub weight: f64,
    /// See [`super::mse`].
    pub mse: f64,
    /// See [`super::rmse`].
    pub rmse: f64,
    /// See [`super::mae`].
    pub mae: f64,
    /// See [`super::r2`].
    pub r2: Option<f64>,
    /// The weighted mean of predicted less true values: above 0 the model says too much.
    pub bias: f64,
    /// The largest absolute error.
    pub largest_error: f64,
    /// (true, predicted) of the first output, of at most 1,000 rows at equal distances.
    pub points: Vec<(f32, f32)>,
}

impl RegressionSummary {
    /// Computes everything.
    pub fn compute(estimates: &Estimates) -> Self {
        let cells = || {
            (0..estimates.rows())
                .flat_map(|row| (0..estimates.outputs()).map(move |output| (row, output)))
        };
        let stride = estimates.rows().div_ceil(POINTS);
        let point = |row| {
            (
                estimates.target(row, 0) as f32,
                estimates.predicted(row, 0) as f32,
            )
        };
        Self {
            rows: estimates.rows(),
            weight: estimates.total_weight(),
            mse: super::mse(estimates),
            rmse: super::rmse(estimates),
            mae: super::mae(estimates),
            r2: super::r2(estimates),
            bias: estimates
                .mean_over_outputs(|output| estimates.mean(|row| estimates.error(row, output))),
            largest_error: cells()
                .map(|(row, output)| estimates.error(row, output).abs())
                .fold(0.0, f64::max),
            points: (0..estimates.rows()).step_by(stride).map(point).collect(),
        }
    }
}
