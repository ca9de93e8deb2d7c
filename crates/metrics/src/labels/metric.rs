use super::{
    Labelled, exact_match, hamming_loss, label_log_loss, label_pr_auc, label_roc_auc, label_tallies,
};
use crate::Error;
use crate::{Average, Metric, Tally};

impl Metric {
    /// Checks before any training that the metric can be computed for a model with several labels a row.
    ///
    /// # Errors
    ///
    /// [`Error::MetricMisfit`] with what to use instead.
    pub fn check_labels(self) -> Result<(), Error> {
        match self {
            Self::Precision(Average::Binary)
            | Self::Recall(Average::Binary)
            | Self::F1(Average::Binary) => Err(self.misfit(
                "is of one class, and rows have several labels",
                format!("use `{self}_macro` or `{self}_micro`"),
            )),
            Self::ExactMatch
            | Self::HammingLoss
            | Self::LogLoss
            | Self::Precision(_)
            | Self::Recall(_)
            | Self::F1(_)
            | Self::RocAuc(_)
            | Self::PrAuc(_) => Ok(()),
            _ => Err(self.misfit(
                "does not measure rows that have several labels",
                "use exact_match, f1_micro, f1_macro, hamming_loss or roc_auc",
            )),
        }
    }

    /// Computes a metric of rows that have several labels; `None` where the rows do not define it.
    ///
    /// # Errors
    ///
    /// As [`Metric::check_labels`].
    pub fn of_labels(self, labelled: &Labelled) -> Result<Option<f64>, Error> {
        self.check_labels()?;
        let average = |how, score| Some(Tally::average(&label_tallies(labelled), how, score));
        Ok(match self {
            Self::ExactMatch => Some(exact_match(labelled)),
            Self::HammingLoss => Some(hamming_loss(labelled)),
            Self::LogLoss => Some(label_log_loss(labelled)),
            Self::Precision(how) => average(how, Tally::precision),
            Self::Recall(how) => average(how, Tally::recall),
            Self::F1(how) => average(how, Tally::f1),
            Self::RocAuc(how) => label_roc_auc(labelled, how),
            Self::PrAuc(how) => label_pr_auc(labelled, how),
            _ => None,
        })
    }
}
