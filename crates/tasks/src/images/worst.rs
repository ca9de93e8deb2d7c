use jingwei_data::Features;
use jingwei_metrics::Outcome;
use jingwei_report::WorstImage;

use crate::Error;
use crate::task::Finished;

/// The pictures whose own class gets the least probability, of those that are classified wrongly.
pub(super) fn worst(finished: &Finished<'_>) -> Result<Vec<WorstImage>, Error> {
    let Some((part, evaluator)) = finished.shown else {
        return Ok(Vec::new());
    };
    let count = finished.recipe.report.worst_images;
    let dataset = part.dataset(&finished.prepared.source);
    let Features::Images {
        height,
        width,
        channels,
        ..
    } = dataset.features()
    else {
        return Ok(Vec::new());
    };
    let Some(predictions) = evaluator.classified()? else {
        return Ok(Vec::new());
    };
    let outcomes = predictions.outcomes().iter().enumerate();
    let mut wrong: Vec<(usize, &Outcome)> = outcomes
        .filter(|(_, outcome)| outcome.predicted != outcome.label)
        .collect();
    wrong.sort_by(|a, b| a.1.truth.total_cmp(&b.1.truth).then(a.0.cmp(&b.0)));
    let image = |(row, outcome): (usize, &Outcome)| {
        let index = part.indices[row];
        WorstImage {
            pixels: dataset.image(index).unwrap_or_default().to_vec(),
            height: *height as u32,
            width: *width as u32,
            channels: *channels as u8,
            truth: outcome.label as usize,
            predicted: outcome.predicted as usize,
            probability: outcome.confidence,
            truth_probability: outcome.truth,
            origin: dataset.origin(index),
        }
    };
    Ok(wrong.into_iter().take(count).map(image).collect())
}
