//! How good a model is, for people and for machines.

use anyhow::Result;
use jingwei_metrics::Evaluation;
use jingwei_metrics::{
    ClassScores, ClassificationSummary, ConfusionMatrix, ErrorKindSummary, LabelSummary,
    RegressionSummary, SpanSummary, TagSummary,
};
use serde_json::{Value, json};

use crate::numbers::{count, score, short};
use crate::printer::{Look, Printer};
use crate::table::{Table, clean};

/// Classes that a table shows; a report and JSON show all.
const MOST_CLASSES: usize = 50;

/// Prints an evaluation as tables.
pub fn print(evaluation: &Evaluation, classes: &[String], printer: &Printer) -> Result<()> {
    match evaluation {
        Evaluation::Classification(summary) => print_classification(summary, classes, printer),
        Evaluation::Labels(summary) => print_labels(summary, classes, printer),
        Evaluation::Tags(summary) => print_tags(summary, printer),
        Evaluation::Regression(summary) => print_regression(summary, printer),
    }
}

/// The headline of an evaluation in a few words.
pub fn headline(evaluation: &Evaluation) -> String {
    match evaluation {
        Evaluation::Classification(summary) => format!(
            "accuracy {:.4}, macro F1 {:.4}, log loss {:.4} over {} samples",
            summary.accuracy,
            summary.f1.unweighted,
            summary.log_loss,
            count(summary.rows)
        ),
        Evaluation::Labels(summary) => format!(
            "micro F1 {:.4}, macro F1 {:.4}, exact match {:.4} over {} samples",
            summary.f1.micro,
            summary.f1.unweighted,
            summary.exact_match,
            count(summary.rows)
        ),
        Evaluation::Tags(summary) => match &summary.spans {
            Some(spans) => format!(
                "span F1 {:.4}, precision {:.4}, recall {:.4}, token accuracy {:.4} over {} texts",
                spans.scores.f1,
                spans.scores.precision,
                spans.scores.recall,
                summary.accuracy,
                count(summary.rows)
            ),
            None => format!(
                "token accuracy {:.4}, macro F1 {:.4} over {} tokens of {} texts",
                summary.accuracy,
                summary.f1.unweighted,
                count(summary.tokens),
                count(summary.rows)
            ),
        },
        Evaluation::Regression(summary) => format!(
            "MAE {}, RMSE {}, R² {} over {} samples",
            short(summary.mae),
            short(summary.rmse),
            score(summary.r2),
            count(summary.rows)
        ),
    }
}

fn print_classification(
    summary: &ClassificationSummary,
    classes: &[String],
    printer: &Printer,
) -> Result<()> {
    printer.line(measures(summary))?;
    let name = |class: usize| name_of(class, classes);
    print_classes("class", &summary.classes, classes, printer)?;
    let pair = |&(truth, said, times): &(usize, usize, f64)| {
        format!(
            "{} taken for {} ({times}×)",
            clean(&name(truth)),
            clean(&name(said))
        )
    };
    let worst: Vec<String> = summary.confusion.worst(3).iter().map(pair).collect();
    if worst.is_empty() {
        return Ok(());
    }
    let head = printer.paint(Look::Bold, "most confused:");
    printer.line(format_args!("\n{head} {}", worst.join(", ")))
}

/// A name, or the number of what has none.
fn name_of(class: usize, classes: &[String]) -> String {
    let name = classes.get(class).cloned();
    name.unwrap_or_else(|| class.to_string())
}

/// Prints the scores of every class or label.
fn print_classes(
    head: &str,
    scores: &[ClassScores],
    names: &[String],
    printer: &Printer,
) -> Result<()> {
    let heads = [head, ">samples", ">precision", ">recall", ">F1", ">ROC AUC"];
    let mut table = Table::new(&heads);
    for (class, scores) in scores.iter().enumerate().take(MOST_CLASSES) {
        let [precision, recall, f1] = [scores.precision, scores.recall, scores.f1]
            .map(Some)
            .map(score);
        let (name, area) = (name_of(class, names), score(scores.roc_auc));
        table.row([&name, &scores.support, &precision, &recall, &f1, &area]);
    }
    printer.line(format_args!("\n{table}"))?;
    print_more(scores.len(), head, printer)
}

