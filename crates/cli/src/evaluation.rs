//! How good a model is, for people and for machines.

use anyhow::Result;
use jingwei_train::metrics::{ClassificationSummary, RegressionSummary};
use jingwei_train::report::Evaluation;
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
    let name = |class: usize| {
        classes
            .get(class)
            .cloned()
            .unwrap_or_else(|| class.to_string())
    };
    let heads = [
        "class",
        ">samples",
        ">precision",
        ">recall",
        ">F1",
        ">ROC AUC",
    ];
    let mut table = Table::new(&heads);
    for (class, scores) in summary.classes.iter().enumerate().take(MOST_CLASSES) {
        let [precision, recall, f1] = [scores.precision, scores.recall, scores.f1]
            .map(Some)
            .map(score);
        let area = score(scores.roc_auc);
        table.row([
            &name(class),
            &scores.support,
            &precision,
            &recall,
            &f1,
            &area,
        ]);
    }
    printer.line(format_args!("\n{table}"))?;
    if summary.classes.len() > MOST_CLASSES {
        let more = summary.classes.len() - MOST_CLASSES;
        printer.line(format_args!("and {more} more classes; --json prints all"))?;
    }
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
            "classes": class_values(summary, classes),
            "confusion": confusion(summary),
        }),
    }
}

fn class_values(summary: &ClassificationSummary, classes: &[String]) -> Vec<Value> {
    let values = summary.classes.iter().enumerate().map(|(class, scores)| {
        json!({
            "class": classes.get(class), "support": scores.support, "precision": scores.precision,
            "recall": scores.recall, "f1": scores.f1, "roc_auc": scores.roc_auc, "pr_auc": scores.pr_auc,
        })
    });
    values.collect()
}

/// Rows of true classes, columns of predicted ones.
fn confusion(summary: &ClassificationSummary) -> Vec<Vec<f64>> {
    let classes = summary.confusion.classes();
    let row = |truth| {
        (0..classes)
            .map(move |predicted| summary.confusion.count(truth, predicted))
            .collect()
    };
    (0..classes).map(row).collect()
}
