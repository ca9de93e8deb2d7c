use serde::{Deserialize, Serialize};

use crate::ConfusionMatrix;

/// How the scores of single classes become one figure, as scikit-learn's `average`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// The score of class 1, of a model with two classes.
    Binary,
    /// The plain mean over the classes that occur among labels or predictions.
    Macro,
    /// Computed from the counts of all classes together.
    Micro,
    /// The mean over classes, each weighted by the weight of its rows.
    Weighted,
}

/// One score, averaged over classes in three ways.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    /// See [`Average::Macro`].
    #[serde(rename = "macro")]
    pub unweighted: f64,
    /// See [`Average::Micro`].
    pub micro: f64,
    /// See [`Average::Weighted`].
    pub weighted: f64,
}

impl Averages {
    /// All three averages of `score`, one of [`super::precision`], [`super::recall`] and [`super::f1`].
    pub fn new(confusion: &ConfusionMatrix, score: fn(&ConfusionMatrix, Average) -> f64) -> Self {
        Self {
            unweighted: score(confusion, Average::Macro),
            micro: score(confusion, Average::Micro),
            weighted: score(confusion, Average::Weighted),
        }
    }
}

/// Averages the class score `score(confusion, class)`. In the micro average of one label a row, every false positive
/// of a class is a false negative of another, so that precision, recall and F1 all equal accuracy.
pub(crate) fn average(
    confusion: &ConfusionMatrix,
    average: Average,
    score: fn(&ConfusionMatrix, usize) -> f64,
) -> f64 {
    let classes = 0..confusion.classes();
    match average {
        Average::Binary => score(confusion, 1.min(confusion.classes() - 1)),
        Average::Micro => ratio(
            classes.map(|class| confusion.correct(class)).sum(),
            confusion.total(),
        ),
        Average::Macro => mean(classes.filter_map(|class| {
            let occurs = confusion.support(class) > 0.0 || confusion.predicted(class) > 0.0;
            occurs.then(|| (score(confusion, class), 1.0))
        }))
        .unwrap_or(0.0),
        Average::Weighted => {
            mean(classes.map(|class| (score(confusion, class), confusion.support(class))))
                .unwrap_or(0.0)
        }
    }
}

/// The mean of (value, weight); `None` without weight.
pub(crate) fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = values.fold((0.0, 0.0), |sum, (value, weight)| {
        (sum.0 + value * weight, sum.1 + weight)
    });
    (weight > 0.0).then(|| sum / weight)
}

/// `numerator / denominator`, 0 where the denominator is 0.
pub(crate) fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 {
        0.0
    } else {
        numerator / denominator
    }
}
