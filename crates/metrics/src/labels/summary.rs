use serde::{Deserialize, Serialize};

use super::areas::ranking;
use super::{Labelled, exact_match, hamming_loss, label_log_loss, label_tallies};
use crate::roc_auc::average_defined;
use crate::{Average, Averages, ClassScores, Tally, pr_auc, roc_auc};

/// Everything that an evaluation of a classifier with several labels a row shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelSummary {
    /// Number of rows.
    pub rows: usize,
    /// Rows without any label.
    pub bare_rows: usize,
    /// The mean number of true labels a row.
    pub labels_per_row: f64,
    /// The mean number of labels that a row is said to have.
    pub predicted_per_row: f64,
    /// See [`super::exact_match`].
    pub exact_match: f64,
    /// See [`super::hamming_loss`].
    pub hamming_loss: f64,
    /// See [`super::label_log_loss`].
    pub log_loss: f64,
    /// The share of labels said that are true.
    pub precision: Averages,
    /// The share of true labels that are said.
    pub recall: Averages,
    /// The harmonic mean of the two.
    pub f1: Averages,
    /// See [`super::label_roc_auc`], macro.
    pub roc_auc: Option<f64>,
    /// See [`super::label_roc_auc`], weighted.
    pub roc_auc_weighted: Option<f64>,
    /// See [`super::label_pr_auc`], macro.
    pub pr_auc: Option<f64>,
    /// See [`super::label_pr_auc`], weighted.
    pub pr_auc_weighted: Option<f64>,
    /// The scores of each label, by its number.
    pub labels: Vec<ClassScores>,
}

impl LabelSummary {
    /// Computes everything. Time grows with labels × rows × log rows, as each label ranks all rows; where rows were
    /// only counted there are no areas and no curves.
    pub fn compute(labelled: &Labelled) -> Self {
        let tallies = label_tallies(labelled);
        let limit = (2000 / labelled.classes()).clamp(24, 200);
        let scores = |(label, tally)| label_scores(labelled, label, tally, limit);
        let labels: Vec<_> = tallies.iter().enumerate().map(scores).collect();
        let weights: Vec<_> = tallies.iter().map(|tally| tally.support).collect();
        let area = |area: fn(&ClassScores) -> Option<f64>, how| {
            average_defined(&labels.iter().map(area).collect::<Vec<_>>(), &weights, how)
        };
        let rows = labelled.rows();
        let sum = Tally::sum(&tallies);
        Self {
            rows,
            bare_rows: labelled
                .counts
                .rows
                .iter()
                .filter(|row| row.support == 0)
                .count(),
            labels_per_row: sum.support / rows as f64,
            predicted_per_row: sum.predicted / rows as f64,
            exact_match: exact_match(labelled),
            hamming_loss: hamming_loss(labelled),
            log_loss: label_log_loss(labelled),
            precision: Tally::averages(&tallies, Tally::precision),
            recall: Tally::averages(&tallies, Tally::recall),
            f1: Tally::averages(&tallies, Tally::f1),
            roc_auc: area(|scores| scores.roc_auc, Average::Macro),
            roc_auc_weighted: area(|scores| scores.roc_auc, Average::Weighted),
            pr_auc: area(|scores| scores.pr_auc, Average::Macro),
            pr_auc_weighted: area(|scores| scores.pr_auc, Average::Weighted),
            labels,
        }
    }
}

fn label_scores(labelled: &Labelled, label: usize, tally: &Tally, limit: usize) -> ClassScores {
    let ranking = ranking(labelled, label);
    let ranking = ranking.as_ref();
    ClassScores {
        support: tally.support,
        predicted: tally.predicted,
        precision: tally.precision(),
        recall: tally.recall(),
        f1: tally.f1(),
        roc_auc: ranking.and_then(roc_auc::area),
        pr_auc: ranking.and_then(pr_auc::area),
        roc_curve: ranking.and_then(|ranking| roc_auc::curve(ranking, limit)),
        pr_curve: ranking.and_then(|ranking| pr_auc::curve(ranking, limit)),
    }
}
