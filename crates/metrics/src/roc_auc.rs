use crate::average::mean;
use crate::ranking::Ranking;
use crate::{Average, Curve, Predictions};

/// The area under the ROC curve of `class` against all others: the chance that a row of the class is ranked before
/// another row, ties counting half. `None` unless there are rows on both sides and the probabilities of all classes are
/// known.
pub fn class_roc_auc(predictions: &Predictions, class: usize) -> Option<f64> {
    area(&Ranking::new(predictions, class)?)
}

/// The area under the ROC curve: of class 1 if there are two classes, otherwise one against the rest, averaged over
/// the classes for which it is defined; scikit-learn's `roc_auc_score(multi_class="ovr")`.
///
/// [`Average::Weighted`] weights classes by their rows, everything else counts them alike.
pub fn roc_auc(predictions: &Predictions, how: Average) -> Option<f64> {
    over_classes(predictions, how, class_roc_auc)
}

/// The ROC curve of `class`: false positive rate (x), true positive rate (y), at most `limit` points.
pub fn roc_curve(predictions: &Predictions, class: usize, limit: usize) -> Option<Curve> {
    curve(&Ranking::new(predictions, class)?, limit)
}

pub(crate) fn area(ranking: &Ranking) -> Option<f64> {
    let all = ranking.positives * ranking.negatives;
    let mut before = (0.0, 0.0);
    let mut sum = 0.0;
    for step in &ranking.steps {
        sum += (step.1 - before.1) * (step.0 + before.0) / 2.0;
        before = *step;
    }
    (all > 0.0).then(|| sum / all)
}

pub(crate) fn curve(ranking: &Ranking, limit: usize) -> Option<Curve> {
    let rates = |step: &(f64, f64)| (step.1 / ranking.negatives, step.0 / ranking.positives);
    let points: Vec<_> = std::iter::once((0.0, 0.0))
        .chain(ranking.steps.iter().map(rates))
        .collect();
    (ranking.positives > 0.0 && ranking.negatives > 0.0).then(|| Curve::thinned(&points, limit))
}

/// Class 1 of two, or the average of `score` over all classes that define it.
pub(crate) fn over_classes(
    predictions: &Predictions,
    how: Average,
    score: fn(&Predictions, usize) -> Option<f64>,
) -> Option<f64> {
    if predictions.classes() == 2 {
        return score(predictions, 1);
    }
    let scores: Vec<_> = (0..predictions.classes())
        .map(|class| score(predictions, class))
        .collect();
    average_defined(&scores, &class_weights(predictions), how)
}

/// The weight of the rows of each class.
pub(crate) fn class_weights(predictions: &Predictions) -> Vec<f64> {
    let mut weights = vec![0.0; predictions.classes()];
    for row in 0..predictions.rows() {
        weights[predictions.label(row)] += predictions.weight(row);
    }
    weights
}

/// The average of the scores that are defined.
pub(crate) fn average_defined(
    scores: &[Option<f64>],
    weights: &[f64],
    how: Average,
) -> Option<f64> {
    let weight = |class: usize| {
        if how == Average::Weighted {
            weights[class]
        } else {
            1.0
        }
    };
    mean(
        scores
            .iter()
            .enumerate()
            .filter_map(|(class, score)| Some(((*score)?, weight(class)))),
    )
}
