use crate::Error;
use crate::predictions::{check_length, check_weights};

/// What a regression said about some rows, and what was true: checked once, then read by every metric.
#[derive(Debug, Clone, Copy)]
pub struct Estimates<'a> {
    predicted: &'a [f32],
    targets: &'a [f32],
    outputs: usize,
    weights: Option<&'a [f32]>,
}

impl<'a> Estimates<'a> {
    /// Checks and joins predictions and targets.
    ///
    /// # Arguments
    ///
    /// - `predicted`, `targets`: rows × `outputs`, row-major.
    /// - `weights`: how much each row counts, finite and not negative; `None` counts every row once.
    ///
    /// # Errors
    ///
    /// No rows, lengths that do not match, a value that is not finite, a weight that is negative or not finite,
    /// weights that are all zero.
    pub fn new(
        predicted: &'a [f32],
        targets: &'a [f32],
        outputs: usize,
        weights: Option<&'a [f32]>,
    ) -> Result<Self, Error> {
        if targets.is_empty() || outputs == 0 {
            return Err(Error::NoRows);
        }
        check_length(
            "targets",
            targets.len().next_multiple_of(outputs),
            targets.len(),
        )?;
        check_length("predicted values", targets.len(), predicted.len())?;
        check_finite("predicted value", predicted, outputs)?;
        check_finite("target", targets, outputs)?;
        check_weights(weights, targets.len() / outputs)?;
        Ok(Self {
            predicted,
            targets,
            outputs,
            weights,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.targets.len() / self.outputs
    }

    /// Number of values a row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The predicted value of one row and output.
    pub fn predicted(&self, row: usize, output: usize) -> f64 {
        f64::from(self.predicted[row * self.outputs + output])
    }

    /// The true value of one row and output.
    pub fn target(&self, row: usize, output: usize) -> f64 {
        f64::from(self.targets[row * self.outputs + output])
    }

    /// The predicted less the true value of one row and output.
    pub fn error(&self, row: usize, output: usize) -> f64 {
        self.predicted(row, output) - self.target(row, output)
    }

    /// The weight of one row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// The sum of all weights; the number of rows when none were given.
    pub fn total_weight(&self) -> f64 {
        (0..self.rows()).map(|row| self.weight(row)).sum()
    }

    /// The weighted mean of `value(row)` over all rows.
    pub(crate) fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        let sum: f64 = (0..self.rows())
            .map(|row| self.weight(row) * value(row))
            .sum();
        sum / self.total_weight()
    }

    /// The plain mean of `value(output)` over the outputs, scikit-learn's `uniform_average`.
    pub(crate) fn mean_over_outputs(&self, value: impl Fn(usize) -> f64) -> f64 {
        (0..self.outputs).map(value).sum::<f64>() / self.outputs as f64
    }
}

fn check_finite(what: &'static str, values: &[f32], outputs: usize) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite {
            what,
            row: index / outputs,
            column: index % outputs,
            value: values[index],
        }),
    }
}
