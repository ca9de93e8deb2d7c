//! What the page shows of a regression's evaluation.

use jingwei_metrics::RegressionSummary;
use serde::Serialize;

use crate::canvas::Canvas;
use crate::figure::{Figure, Key};
use crate::page::Stat;
use crate::scale::Axis;
use crate::text::{self, optional, significant};

/// Bins of the histogram of errors.
const BINS: usize = 30;

/// An evaluation as shown.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    rows: String,
    mae: String,
    rmse: String,
    r2: String,
    figures: Vec<Figure>,
}

/// The figures at the top of the page.
pub(crate) fn stats(summary: &RegressionSummary) -> Vec<Stat> {
    vec![
        Stat::new(
            "R²",
            optional(summary.r2, text::score),
            "1 is perfect, 0 is always the mean",
        ),
        Stat::new(
            "Mean absolute error",
            significant(summary.mae),
            "in the unit of the target",
        ),
        Stat::new("RMSE", significant(summary.rmse), "large errors count more"),
        Stat::new(
            "Bias",
            significant(summary.bias),
            "predicted less true, on average",
        ),
    ]
}

/// All single figures, by name.
pub(crate) fn scores(summary: &RegressionSummary) -> Vec<(String, String)> {
    let named = |name: &str, value: String| (name.to_owned(), value);
    vec![
        named("Rows", text::count(summary.rows as f64)),
        named("R²", optional(summary.r2, |value| format!("{value:.4}"))),
        named("Mean absolute error", significant(summary.mae)),
        named("Root mean squared error", significant(summary.rmse)),
        named("Mean squared error", significant(summary.mse)),
        named("Bias", significant(summary.bias)),
        named("Largest error", significant(summary.largest_error)),
    ]
}

/// Everything else; `target` names the target and its unit.
pub(crate) fn details(summary: &RegressionSummary, target: &str) -> Details {
    let target = if target.is_empty() { "value" } else { target };
    Details {
        rows: text::count(summary.rows as f64),
        mae: significant(summary.mae),
        rmse: significant(summary.rmse),
        r2: optional(summary.r2, text::score),
        figures: vec![
            fit_figure(summary, target),
            residual_figure(summary, target),
            error_figure(summary, target),
        ],
    }
}

fn points(summary: &RegressionSummary) -> impl Iterator<Item = (f64, f64)> {
    summary
        .points
        .iter()
        .map(|(truth, predicted)| (f64::from(*truth), f64::from(*predicted)))
}

fn fit_figure(summary: &RegressionSummary, target: &str) -> Figure {
    let all = || points(summary).flat_map(|(truth, predicted)| [truth, predicted]);
    let axis = |word: &str| Axis::around(&format!("{target}, {word}"), all());
    let (low, high) = (axis("").low, axis("").high);
    let mut canvas = Canvas::new(axis("true"), axis("predicted"));
    canvas.curve([(low, low), (high, high)], "rule");
    points(summary).for_each(|(truth, predicted)| canvas.dot(truth, predicted, 2.2, "s0"));
    Figure {
        title: "Predicted and true".into(),
        svg: canvas.finish("Predicted against true values."),
        legend: vec![Key::line("perfect", "rule")],
        note: format!(
            "{} of {} rows. On the line, both are equal.",
            summary.points.len(),
            text::count(summary.rows as f64)
        ),
    }
}

fn residual_figure(summary: &RegressionSummary, target: &str) -> Figure {
    let error = |(truth, predicted): (f64, f64)| predicted - truth;
    let x = Axis::around(
        &format!("{target}, predicted"),
        points(summary).map(|point| point.1),
    );
    let (low, high) = (x.low, x.high);
    let largest = points(summary)
        .map(|point| error(point).abs())
        .fold(0.0, f64::max)
        .max(1e-9)
        * 1.05;
    let mut canvas = Canvas::new(x, Axis::new("Predicted less true", -largest, largest));
    canvas.curve([(low, 0.0), (high, 0.0)], "rule");
    points(summary).for_each(|point| canvas.dot(point.1, error(point), 2.2, "s0"));
    Figure {
        title: "Residuals".into(),
        svg: canvas.finish("Errors against predicted values."),
        legend: vec![Key::line("no error", "rule")],
        note: "A shape in this cloud is something that the model has not learnt.".into(),
    }
}

fn error_figure(summary: &RegressionSummary, target: &str) -> Figure {
    let errors: Vec<f64> = points(summary)
        .map(|(truth, predicted)| predicted - truth)
        .collect();
    let largest = errors
        .iter()
        .map(|error| error.abs())
        .fold(0.0, f64::max)
        .max(1e-9);
    let width = 2.0 * largest / BINS as f64;
    let mut counts = [0.0; BINS];
    for error in &errors {
        counts[(((error + largest) / width) as usize).min(BINS - 1)] += 1.0;
    }
    let highest = counts.iter().copied().fold(1.0, f64::max) * 1.05;
    let mut canvas = Canvas::new(
        Axis::new(&format!("Error of {target}"), -largest, largest),
        Axis::new("Rows", 0.0, highest),
    );
    for (index, count) in counts.iter().enumerate() {
        let left = -largest + index as f64 * width;
        canvas.bar((left, left + width), (0.0, *count), "s0");
    }
    canvas.rule(0.0, "");
    Figure {
        title: "Errors".into(),
        svg: canvas.finish("Histogram of errors."),
        legend: vec![Key::area("rows", "s0")],
        note: "Predicted less true: above 0 the model says too much.".into(),
    }
}
