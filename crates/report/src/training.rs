//! How the training went: a plot a metric, the learning rate, and a table.

use std::collections::BTreeSet;

use jingwei_metrics::{Epoch, Series};
use serde::Serialize;

use crate::canvas::Canvas;
use crate::figure::{Figure, Key};
use crate::scale::Axis;
use crate::text;

/// Solid for the training part, dashed for the validation part, in every plot.
const TRAIN: &str = "s0";
const VALID: &str = "s1";

/// The plots of a history; none for a single epoch, which the table tells better.
pub(crate) fn figures(history: &[Epoch], best: Option<u64>) -> Vec<Figure> {
    if history.len() < 2 {
        return Vec::new();
    }
    let mut figures: Vec<_> = names(history)
        .iter()
        .map(|name| metric_figure(history, name, best))
        .collect();
    figures.push(rate_figure(history));
    figures
}

/// One value a column and epoch, for those who cannot see or want to copy.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The history as a table.
pub(crate) fn table(history: &[Epoch]) -> Table {
    let names = names(history);
    let mut columns = vec!["Epoch".to_owned()];
    for name in &names {
        columns.extend(
            has(history, name, |epoch| &epoch.train).then(|| format!("{} (train)", pretty(name))),
        );
        columns.extend(
            has(history, name, |epoch| &epoch.valid).then(|| format!("{} (valid)", pretty(name))),
        );
    }
    columns.extend(["Learning rate".to_owned(), "Time".to_owned()]);
    Table {
        columns,
        rows: history
            .iter()
            .map(|epoch| row(history, epoch, &names))
            .collect(),
    }
}

fn row(history: &[Epoch], epoch: &Epoch, names: &[String]) -> Vec<String> {
    let value = |series: &Series, name: &str| {
        text::optional(series.get(name).copied().flatten(), text::significant)
    };
    let mut row = vec![epoch.epoch.to_string()];
    for name in names {
        row.extend(has(history, name, |epoch| &epoch.train).then(|| value(&epoch.train, name)));
        row.extend(has(history, name, |epoch| &epoch.valid).then(|| value(&epoch.valid, name)));
    }
    row.extend([
        text::trimmed(epoch.learning_rate),
        text::duration(epoch.seconds),
    ]);
    row
}

/// The names of all series: the loss, then the others by name.
fn names(history: &[Epoch]) -> Vec<String> {
    let all: BTreeSet<&String> = history
        .iter()
        .flat_map(|epoch| epoch.train.keys().chain(epoch.valid.keys()))
        .collect();
    let (first, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|name| *name == "loss");
    first.into_iter().chain(rest).cloned().collect()
}

fn has(history: &[Epoch], name: &str, part: fn(&Epoch) -> &Series) -> bool {
    history.iter().any(|epoch| part(epoch).contains_key(name))
}

fn metric_figure(history: &[Epoch], name: &str, best: Option<u64>) -> Figure {
    let series = |part: fn(&Epoch) -> &Series| -> Vec<(f64, Option<f64>)> {
        let value = |epoch: &Epoch| {
            part(epoch)
                .get(name)
                .copied()
                .flatten()
                .filter(|value| value.is_finite())
        };
        history
            .iter()
            .map(|epoch| (epoch.epoch as f64, value(epoch)))
            .collect()
    };
    let parts = [
        ("train", TRAIN, series(|epoch| &epoch.train)),
        ("validation", VALID, series(|epoch| &epoch.valid)),
    ];
    let shown: Vec<_> = parts
        .into_iter()
        .filter(|part| part.2.iter().any(|point| point.1.is_some()))
        .collect();
    let values = shown
        .iter()
        .flat_map(|part| part.2.iter().filter_map(|point| point.1));
    let mut canvas = Canvas::new(epochs(history), Axis::around(&pretty(name), values));
    if let Some(best) = best {
        canvas.rule(best as f64, "kept");
    }
    let mut legend = Vec::new();
    let mut description = format!("{} by epoch.", pretty(name));
    for (part, style, points) in &shown {
        canvas.line(points, style);
        legend.push(Key::line(*part, style));
        description.push_str(&describe(part, points));
    }
    Figure {
        title: pretty(name),
        svg: canvas.finish(&description),
        legend,
        note: String::new(),
    }
}

fn rate_figure(history: &[Epoch]) -> Figure {
    let points: Vec<_> = history
        .iter()
        .map(|epoch| (epoch.epoch as f64, Some(epoch.learning_rate)))
        .collect();
    let rates = || history.iter().map(|epoch| epoch.learning_rate);
    let (low, high) = (
        rates().fold(f64::MAX, f64::min),
        rates().fold(f64::MIN, f64::max),
    );
    let mut axis = Axis::around("Learning rate", rates());
    if low > 0.0 && high / low > 50.0 {
        axis = Axis {
            logarithmic: true,
            ..Axis::new("Learning rate", low / 1.3, high * 1.3)
        };
    }
    let mut canvas = Canvas::new(epochs(history), axis);
    canvas.line(&points, "s2");
    let description = format!("Learning rate by epoch.{}", describe("It", &points));
    Figure {
        title: "Learning rate".into(),
        svg: canvas.finish(&description),
        legend: vec![Key::line("at the end of the epoch", "s2")],
        note: String::new(),
    }
}

fn epochs(history: &[Epoch]) -> Axis {
    let number = |epoch: Option<&Epoch>| epoch.map_or(1.0, |epoch| epoch.epoch as f64);
    Axis {
        whole: true,
        ..Axis::new("Epoch", number(history.first()), number(history.last()))
    }
}

/// The course of a line in words.
fn describe(part: &str, points: &[(f64, Option<f64>)]) -> String {
    let values: Vec<_> = points.iter().filter_map(|point| point.1).collect();
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return String::new();
    };
    format!(
        " {part}: from {} to {}.",
        text::significant(*first),
        text::significant(*last)
    )
}

/// A metric's name as a title: `roc_auc` becomes "ROC AUC".
pub(crate) fn pretty(name: &str) -> String {
    let word = |(index, word): (usize, &str)| match word {
        "roc" | "auc" | "pr" | "mse" | "rmse" | "mae" => word.to_uppercase(),
        "r2" => "R²".into(),
        "f1" => "F1".into(),
        word if index == 0 => word[..1].to_uppercase() + &word[1..],
        word => word.into(),
    };
    let safe = name.is_ascii()
        && !name.contains("__")
        && !name.starts_with('_')
        && !name.ends_with('_')
        && !name.is_empty();
    if safe {
        name.split('_')
            .enumerate()
            .map(word)
            .collect::<Vec<_>>()
            .join(" ")
    } else {
        name.into()
    }
}
