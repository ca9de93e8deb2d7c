//! Whether the network was worth its while.

use jingwei_metrics::Evaluation;
use serde::Serialize;

use crate::Report;
use crate::text::{self, percent};

/// A sentence on the model and the baseline.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    text: String,
    /// Whether the model is no better than the baseline.
    behind: bool,
}

/// Compares the model's evaluation with the baseline's on the same part; nothing if there is no baseline.
pub(crate) fn verdict(report: &Report, evaluation: &Evaluation) -> Option<Verdict> {
    let baseline = report.text.baseline.as_ref()?;
    let other = match report.test {
        Some(_) => baseline.test.as_ref()?,
        None => baseline.valid.as_ref()?,
    };
    let ((name, own), (_, plain)) = (headline(evaluation)?, headline(other)?);
    let points = (own - plain) * 100.0;
    let compared = match points {
        0.005.. => format!("the network is {points:.2} points better"),
        ..=-0.005 => format!("the network is {:.2} points worse", -points),
        _ => "the network is no better".to_owned(),
    };
    let mut about: Vec<String> = Vec::new();
    about.extend((!baseline.name.is_empty()).then(|| baseline.name.clone()));
    about.extend(
        (baseline.seconds > 0.0).then(|| format!("fitted in {}", text::duration(baseline.seconds))),
    );
    let about = match about.join(", ") {
        nothing if nothing.is_empty() => nothing,
        about => format!(" ({about})"),
    };
    let reached = percent(plain);
    Some(Verdict {
        text: format!(
            "The baseline{about} reaches {name} of {reached} on the same texts: {compared}."
        ),
        behind: points < 0.005,
    })
}

/// The figure that stands for an evaluation.
fn headline(evaluation: &Evaluation) -> Option<(&'static str, f64)> {
    match evaluation {
        Evaluation::Classification(summary) => Some(("an accuracy", summary.accuracy)),
        Evaluation::Labels(summary) => Some(("a micro F1", summary.f1.micro)),
        Evaluation::Tags(_) | Evaluation::Regression(_) => None,
    }
}
