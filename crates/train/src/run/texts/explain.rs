//! Which tokens moved the decision on some texts.

use jingwei_data::{Dataset, Sequences};
use jingwei_engine::AlignedVec;

use super::{Encoded, worst};
use crate::Error;
use crate::fit::{Evaluator, Trainer, Weights};
use crate::inference::Inference;
use crate::metrics::{Predictions, two_columns};
use crate::report::{Explanation, occlusion, weigh, worth_explaining};
use crate::run::{Prepared, SourcePart};

/// How many texts are explained.
const EXPLAINED: usize = 9;
/// Longer texts are not explained, tokens: the time grows with the square of the length.
const LONGEST: usize = 400;

/// The trained network.
pub(super) struct Model {
    inference: Inference,
    /// Whether sequences may have any length.
    open: bool,
}

impl Model {
    pub(super) fn new(prepared: &Prepared, trainer: &Trainer, weights: &Weights) -> Self {
        let (function, states) = crate::run::inference(&prepared.functions, &weights.states);
        let inference = Inference::new(
            function,
            weights.parameters.clone(),
            AlignedVec::from(states.as_slice()),
            trainer.runtime().clone(),
        );
        let open = prepared.preparation.sample_shape().contains(&None);
        Self { inference, open }
    }

    /// The probabilities of texts, texts × classes.
    fn predict(&self, encoded: &Encoded, texts: &Sequences) -> Result<Vec<f32>, Error> {
        let time = encoded.map.time(texts.longest());
        let mut features = vec![0.0; texts.len() * time];
        encoded.map.pad_all(texts, &mut features)?;
        let open = self.open.then_some(time);
        let predicted = self.inference.run_steps(&features, texts.len(), open)?;
        Ok(match predicted.len() == texts.len() {
            true => two_columns(&predicted),
            false => predicted,
        })
    }
}

/// Explains some texts: some surely wrong, some unsure, some surely right.
pub(super) fn explanations(
    model: &Model,
    encoded: &Encoded,
    dataset: &Dataset,
    part: &SourcePart,
    evaluator: &Evaluator,
) -> Result<Vec<Explanation>, Error> {
    let (probabilities, classes) = evaluator.probabilities();
    let labels = labels(dataset, part);
    let Some(own) = encoded
        .parts
        .iter()
        .find(|own| own.indices.as_ptr() == part.indices.as_ptr())
    else {
        return Ok(Vec::new());
    };
    let predictions = Predictions::new(&probabilities, classes, &labels, None)?;
    let rows = worth_explaining(&predictions, EXPLAINED).into_iter();
    let short = rows.filter(|row| (1..=LONGEST).contains(&own.ids.get(*row).len()));
    let explain = |row: usize| {
        let (class, probability) = predictions.predicted(row);
        let ids = own.ids.get(row);
        let weights = occlusion(ids, class, classes, |texts| model.predict(encoded, texts))?;
        let text = worst::whole(dataset, part.indices[row])?;
        Ok(Explanation {
            tokens: weigh(&text, &encoded.map.kept_places(&text), &weights),
            class,
            probability,
            truth: Some(predictions.label(row)),
            origin: dataset.origin(part.indices[row]),
        })
    };
    short.map(explain).collect()
}

/// The class of each text.
pub(super) fn labels(dataset: &Dataset, part: &SourcePart) -> Vec<u32> {
    let labels = dataset.labels().unwrap_or_default();
    let label = |index: &usize| labels.get(*index).copied().unwrap_or_default();
    part.indices.iter().map(label).collect()
}
