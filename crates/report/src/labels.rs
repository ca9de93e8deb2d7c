//! What the page shows of a classifier with several labels a row.

use jingwei_metrics::LabelSummary;
use serde::Serialize;

use crate::classification::{ClassRow, class_rows, named, pr_figure, roc_figure};
use crate::cut;
use crate::figure::Figure;
use crate::page::Stat;
use crate::text::{self, optional, percent, score};

/// An evaluation as shown.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    rows: String,
    exact_match: String,
    labels_per_row: String,
    predicted_per_row: String,
    classes: Vec<ClassRow>,
    /// Which labels are shown, where not all are.
    cut: String,
    figures: Vec<Figure>,
    /// Why there are no curves, where there are none.
    without_curves: String,
}

/// The figures at the top of the page.
pub(crate) fn stats(summary: &LabelSummary) -> Vec<Stat> {
    vec![
        Stat::new(
            "F1, micro",
            score(summary.f1.micro),
            "every label counts alike",
        ),
        Stat::new(
            "F1, macro",
            score(summary.f1.unweighted),
            "every kind of label counts alike",
        ),
        Stat::new(
            "Exact match",
            percent(summary.exact_match),
            "rows with all labels right",
        ),
        Stat::new(
            "ROC AUC",
            optional(summary.roc_auc, score),
            "0.5 is guessing, 1 is perfect",
        ),
    ]
}

/// All single figures, by name.
pub(crate) fn scores(summary: &LabelSummary) -> Vec<(String, String)> {
    let area = |value| optional(value, |value| format!("{value:.4}"));
    vec![
        named("Rows", text::count(summary.rows as f64)),
        named("Exact match", percent(summary.exact_match)),
        named("Hamming loss", percent(summary.hamming_loss)),
        named("Precision, micro", score(summary.precision.micro)),
        named("Recall, micro", score(summary.recall.micro)),
        named("F1, micro", score(summary.f1.micro)),
        named("F1, macro", score(summary.f1.unweighted)),
        named("F1, weighted", score(summary.f1.weighted)),
        named("ROC AUC", area(summary.roc_auc)),
        named("PR AUC (average precision)", area(summary.pr_auc)),
        named("Log loss (nats)", text::significant(summary.log_loss)),
    ]
}

/// Everything else; `names` has a name for every label.
pub(crate) fn details(summary: &LabelSummary, names: &[String]) -> Details {
    let classes = class_rows(&summary.labels, names);
    Details {
        rows: text::count(summary.rows as f64),
        exact_match: percent(summary.exact_match),
        labels_per_row: format!("{:.2}", summary.labels_per_row),
        predicted_per_row: format!("{:.2}", summary.predicted_per_row),
        cut: cut::sentence(classes.len(), summary.labels.len(), "labels"),
        classes,
        without_curves: cut::without_curves(summary.rows, summary.labels.len(), "labels"),
        figures: vec![
            roc_figure(&summary.labels, summary.roc_auc, names),
            pr_figure(&summary.labels, summary.pr_auc, names),
        ],
    }
}
