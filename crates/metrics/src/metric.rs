use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::{Average, ConfusionMatrix, Estimates, Predictions};

/// A metric by name, as recipes and histories spell it.
///
/// Classification: `accuracy`, `balanced_accuracy`, `top_5_accuracy` (any number), `log_loss`, `calibration_error`,
/// `precision`, `recall`, `f1` (of class 1, for two classes; otherwise with `_macro`, `_micro` or `_weighted`),
/// `roc_auc`, `pr_auc` (macro, or with `_weighted`). Several labels a row: `exact_match`, `hamming_loss`, `log_loss`,
/// `roc_auc`, `pr_auc`, and `precision`, `recall`, `f1` with `_macro`, `_micro` or `_weighted`. Tags: `accuracy` and
/// `balanced_accuracy` over tokens, the same three with their endings over tags, and where tags mark spans
/// `span_precision`, `span_recall`, `span_f1`. Regression: `mse`, `rmse`, `mae`, `r2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Metric {
    /// See [`super::accuracy`].
    Accuracy,
    /// See [`super::balanced_accuracy`].
    BalancedAccuracy,
    /// See [`super::top_k`].
    TopK(usize),
    /// See [`super::precision`].
    Precision(Average),
    /// See [`super::recall`].
    Recall(Average),
    /// See [`super::f1`].
    F1(Average),
    /// See [`super::roc_auc`]; macro or weighted.
    RocAuc(Average),
    /// See [`super::pr_auc`]; macro or weighted.
    PrAuc(Average),
    /// See [`super::log_loss`].
    LogLoss,
    /// See [`super::calibration_error`].
    CalibrationError,
    /// See [`super::exact_match`].
    ExactMatch,
    /// See [`super::hamming_loss`].
    HammingLoss,
    /// Of all spans together, see [`super::span_tallies`].
    SpanPrecision,
    /// Of all spans together, see [`super::span_tallies`].
    SpanRecall,
    /// Of all spans together, see [`super::span_tallies`].
    SpanF1,
    /// See [`super::mse`].
    Mse,
    /// See [`super::rmse`].
    Rmse,
    /// See [`super::mae`].
    Mae,
    /// See [`super::r2`].
    R2,
}

const FIXED: [Metric; 30] = {
    use Average::{Binary, Macro, Micro, Weighted};
    use Metric::*;
    [
        Accuracy,
        BalancedAccuracy,
        TopK(5),
        Precision(Binary),
        Precision(Macro),
        Precision(Micro),
        Precision(Weighted),
        Recall(Binary),
        Recall(Macro),
        Recall(Micro),
        Recall(Weighted),
        F1(Binary),
        F1(Macro),
        F1(Micro),
        F1(Weighted),
        RocAuc(Macro),
        RocAuc(Weighted),
        PrAuc(Macro),
        PrAuc(Weighted),
        LogLoss,
        CalibrationError,
        ExactMatch,
        HammingLoss,
        SpanPrecision,
        SpanRecall,
        SpanF1,
        Mse,
        Rmse,
        Mae,
        R2,
    ]
};

impl Metric {
    /// Every metric, `top_k` with 5.
    pub fn all() -> impl Iterator<Item = Self> {
        FIXED.into_iter()
    }

    /// Whether it measures regressions; otherwise classifications.
    pub fn is_regression(self) -> bool {
        matches!(self, Self::Mse | Self::Rmse | Self::Mae | Self::R2)
    }

    /// Whether a larger value is better.
    pub fn higher_is_better(self) -> bool {
        !matches!(
            self,
            Self::LogLoss
                | Self::CalibrationError
                | Self::HammingLoss
                | Self::Mse
                | Self::Rmse
                | Self::Mae
        )
    }

    /// Checks before any training that the metric can be computed for a model with `classes` classes (`None` for a
    /// regression).
    ///
    /// # Errors
    ///
    /// [`Error::MetricMisfit`] with what to use instead.
    pub fn check(self, classes: Option<usize>) -> Result<(), Error> {
        let misfit = |reason: String, remedy: String| Err(self.misfit(reason, remedy));
        match (self, classes) {
            (metric, None) if !metric.is_regression() => misfit(
                "needs classes".into(),
                "use mse, rmse, mae or r2 for a regression".into(),
            ),
            (metric, Some(_)) if metric.is_regression() => misfit(
                "measures regressions".into(),
                "use accuracy or log_loss for a classification".into(),
            ),
            (Self::ExactMatch | Self::HammingLoss, _) => misfit(
                "measures rows that have several labels".into(),
                "use accuracy or log_loss".into(),
            ),
            (Self::SpanPrecision | Self::SpanRecall | Self::SpanF1, _) => misfit(
                "measures the tags of tokens".into(),
                "use accuracy or f1_macro".into(),
            ),
            (
                Self::Precision(Average::Binary)
                | Self::Recall(Average::Binary)
                | Self::F1(Average::Binary),
                Some(count),
            ) if count > 2 => misfit(
                format!("needs two classes, found {count}"),
                format!("use `{self}_macro`"),
            ),
            (Self::TopK(0), _) => misfit(
                "counts no class".into(),
                "use a number of at least 1".into(),
            ),
            _ => Ok(()),
        }
    }

