//! Metrics of rows that have any number of labels each, equal to scikit-learn's for indicator matrices.

mod areas;
mod counts;
mod exact_match;
mod hamming_loss;
mod labelled;
mod log_loss;
mod metric;
mod summary;
mod tallies;

pub use areas::{label_pr_auc, label_roc_auc};
pub use counts::LabelCounts;
pub use exact_match::exact_match;
pub use hamming_loss::hamming_loss;
pub use labelled::{Cells, LABEL_THRESHOLD, Labelled};
pub use log_loss::label_log_loss;
pub use summary::LabelSummary;
pub use tallies::label_tallies;