/// Says how many rows a table left out.
fn print_more(all: usize, what: &str, printer: &Printer) -> Result<()> {
    match all.saturating_sub(MOST_CLASSES) {
        0 => Ok(()),
        more => {
            let plural = if what == "class" { "es" } else { "s" };
            printer.line(format_args!(
                "and {more} more {what}{plural}; --json prints all"
            ))
        }
    }
}

fn print_labels(summary: &LabelSummary, names: &[String], printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["measure", ">value"]);
    table.row([&"samples", &count(summary.rows)]);
    let measures = [
        ("exact match", Some(summary.exact_match)),
        ("hamming loss", Some(summary.hamming_loss)),
        ("precision, micro", Some(summary.precision.micro)),
        ("recall, micro", Some(summary.recall.micro)),
        ("F1, micro", Some(summary.f1.micro)),
        ("F1, macro", Some(summary.f1.unweighted)),
        ("ROC AUC, macro", summary.roc_auc),
        ("PR AUC, macro", summary.pr_auc),
        ("log loss", Some(summary.log_loss)),
    ];
    for (name, value) in measures {
        table.row([&name, &score(value)]);
    }
    printer.line(table)?;
    print_classes("label", &summary.labels, names, printer)
}

fn print_tags(summary: &TagSummary, printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["measure", ">value"]);
    table.row([&"texts", &count(summary.rows)]);
    table.row([&"tokens", &count(summary.tokens)]);
    if summary.cut > 0 {
        table.row([&"tokens cut off", &count(summary.cut)]);
    }
    if let Some(spans) = &summary.spans {
        table.row([&"span precision", &score(Some(spans.scores.precision))]);
        table.row([&"span recall", &score(Some(spans.scores.recall))]);
        table.row([&"span F1", &score(Some(spans.scores.f1))]);
        table.row([&"span F1, strict", &score(Some(spans.strict.f1))]);
    }
    table.row([&"token accuracy", &score(Some(summary.accuracy))]);
    table.row([&"F1 of tags, macro", &score(Some(summary.f1.unweighted))]);
    printer.line(table)?;
    match &summary.spans {
        Some(spans) => print_spans(spans, printer),
        None => print_each_tag(summary, printer),
    }
}

fn print_spans(spans: &SpanSummary, printer: &Printer) -> Result<()> {
    let heads = [
        "type",
        ">spans",
        ">predicted",
        ">precision",
        ">recall",
        ">F1",
    ];
    let mut table = Table::new(&heads);
    for kind in spans.types.iter().take(MOST_CLASSES) {
        let of = &kind.scores;
        let [precision, recall, f1] = [of.precision, of.recall, of.f1].map(Some).map(score);
        table.row([
            &kind.name,
            &of.support,
            &of.predicted,
            &precision,
            &recall,
            &f1,
        ]);
    }
    printer.line(format_args!("\n{table}"))?;
    print_more(spans.types.len(), "type", printer)?;
    let kind = |errors: &ErrorKindSummary| format!("{} {}", errors.count, errors.kind);
    let kinds: Vec<String> = spans.errors.iter().map(kind).collect();
    let head = printer.paint(Look::Bold, "errors:");
    printer.line(format_args!("\n{head} {}", kinds.join(", ")))
}

fn print_each_tag(summary: &TagSummary, printer: &Printer) -> Result<()> {
    let heads = [
        "tag",
        ">tokens",
        ">predicted",
        ">precision",
        ">recall",
        ">F1",
    ];
    let mut table = Table::new(&heads);
    for tag in summary.tags.iter().take(MOST_CLASSES) {
        let [precision, recall, f1] = [tag.precision, tag.recall, tag.f1].map(Some).map(score);
        table.row([
            &tag.name,
            &tag.support,
            &tag.predicted,
            &precision,
            &recall,
            &f1,
        ]);
    }
    printer.line(format_args!("\n{table}"))?;
    print_more(summary.tags.len(), "tag", printer)
}

