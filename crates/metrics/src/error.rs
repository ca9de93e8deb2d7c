/// Why something cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to measure.
    #[error("metrics: there are no rows to measure; give at least one row and one class or output")]
    NoRows,
    /// Two inputs of a metric do not belong together.
    #[error(
        "metrics: expected {expected} {what}, found {found}; give every row its values, label and weight"
    )]
    Length {
        /// The input that has the wrong length.
        what: &'static str,
        /// The length that follows from the other inputs.
        expected: usize,
        /// The length that came.
        found: usize,
    },
    /// A value is NaN or infinite.
    #[error(
        "metrics: {what} of row {row}, column {column} is {value}; metrics need finite numbers"
    )]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f32,
    },
    /// A probability is NaN or outside [0, 1].
    #[error(
        "metrics: the probability of row {row}, class {column} is {value}, not in [0, 1]; \
         apply softmax or sigmoid to the logits first, and check the model for NaN"
    )]
    NotProbability {
        /// Row, from 0.
        row: usize,
        /// Class, from 0.
        column: usize,
        /// The value.
        value: f32,
    },
    /// A label names a class that the model does not have.
    #[error("metrics: row {row} has label {label}, but the model has {classes} classes (0 to {})", classes - 1)]
    LabelOutOfRange {
        /// Row, from 0.
        row: usize,
        /// The label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// A sample weight is negative, NaN or infinite.
    #[error(
        "metrics: the sample weight of row {row} is {value}; weights must be finite and not negative"
    )]
    Weight {
        /// Row, from 0.
        row: usize,
        /// The weight.
        value: f32,
    },
    /// All sample weights are zero.
    #[error("metrics: all sample weights are zero; at least one row must count")]
    NoWeight,
    /// No metric has this name.
    #[error("unknown metric `{name}`; did you mean `{nearest}`? Known are {known}")]
    UnknownMetric {
        /// The name that came.
        name: String,
        /// The known name nearest to it.
        nearest: String,
        /// All known names.
        known: String,
    },
    /// A metric does not fit the task or the number of classes.
    #[error("metric `{metric}` {reason}; {remedy}")]
    MetricMisfit {
        /// The metric.
        metric: String,
        /// Why it does not fit.
        reason: String,
        /// What to use instead.
        remedy: String,
    },
}

impl Error {
    /// The same of another row, where rows were looked at one by one.
    pub fn of_row(self, row: usize) -> Self {
        match self {
            Self::NotProbability { column, value, .. } => {
                Self::NotProbability { row, column, value }
            }
            other => other,
        }
    }
}
