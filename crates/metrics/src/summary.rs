use serde::{Deserialize, Serialize};

use crate::calibration_error::error_of;
use crate::ranking::Ranking;
use crate::roc_auc::average_defined;
use crate::{
    Average, Averages, ConfusionMatrix, Curve, Predictions, ReliabilityBin, pr_auc, roc_auc,
};

/// Bins of the histogram of confidences.
const CONFIDENCE_BINS: usize = 20;

/// Everything that an evaluation of a classifier shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassificationSummary {
    /// Number of rows.
    pub rows: usize,
    /// Sum of the sample weights; the number of rows when none were given.
    pub weight: f64,
    /// See [`super::accuracy`].
    pub accuracy: f64,
    /// See [`super::balanced_accuracy`].
    pub balanced_accuracy: f64,
    /// Top-k accuracy for the k in 2, 3, 5, 10 that are less than the number of classes.
    pub top_k: Vec<TopK>,
    /// See [`super::log_loss`].
    pub log_loss: f64,
    /// See [`super::calibration_error`].
    pub calibration_error: f64,
    /// See [`super::precision`].
    pub precision: Averages,
    /// See [`super::recall`].
    pub recall: Averages,
    /// See [`super::f1`].
    pub f1: Averages,
    /// See [`super::roc_auc`], macro.
    pub roc_auc: Option<f64>,
    /// See [`super::roc_auc`], weighted.
    pub roc_auc_weighted: Option<f64>,
    /// See [`super::pr_auc`], macro.
    pub pr_auc: Option<f64>,
    /// See [`super::pr_auc`], weighted.
    pub pr_auc_weighted: Option<f64>,
    /// The scores of each class, by class number.
    pub classes: Vec<ClassScores>,
    /// True against predicted classes.
    pub confusion: ConfusionMatrix,
    /// Confidence against accuracy.
    pub reliability: Vec<ReliabilityBin>,
    /// How confident right and wrong predictions were, in 20 bins of equal width over [0, 1].
    pub confidences: Vec<ConfidenceBin>,
}

/// An accuracy that accepts the true class among the `k` most probable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopK {
    /// How many classes are looked at.
    pub k: usize,
    /// See [`super::top_k`].
    pub accuracy: f64,
}

/// The scores of one class against all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Weight of the rows of this class.
    pub support: f64,
    /// Weight of the rows predicted as this class.
    pub predicted: f64,
    /// See [`super::class_precision`].
    pub precision: f64,
    /// See [`super::class_recall`].
    pub recall: f64,
    /// See [`super::class_f1`].
    pub f1: f64,
    /// See [`super::class_roc_auc`].
    pub roc_auc: Option<f64>,
    /// See [`super::class_pr_auc`].
    pub pr_auc: Option<f64>,
    /// See [`super::roc_curve`].
    pub roc_curve: Option<Curve>,
    /// See [`super::pr_curve`].
    pub pr_curve: Option<Curve>,
}

/// The weight of rows whose highest probability falls into one bin.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ConfidenceBin {
    /// Rows predicted rightly.
    pub right: f64,
    /// Rows predicted wrongly.
    pub wrong: f64,
}

impl ClassificationSummary {
    /// Computes everything. Time grows with classes × rows × log rows, as each class ranks all rows; where the
    /// probabilities of all classes are not known, it grows with classes + rows, and there are no areas and no curves.
    pub fn compute(predictions: &Predictions) -> Self {
        let confusion = ConfusionMatrix::new(predictions);
        let reliability = super::reliability(predictions);
        let limit = (2000 / predictions.classes()).clamp(24, 200);
        let classes: Vec<_> = (0..predictions.classes())
            .map(|class| class_scores(predictions, &confusion, class, limit))
            .collect();
        let areas = |area: fn(&ClassScores) -> Option<f64>, how| area_of(&classes, area, how);
        Self {
            rows: predictions.rows(),
            weight: predictions.total_weight(),
            accuracy: super::accuracy(predictions),
            balanced_accuracy: super::balanced_accuracy(&confusion),
            top_k: top_k(predictions),
            log_loss: super::log_loss(predictions),
            calibration_error: error_of(&reliability),
            precision: Averages::new(&confusion, super::precision),
            recall: Averages::new(&confusion, super::recall),
            f1: Averages::new(&confusion, super::f1),
            roc_auc: areas(|scores| scores.roc_auc, Average::Macro),
            roc_auc_weighted: areas(|scores| scores.roc_auc, Average::Weighted),
            pr_auc: areas(|scores| scores.pr_auc, Average::Macro),
            pr_auc_weighted: areas(|scores| scores.pr_auc, Average::Weighted),
            reliability,
            confidences: confidences(predictions),
            classes,
            confusion,
        }
    }
}

fn class_scores(
    predictions: &Predictions,
    confusion: &ConfusionMatrix,
    class: usize,
    limit: usize,
) -> ClassScores {
    let ranking = Ranking::new(predictions, class);
    let ranking = ranking.as_ref();
    ClassScores {
        support: confusion.support(class),
        predicted: confusion.predicted(class),
        precision: super::class_precision(confusion, class),
        recall: super::class_recall(confusion, class),
        f1: super::class_f1(confusion, class),
        roc_auc: ranking.and_then(roc_auc::area),
        pr_auc: ranking.and_then(pr_auc::area),
        roc_curve: ranking.and_then(|ranking| roc_auc::curve(ranking, limit)),
        pr_curve: ranking.and_then(|ranking| pr_auc::curve(ranking, limit)),
    }
}

fn area_of(
    classes: &[ClassScores],
    area: fn(&ClassScores) -> Option<f64>,
    how: Average,
) -> Option<f64> {
    if let [_, positive] = classes {
        return area(positive);
    }
    let areas: Vec<_> = classes.iter().map(area).collect();
    let weights: Vec<_> = classes.iter().map(|scores| scores.support).collect();
    average_defined(&areas, &weights, how)
}

fn top_k(predictions: &Predictions) -> Vec<TopK> {
    let useful = [2, 3, 5, 10]
        .into_iter()
        .filter(|k| *k < predictions.classes());
    useful
        .map(|k| TopK {
            k,
            accuracy: super::top_k(predictions, k),
        })
        .collect()
}

fn confidences(predictions: &Predictions) -> Vec<ConfidenceBin> {
    let mut bins = vec![ConfidenceBin::default(); CONFIDENCE_BINS];
    for row in 0..predictions.rows() {
        let (class, confidence) = predictions.predicted(row);
        let bin =
            &mut bins[((confidence * CONFIDENCE_BINS as f32) as usize).min(CONFIDENCE_BINS - 1)];
        let side = if class == predictions.label(row) {
            &mut bin.right
        } else {
            &mut bin.wrong
        };
        *side += predictions.weight(row);
    }
    bins
}
