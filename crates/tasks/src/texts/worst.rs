//! The texts that a model gets most wrong.

use jingwei_data::Dataset;
use jingwei_report::WorstText;
use jingwei_train::fit::Evaluator;

use crate::Error;
use crate::run::SourcePart;

/// How many are shown.
const WORST: usize = 12;

/// Those classified wrongly whose own class gets the least probability.
pub(super) fn of_classes(
    dataset: &Dataset,
    part: &SourcePart,
    evaluator: &Evaluator,
) -> Result<Vec<WorstText>, Error> {
    let Some(predictions) = evaluator.classified()? else {
        return Ok(Vec::new());
    };
    let truth = |row: usize| predictions.truth(row);
    let mut wrong: Vec<usize> = (0..predictions.rows())
        .filter(|row| predictions.predicted(*row).0 != predictions.label(*row))
        .collect();
    wrong.sort_by(|left, right| truth(*left).total_cmp(&truth(*right)));
    let shown = wrong.into_iter().take(WORST);
    let text = |row: usize| {
        let (predicted, probability) = predictions.predicted(row);
        Ok(WorstText {
            text: whole(dataset, part.indices[row])?,
            truth: vec![predictions.label(row)],
            predicted: vec![predicted],
            probability,
            truth_probability: truth(row),
            origin: dataset.origin(part.indices[row]),
        })
    };
    shown.map(text).collect()
}

/// Those with wrong labels whose log loss is largest. Shown are the probability of the surest label said, and that of
/// the true label that is least believed. None where there are too many labels to keep all probabilities.
pub(super) fn of_labels(
    dataset: &Dataset,
    part: &SourcePart,
    evaluator: &Evaluator,
) -> Result<Vec<WorstText>, Error> {
    let labelled = evaluator.labelled()?;
    let Some((labelled, cells)) = labelled.as_ref().and_then(|own| Some((own, own.cells()?)))
    else {
        return Ok(Vec::new());
    };
    let classes = labelled.classes();
    let loss = |row: usize| -> f64 {
        let of_label = |label| match (cells.has(row, label), cells.probability(row, label)) {
            (true, probability) => f64::from(probability.max(f32::EPSILON)).ln(),
            (false, probability) => f64::from((1.0 - probability).max(f32::EPSILON)).ln(),
        };
        -(0..classes).map(of_label).sum::<f64>()
    };
    let is_wrong = |row: &usize| !labelled.is_exact(*row);
    let mut wrong: Vec<usize> = (0..labelled.rows()).filter(is_wrong).collect();
    wrong.sort_by(|left, right| loss(*right).total_cmp(&loss(*left)));
    let shown = wrong.into_iter().take(WORST);
    let text = |row: usize| {
        let probability = |label: &usize| cells.probability(row, *label);
        let with = |is: &dyn Fn(usize) -> bool| (0..classes).filter(|label| is(*label)).collect();
        let truth: Vec<usize> = with(&|label| cells.has(row, label));
        let predicted: Vec<usize> = with(&|label| cells.says(row, label));
        Ok(WorstText {
            text: whole(dataset, part.indices[row])?,
            probability: predicted.iter().map(probability).fold(0.0, f32::max),
            truth_probability: truth.iter().map(probability).fold(1.0, f32::min),
            truth,
            predicted,
            origin: dataset.origin(part.indices[row]),
        })
    };
    shown.map(text).collect()
}

/// A text as it stands in the file.
pub(super) fn whole(dataset: &Dataset, index: usize) -> Result<String, Error> {
    Ok(dataset.text(index)?.unwrap_or_default().into_owned())
}
