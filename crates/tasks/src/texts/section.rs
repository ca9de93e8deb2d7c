//! What the report tells of texts, after the last step.

use jingwei_data::Targets;
use jingwei_report::{BaselineScores, TextReport};

use super::encoded::Encoded;
use super::{baseline_scores, data, explain, worst};
use crate::Error;
use crate::task::Finished;

/// The data, the baseline, the worst texts and what moved decisions.
pub(super) fn section(
    finished: &Finished<'_>,
    left_out: &mut Vec<String>,
) -> Result<TextReport, Error> {
    let Some(encoded) = Encoded::new(finished.prepared)? else {
        return Ok(TextReport::default());
    };
    let mut report = TextReport {
        baseline: baseline(&encoded, left_out)?,
        ..about(finished, &encoded)?
    };
    let Some((part, evaluator)) = finished.shown else {
        return Ok(report);
    };
    let model = || explain::Model::new(finished.prepared, finished.trainer, finished.weights);
    let dataset = part.dataset(&finished.prepared.source);
    match dataset.targets() {
        Targets::Labels { labels, .. } => {
            report.worst = worst::of_labels(dataset, part, evaluator)?;
            report.explanations =
                explain::of_labels(&model()?, &encoded, dataset, part, evaluator, labels)?;
        }
        Targets::Classes { .. } => {
            report.worst = worst::of_classes(dataset, part, evaluator)?;
            report.explanations =
                explain::explanations(&model()?, &encoded, dataset, part, evaluator)?;
        }
        Targets::Tags { .. } | Targets::Values { .. } | Targets::None => {}
    }
    Ok(report)
}

/// What is told of texts whatever the task is.
pub(crate) fn about(finished: &Finished<'_>, encoded: &Encoded<'_>) -> Result<TextReport, Error> {
    Ok(TextReport {
        data: Some(data::data(finished.prepared, encoded)?),
        pretrained: finished.trainer.pretrained().to_vec(),
        duplicates: finished.prepared.source.duplicates.clone(),
        ..TextReport::default()
    })
}

/// Fits the baseline to texts of classes or labels; a sentence in `left_out` says why there is none.
fn baseline(
    encoded: &Encoded<'_>,
    left_out: &mut Vec<String>,
) -> Result<Option<BaselineScores>, Error> {
    match baseline_scores::left_out(encoded) {
        Some(reason) => {
            left_out.push(reason);
            Ok(None)
        }
        None => baseline_scores::baseline(encoded),
    }
}
