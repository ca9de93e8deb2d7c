//! What the page shows of a classifier's evaluation.

use jingwei_metrics::{ClassScores, ClassificationSummary, Curve};
use serde::Serialize;

use crate::canvas::Canvas;
use crate::confusion::Confusion;
use crate::cut;
use crate::figure::{Figure, Key};
use crate::page::Stat;
use crate::scale::Axis;
use crate::text::{self, optional, percent, score};

/// With more than two classes, the curves of so many of the worst are drawn in colour.
const MARKED: usize = 3;
const STYLES: [&str; MARKED] = ["s1", "s2", "s3"];
/// The only curve, of class 1 of two.
const SINGLE: [&str; 1] = ["s0"];

/// An evaluation as shown.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    rows: String,
    accuracy: String,
    interval: String,
    baseline: String,
    confusion: Confusion,
    classes: Vec<ClassRow>,
    /// Which classes are shown, where not all are.
    cut: String,
    figures: Vec<Figure>,
    /// Why there are no curves, where there are none.
    without_curves: String,
}

/// The scores of a class as shown.
#[derive(Debug, Serialize)]
pub(crate) struct ClassRow {
    name: String,
    support: String,
    precision: String,
    recall: String,
    f1: String,
    /// Width of the bar beside F1, in percent.
    bar: u32,
    roc_auc: String,
    pr_auc: String,
}

/// The figures at the top of the page.
pub(crate) fn stats(summary: &ClassificationSummary) -> Vec<Stat> {
    let (low, high) = interval(summary);
    vec![
        Stat::new(
            "Accuracy",
            percent(summary.accuracy),
            format!("95\u{202f}% interval {} – {}", percent(low), percent(high)),
        ),
        Stat::new(
            "F1, macro",
            score(summary.f1.unweighted),
            "every class counts alike",
        ),
        Stat::new(
            "ROC AUC",
            optional(summary.roc_auc, score),
            "0.5 is guessing, 1 is perfect",
        ),
        Stat::new(
            "Calibration error",
            percent(summary.calibration_error),
            "how far confidence is off",
        ),
    ]
}

/// All single figures, by name.
pub(crate) fn scores(summary: &ClassificationSummary) -> Vec<(String, String)> {
    let mut scores = vec![
        ("Rows".to_owned(), text::count(summary.rows as f64)),
        named("Accuracy", percent(summary.accuracy)),
    ];
    scores.extend(
        summary
            .top_k
            .iter()
            .map(|top| (format!("Top {} accuracy", top.k), percent(top.accuracy))),
    );
    scores.extend([
        named("Balanced accuracy", percent(summary.balanced_accuracy)),
        named("Precision, macro", score(summary.precision.unweighted)),
        named("Recall, macro", score(summary.recall.unweighted)),
        named("F1, macro", score(summary.f1.unweighted)),
        named("F1, weighted", score(summary.f1.weighted)),
        named(
            "ROC AUC",
            optional(summary.roc_auc, |value| format!("{value:.4}")),
        ),
        named(
            "PR AUC (average precision)",
            optional(summary.pr_auc, |value| format!("{value:.4}")),
        ),
        named("Log loss (nats)", text::significant(summary.log_loss)),
        named("Calibration error", percent(summary.calibration_error)),
    ]);
    scores
}

pub(crate) fn named(name: &str, value: String) -> (String, String) {
    (name.into(), value)
}

/// Everything else; `names` has a name for every class.
pub(crate) fn details(summary: &ClassificationSummary, names: &[String]) -> Details {
    let (low, high) = interval(summary);
    let largest = summary
        .classes
        .iter()
        .map(|class| class.support)
        .fold(0.0, f64::max);
    let classes = class_rows(&summary.classes, names);
    Details {
        rows: text::count(summary.rows as f64),
        accuracy: percent(summary.accuracy),
        interval: format!("{} – {}", percent(low), percent(high)),
        baseline: percent(largest / summary.weight),
        confusion: Confusion::new(&summary.confusion, names),
        cut: cut::sentence(classes.len(), summary.classes.len(), "classes"),
        classes,
        without_curves: cut::without_curves(summary.rows, summary.classes.len(), "classes"),
        figures: vec![
            roc_figure(&summary.classes, summary.roc_auc, names),
            pr_figure(&summary.classes, summary.pr_auc, names),
            calibration_figure(summary),
            confidence_figure(summary),
        ],
    }
}

