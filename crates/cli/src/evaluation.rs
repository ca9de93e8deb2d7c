//! How good a model is, for people and for machines.

use anyhow::Result;
use jingwei_train::metrics::{ClassificationSummary, RegressionSummary};
use jingwei_train::report::Evaluation;
use serde_json::{Value, json};

use crate::numbers::{count, score, short};
use crate::printer::{Look, Printer};
use crate::table::Table;

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
    let mut table = Table::new(&["measure", ">value"]);
    table.row([&"samples", &count(summary.rows)]);
    table.row([&"accuracy", &score(Some(summary.accuracy))]);
    for top in &summary.top_k {
        table.row([
            &format!("top-{} accuracy", top.k),
            &score(Some(top.accuracy)),
        ]);
    }
    table.row([
        &"balanced accuracy",
        &score(Some(summary.balanced_accuracy)),
    ]);
    table.row([
        &"precision, macro",
        &score(Some(summary.precision.unweighted)),
    ]);
    table.row([&"recall, macro", &score(Some(summary.recall.unweighted))]);
    table.row([&"F1, macro", &score(Some(summary.f1.unweighted))]);
    table.row([&"F1, weighted", &score(Some(summary.f1.weighted))]);
    table.row([&"ROC AUC, macro", &score(summary.roc_auc)]);
    table.row([&"PR AUC, macro", &score(summary.pr_auc)]);
    table.row([&"log loss", &score(Some(summary.log_loss))]);
    table.row([
        &"calibration error",
        &score(Some(summary.calibration_error)),
    ]);
    printer.line(table)?;
    let name = |class: usize| {
        classes
            .get(class)
            .cloned()
            .unwrap_or_else(|| class.to_string())
    };
    let mut table = Table::new(&[
        "class",
        ">samples",
        ">precision",
        ">recall",
        ">F1",
        ">ROC AUC",
    ]);
    for (class, scores) in summary.classes.iter().enumerate().take(MOST_CLASSES) {
        let defined = |value| score(Some(value));
        table.row([
            &name(class),
            &scores.support,
            &defined(scores.precision),
            &defined(scores.recall),
            &defined(scores.f1),
            &score(scores.roc_auc),
        ]);
    }
    printer.line(format_args!("\n{table}"))?;
    if summary.classes.len() > MOST_CLASSES {
        printer.line(format_args!(
            "and {} more classes; --json prints all",
            summary.classes.len() - MOST_CLASSES
        ))?;
    }
    let worst = summary.confusion.worst(3);
    let pairs = worst.iter().map(|&(truth, said, times)| {
        format!("{} taken for {} ({times}×)", name(truth), name(said))
    });
    match pairs.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => Ok(()),
        pairs => printer.line(format_args!(
            "\n{} {pairs}",
            printer.paint(Look::Bold, "most confused:")
        )),
    }
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