fn measures(summary: &ClassificationSummary) -> Table {
    let mut table = Table::new(&["measure", ">value"]);
    table.row([&"samples", &count(summary.rows)]);
    table.row([&"accuracy", &score(Some(summary.accuracy))]);
    for top in &summary.top_k {
        table.row([
            &format!("top-{} accuracy", top.k),
            &score(Some(top.accuracy)),
        ]);
    }
    let others = [
        ("balanced accuracy", Some(summary.balanced_accuracy)),
        ("precision, macro", Some(summary.precision.unweighted)),
        ("recall, macro", Some(summary.recall.unweighted)),
        ("F1, macro", Some(summary.f1.unweighted)),
        ("F1, weighted", Some(summary.f1.weighted)),
        ("ROC AUC, macro", summary.roc_auc),
        ("PR AUC, macro", summary.pr_auc),
        ("log loss", Some(summary.log_loss)),
        ("calibration error", Some(summary.calibration_error)),
    ];
    others
        .iter()
        .for_each(|(name, value)| table.row([name, &score(*value)]));
    table
}

fn print_regression(summary: &RegressionSummary, printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["measure", ">value"]);
    table.row([&"samples", &count(summary.rows)]);
    table.row([&"mean absolute error", &short(summary.mae)]);
    table.row([&"root mean squared error", &short(summary.rmse)]);
    table.row([&"R²", &score(summary.r2)]);
    table.row([&"bias", &short(summary.bias)]);
    table.row([&"largest error", &short(summary.largest_error)]);
    printer.line(table)
}

/// An evaluation as JSON, without its curves.
pub fn json(evaluation: &Evaluation, classes: &[String]) -> Value {
    match evaluation {
        Evaluation::Regression(summary) => json!({
            "rows": summary.rows, "mse": summary.mse, "rmse": summary.rmse, "mae": summary.mae, "r2": summary.r2,
            "bias": summary.bias, "largest_error": summary.largest_error,
        }),
        Evaluation::Classification(summary) => json!({
            "rows": summary.rows,
            "accuracy": summary.accuracy,
            "balanced_accuracy": summary.balanced_accuracy,
            "top_k": summary.top_k,
            "log_loss": summary.log_loss,
            "calibration_error": summary.calibration_error,
            "precision": summary.precision,
            "recall": summary.recall,
            "f1": summary.f1,
            "roc_auc": summary.roc_auc,
            "pr_auc": summary.pr_auc,
            "classes": class_values(&summary.classes, "class", classes),
            "confusion": confusion(&summary.confusion),
            "confusion_cells": confusion_cells(&summary.confusion),
        }),
        Evaluation::Labels(summary) => json!({
            "rows": summary.rows,
            "exact_match": summary.exact_match,
            "hamming_loss": summary.hamming_loss,
            "log_loss": summary.log_loss,
            "precision": summary.precision,
            "recall": summary.recall,
            "f1": summary.f1,
            "roc_auc": summary.roc_auc,
            "pr_auc": summary.pr_auc,
            "labels": class_values(&summary.labels, "label", classes),
        }),
        Evaluation::Tags(summary) => json!({
            "rows": summary.rows,
            "tokens": summary.tokens,
            "cut": summary.cut,
            "accuracy": summary.accuracy,
            "precision": summary.precision,
            "recall": summary.recall,
            "f1": summary.f1,
            "tags": summary.tags,
            "confusion": confusion(&summary.confusion),
            "confusion_cells": confusion_cells(&summary.confusion),
            "spans": summary.spans,
        }),
    }
}

fn class_values(scores: &[ClassScores], what: &str, names: &[String]) -> Vec<Value> {
    let values = scores.iter().enumerate().map(|(class, scores)| {
        json!({
            what: names.get(class), "support": scores.support, "precision": scores.precision,
            "recall": scores.recall, "f1": scores.f1, "roc_auc": scores.roc_auc, "pr_auc": scores.pr_auc,
        })
    });
    values.collect()
}

/// Classes up to which a confusion matrix is printed whole.
const WHOLE_MATRIX: usize = 100;

/// Rows of true classes, columns of predicted ones; nothing of many classes.
fn confusion(matrix: &ConfusionMatrix) -> Option<Vec<Vec<f64>>> {
    let row = |truth| {
        (0..matrix.classes())
            .map(move |predicted| matrix.count(truth, predicted))
            .collect()
    };
    (matrix.classes() <= WHOLE_MATRIX).then(|| (0..matrix.classes()).map(row).collect())
}

/// True class, predicted class and times of the cells that are not 0; nothing of few classes.
fn confusion_cells(matrix: &ConfusionMatrix) -> Option<Vec<(usize, usize, f64)>> {
    (matrix.classes() > WHOLE_MATRIX).then(|| matrix.cells().collect())
}