/// The Wilson interval of the accuracy at 95 %: where the accuracy on more such rows would lie.
fn interval(summary: &ClassificationSummary) -> (f64, f64) {
    let (rows, share, z) = (summary.rows as f64, summary.accuracy, 1.959_964);
    let middle = (share + z * z / (2.0 * rows)) / (1.0 + z * z / rows);
    let half = z / (1.0 + z * z / rows)
        * (share * (1.0 - share) / rows + z * z / (4.0 * rows * rows)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// The classes as a table shows them: all, or the worst of many.
pub(crate) fn class_rows(classes: &[ClassScores], names: &[String]) -> Vec<ClassRow> {
    let score = |class: usize| {
        let class = &classes[class];
        (class.support > 0.0 || class.predicted > 0.0).then_some(class.f1)
    };
    let shown = cut::worst(classes.len().min(names.len()), score);
    let shown = shown.into_iter();
    shown
        .map(|class| class_row(&classes[class], &names[class]))
        .collect()
}

fn class_row(class: &ClassScores, name: &str) -> ClassRow {
    ClassRow {
        name: name.to_owned(),
        support: text::count(class.support),
        precision: score(class.precision),
        recall: score(class.recall),
        f1: score(class.f1),
        bar: (class.f1 * 100.0).round() as u32,
        roc_auc: optional(class.roc_auc, score),
        pr_auc: optional(class.pr_auc, score),
    }
}

/// The ROC curves of all classes; `area` is their mean.
pub(crate) fn roc_figure(classes: &[ClassScores], area: Option<f64>, names: &[String]) -> Figure {
    let mut canvas = Canvas::new(
        Axis::unit("False positive rate"),
        Axis::unit("True positive rate"),
    );
    canvas.curve([(0.0, 0.0), (1.0, 1.0)], "rule");
    let legend = class_curves(&mut canvas, classes, names, |class| {
        (class.roc_auc, class.roc_curve.as_ref())
    });
    let description = format!("ROC curves; area {}.", optional(area, score));
    Figure {
        title: "ROC".into(),
        svg: canvas.finish(&description),
        legend,
        note: "The nearer to the upper left corner, the better a class is told from the others. \
               The number is the area under the curve."
            .into(),
    }
}

/// The precision-recall curves of all classes; `area` is the mean of their average precisions.
pub(crate) fn pr_figure(classes: &[ClassScores], area: Option<f64>, names: &[String]) -> Figure {
    let mut canvas = Canvas::new(Axis::unit("Recall"), Axis::unit("Precision"));
    let legend = class_curves(&mut canvas, classes, names, |class| {
        (class.pr_auc, class.pr_curve.as_ref())
    });
    let description = format!(
        "Precision-recall curves; average precision {}.",
        optional(area, score)
    );
    Figure {
        title: "Precision and recall".into(),
        svg: canvas.finish(&description),
        legend,
        note:
            "The nearer to the upper right corner, the better. The number is the average precision."
                .into(),
    }
}

/// Draws class 1 of two, or all classes, the worst of many, with the worst in colour.
fn class_curves(
    canvas: &mut Canvas,
    classes: &[ClassScores],
    names: &[String],
    read: fn(&ClassScores) -> (Option<f64>, Option<&Curve>),
) -> Vec<Key> {
    let defined = |class: usize| {
        let (area, curve) = read(&classes[class]);
        Some((class, area?, curve?))
    };
    let first = usize::from(classes.len() == 2);
    let mut curves: Vec<_> = (first..classes.len()).filter_map(defined).collect();
    curves.sort_by(|left, right| left.1.total_cmp(&right.1));
    let others = curves.len();
    curves.truncate(cut::MOST_ROWS);
    let styles = if first == 1 { &SINGLE[..] } else { &STYLES };
    let marked = curves.len().min(styles.len());
    let mut draw = |curve: &Curve, style| {
        canvas.curve(
            curve
                .points
                .iter()
                .map(|point| (f64::from(point.0), f64::from(point.1))),
            style,
        );
    };
    curves[marked..]
        .iter()
        .for_each(|(_, _, curve)| draw(curve, "faint"));
    let mut legend = Vec::new();
    for ((class, area, curve), style) in curves[..marked].iter().zip(styles) {
        draw(curve, style);
        legend.push(Key::line(format!("{} {area:.3}", names[*class]), style));
    }
    let others = others - marked;
    legend.extend((others > 0).then(|| Key::line(format!("{others} other classes"), "faint")));
    legend
}

fn calibration_figure(summary: &ClassificationSummary) -> Figure {
    let mut canvas = Canvas::new(Axis::unit("Confidence"), Axis::unit("Share right"));
    for bin in summary.reliability.iter().filter(|bin| bin.weight > 0.0) {
        canvas.bar((bin.lower, bin.upper), (0.0, bin.accuracy), "pale");
    }
    canvas.curve([(0.0, 0.0), (1.0, 1.0)], "rule");
    let error = percent(summary.calibration_error);
    Figure {
        title: "Calibration".into(),
        svg: canvas.finish(&format!(
            "Share of right predictions by confidence; expected calibration error {error}."
        )),
        legend: vec![
            Key::area("share right", "pale"),
            Key::line("perfectly calibrated", "rule"),
        ],
        note: format!(
            "Bars below the line: the model is more confident than it is right. Expected calibration error {error}."
        ),
    }
}

/// Right and wrong predictions each as a distribution: wrong ones are few, and would not be seen beside the others.
fn confidence_figure(summary: &ClassificationSummary) -> Figure {
    let bins = &summary.confidences;
    let total = |side: fn(&jingwei_metrics::ConfidenceBin) -> f64| {
        bins.iter().map(side).sum::<f64>().max(f64::MIN_POSITIVE)
    };
    let (right, wrong) = (total(|bin| bin.right), total(|bin| bin.wrong));
    let shares: Vec<_> = bins
        .iter()
        .map(|bin| (bin.right / right, bin.wrong / wrong))
        .collect();
    let highest = shares
        .iter()
        .map(|share| share.0.max(share.1))
        .fold(0.0, f64::max);
    let width = 1.0 / bins.len() as f64;
    let first = shares
        .iter()
        .position(|share| share.0 + share.1 > 0.0)
        .unwrap_or(0) as f64
        * width;
    let mut canvas = Canvas::new(
        Axis::new("Confidence", first, 1.0),
        Axis::new("Share of predictions", 0.0, highest * 1.05),
    );
    for (index, (right, wrong)) in shares.iter().enumerate() {
        let left = index as f64 * width;
        if left + width / 2.0 > first {
            canvas.bar((left, left + width / 2.0), (0.0, *right), "s0");
            canvas.bar((left + width / 2.0, left + width), (0.0, *wrong), "s1");
        }
    }
    let wrong = summary.weight * (1.0 - summary.accuracy);
    Figure {
        title: "Confidence".into(),
        svg: canvas.finish("Distribution of the confidence of right and of wrong predictions."),
        legend: vec![
            Key::area(
                format!("{} right", text::count(summary.weight - wrong.round())),
                "s0",
            ),
            Key::area(format!("{} wrong", text::count(wrong.round())), "s1"),
        ],
        note: "How confident right and wrong predictions were, each as shares of its kind.".into(),
    }
}