    /// Computes a classification metric; `None` where the rows do not define it.
    ///
    /// # Errors
    ///
    /// As [`Metric::check`].
    pub fn of_classification(self, predictions: &Predictions) -> Result<Option<f64>, Error> {
        self.check(Some(predictions.classes()))?;
        let confusion = || ConfusionMatrix::new(predictions);
        Ok(match self {
            Self::Accuracy => Some(super::accuracy(predictions)),
            Self::BalancedAccuracy => Some(super::balanced_accuracy(&confusion())),
            Self::TopK(count) => Some(super::top_k(predictions, count)),
            Self::Precision(how) => Some(super::precision(&confusion(), how)),
            Self::Recall(how) => Some(super::recall(&confusion(), how)),
            Self::F1(how) => Some(super::f1(&confusion(), how)),
            Self::RocAuc(how) => super::roc_auc(predictions, how),
            Self::PrAuc(how) => super::pr_auc(predictions, how),
            Self::LogLoss => Some(super::log_loss(predictions)),
            Self::CalibrationError => Some(super::calibration_error(predictions)),
            _ => None,
        })
    }

    /// Computes a regression metric; `None` where the rows do not define it.
    ///
    /// # Errors
    ///
    /// As [`Metric::check`].
    pub fn of_regression(self, estimates: &Estimates) -> Result<Option<f64>, Error> {
        self.check(None)?;
        Ok(match self {
            Self::Mse => Some(super::mse(estimates)),
            Self::Rmse => Some(super::rmse(estimates)),
            Self::Mae => Some(super::mae(estimates)),
            Self::R2 => super::r2(estimates),
            _ => None,
        })
    }

    /// The error of a metric that ranks all rows for each class, where that is too much.
    pub fn too_large(self, rows: usize, classes: usize) -> Error {
        let [most, cells] = [super::RANKED_CLASSES, super::RANKED_CELLS];
        self.misfit(
            format!(
                "ranks {rows} rows for each of {classes} classes, and beyond {most} classes it is computed for up to \
                 {cells} probabilities only"
            ),
            "use accuracy, top_5_accuracy or log_loss, or measure on fewer rows",
        )
    }

    /// The error of a metric that does not fit.
    pub(crate) fn misfit(self, reason: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::MetricMisfit {
            metric: self.to_string(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accuracy => formatter.write_str("accuracy"),
            Self::BalancedAccuracy => formatter.write_str("balanced_accuracy"),
            Self::TopK(count) => write!(formatter, "top_{count}_accuracy"),
            Self::Precision(how) => write!(formatter, "precision{}", suffix(*how)),
            Self::Recall(how) => write!(formatter, "recall{}", suffix(*how)),
            Self::F1(how) => write!(formatter, "f1{}", suffix(*how)),
            Self::RocAuc(how) => write!(formatter, "roc_auc{}", area_suffix(*how)),
            Self::PrAuc(how) => write!(formatter, "pr_auc{}", area_suffix(*how)),
            Self::LogLoss => formatter.write_str("log_loss"),
            Self::CalibrationError => formatter.write_str("calibration_error"),
            Self::ExactMatch => formatter.write_str("exact_match"),
            Self::HammingLoss => formatter.write_str("hamming_loss"),
            Self::SpanPrecision => formatter.write_str("span_precision"),
            Self::SpanRecall => formatter.write_str("span_recall"),
            Self::SpanF1 => formatter.write_str("span_f1"),
            Self::Mse => formatter.write_str("mse"),
            Self::Rmse => formatter.write_str("rmse"),
            Self::Mae => formatter.write_str("mae"),
            Self::R2 => formatter.write_str("r2"),
        }
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let middle = name
            .strip_prefix("top_")
            .and_then(|rest| rest.strip_suffix("_accuracy"));
        if let Some(Ok(count @ 1..)) = middle.map(str::parse) {
            return Ok(Self::TopK(count));
        }
        Self::all()
            .find(|metric| metric.to_string() == name)
            .ok_or_else(|| unknown(name))
    }
}

impl TryFrom<String> for Metric {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

fn suffix(how: Average) -> &'static str {
    match how {
        Average::Binary => "",
        Average::Macro => "_macro",
        Average::Micro => "_micro",
        Average::Weighted => "_weighted",
    }
}

fn area_suffix(how: Average) -> &'static str {
    if how == Average::Weighted {
        "_weighted"
    } else {
        ""
    }
}

fn unknown(name: &str) -> Error {
    let known: Vec<String> = Metric::all().map(|metric| metric.to_string()).collect();
    let nearest = known
        .iter()
        .min_by_key(|other| strsim::levenshtein(name, other))
        .cloned()
        .unwrap_or_default();
    Error::UnknownMetric {
        name: name.into(),
        nearest,
        known: known.join(", "),
    }
}
