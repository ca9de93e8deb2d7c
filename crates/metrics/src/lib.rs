//! Metrics of classification and regression, equal to scikit-learn's.
//!
//! Each metric is a function in a file of its own over [`Predictions`] (classification), [`Labelled`] (several labels a
//! row), [`Tagged`] (a tag a token) or [`Estimates`] (regression). [`Metric`] names them for recipes and histories;
//! [`ClassificationSummary`], [`LabelSummary`], [`TagSummary`] and [`RegressionSummary`] compute everything that an
//! evaluation shows.
//!
//! # What is refused, what is undefined
//!
//! NaN and infinity never enter: [`Predictions::new`] and [`Estimates::new`] refuse them and name the row. A figure
//! that the data cannot define (the ROC AUC of a class that no row has, the R² of a single row) is `None`, which
//! JSON shows as `null`; averages over classes leave undefined classes out. Areas under curves are undefined where there
//! are too many classes to keep all probabilities: see [`keeps_probabilities`]. A precision, recall or F1 that divides
//! zero by zero is 0, as with scikit-learn's `zero_division=0`.
//!
//! All sums run in `f64` in row order, so a figure depends on nothing but the rows.
//!
//! # Example
//!
//! ```
//! use jingwei_metrics::{ClassificationSummary, Metric, Predictions};
//!
//! let probabilities = [0.9, 0.1, 0.4, 0.6, 0.7, 0.3]; // three rows, two classes
//! let predictions = Predictions::new(&probabilities, 2, &[0, 1, 1], None)?;
//! let metric: Metric = "accuracy".parse()?;
//! assert_eq!(metric.of_classification(&predictions)?, Some(2.0 / 3.0));
//! let summary = ClassificationSummary::compute(&predictions);
//! assert_eq!(summary.classes[1].recall, 0.5);
//! # Ok::<(), jingwei_metrics::Error>(())
//! ```

mod accuracy;
mod average;
mod calibration_error;
mod compared;
mod confusion_matrix;
mod curve;
mod epoch;
mod error;
mod estimates;
mod evaluation;
mod f1;
mod kept;
mod labels;
mod log_loss;
mod mae;
mod metric;
mod mse;
mod outcome;
mod pr_auc;
mod precision;
mod predictions;
mod r2;
mod ranking;
mod recall;
mod regression_summary;
mod rmse;
mod roc_auc;
mod summary;
mod tags;
mod tally;
mod top_k;

pub use accuracy::{accuracy, balanced_accuracy};
pub use average::{Average, Averages};
pub use calibration_error::{CALIBRATION_BINS, ReliabilityBin, calibration_error, reliability};
pub use compared::Compared;
pub use confusion_matrix::ConfusionMatrix;
pub use curve::Curve;
pub use epoch::{Epoch, Series};
pub use error::Error;
pub use estimates::Estimates;
pub use evaluation::Evaluation;
pub use f1::{class_f1, f1};
pub use kept::Kept;
pub use labels::{
    Cells, LABEL_THRESHOLD, LabelCounts, LabelSummary, Labelled, exact_match, hamming_loss,
    label_log_loss, label_pr_auc, label_roc_auc, label_tallies,
};
pub use log_loss::log_loss;
pub use mae::mae;
pub use metric::Metric;
pub use mse::mse;
pub use outcome::{Outcome, RANKED_CELLS, RANKED_CLASSES, keeps_probabilities};
pub use pr_auc::{class_pr_auc, pr_auc, pr_curve};
pub use precision::{class_precision, precision};
pub use predictions::{Predictions, check_labels, two_columns};
pub use r2::r2;
pub use recall::{class_recall, recall};
pub use regression_summary::RegressionSummary;
pub use rmse::rmse;
pub use roc_auc::{class_roc_auc, roc_auc, roc_curve};
pub use summary::{ClassScores, ClassificationSummary, ConfidenceBin, TopK};
pub use tags::{
    ErrorKindSummary, MISSING_TAG, Scheme, Span, SpanError, SpanErrorKind, SpanScores, SpanSummary,
    TagScores, TagSummary, Tagged, TypeScores, span_errors, span_tallies, strict_span_tallies,
    tag_confusion, tag_tallies, token_accuracy,
};
pub use tally::Tally;
pub use top_k::top_k;
