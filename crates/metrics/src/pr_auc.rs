use crate::ranking::Ranking;
use crate::roc_auc::over_classes;
use crate::{Average, Curve, Predictions};

/// The average precision of `class` against all others: `Σ (Rₙ − Rₙ₋₁) Pₙ` over all thresholds, without
/// interpolation. `None` if no row is of the class, or only outcomes are known.
pub fn class_pr_auc(predictions: &Predictions, class: usize) -> Option<f64> {
    area(&Ranking::new(predictions, class)?)
}

/// The average precision: of class 1 if there are two classes, otherwise one against the rest, averaged over the
/// classes that occur; scikit-learn's `average_precision_score`.
///
/// [`Average::Weighted`] weights classes by their rows, everything else counts them alike.
pub fn pr_auc(predictions: &Predictions, how: Average) -> Option<f64> {
    over_classes(predictions, how, class_pr_auc)
}

/// The precision-recall curve of `class`: recall (x), precision (y), at most `limit` points.
pub fn pr_curve(predictions: &Predictions, class: usize, limit: usize) -> Option<Curve> {
    curve(&Ranking::new(predictions, class)?, limit)
}

pub(crate) fn area(ranking: &Ranking) -> Option<f64> {
    let mut sum = 0.0;
    let mut found = 0.0;
    for (positives, negatives) in &ranking.steps {
        if positives + negatives > 0.0 {
            sum += (positives - found) * positives / (positives + negatives);
        }
        found = *positives;
    }
    (ranking.positives > 0.0).then(|| sum / ranking.positives)
}

pub(crate) fn curve(ranking: &Ranking, limit: usize) -> Option<Curve> {
    let weighing = ranking
        .steps
        .iter()
        .filter(|(positives, negatives)| positives + negatives > 0.0);
    let point = |(positives, negatives): &(f64, f64)| {
        (
            positives / ranking.positives,
            positives / (positives + negatives),
        )
    };
    let points: Vec<_> = std::iter::once((0.0, 1.0))
        .chain(weighing.map(point))
        .collect();
    (ranking.positives > 0.0).then(|| Curve::thinned(&points, limit))
}
