//! Which tokens moved the decision on some texts.

use std::ops::Range;

use jingwei_bundle::Runner;
use jingwei_data::{Dataset, Sequences};
use jingwei_engine::AlignedVec;
use jingwei_metrics::{Labelled, two_columns};
use jingwei_report::{Explanation, occlusion, pieces, weigh, worth_explaining};
use jingwei_train::fit::{Evaluator, Trainer, Weights};

use super::encoded::Encoded;
use super::worst;
use crate::Error;
use crate::run::{Prepared, SourcePart};

/// How many texts are explained.
const EXPLAINED: usize = 9;
/// Longer texts are not explained, tokens: the time grows with the square of the length.
const LONGEST: usize = 400;

/// The trained network.
pub(super) struct Model {
    runner: Runner,
}

impl Model {
    pub(super) fn new(
        prepared: &Prepared,
        trainer: &Trainer,
        weights: &Weights,
    ) -> Result<Self, Error> {
        let (function, states) =
            jingwei_train::export::inference(&prepared.functions, &weights.states);
        let runner = Runner::of(
            function,
            weights.parameters.clone(),
            AlignedVec::from(states.as_slice()),
            trainer.runtime().clone(),
        )?;
        Ok(Self { runner })
    }

    /// The probabilities of texts, texts × classes.
    fn predict(&self, encoded: &Encoded, texts: &Sequences) -> Result<Vec<f32>, Error> {
        let time = encoded.map.time(texts.longest());
        let mut features = vec![0.0; texts.len() * time];
        encoded.map.pad_all(texts, &mut features)?;
        let predicted = self.runner.predict(&features, texts.len())?;
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
    let Some(predictions) = evaluator.classified()? else {
        return Ok(Vec::new());
    };
    let classes = predictions.classes();
    let decision = |row: usize| {
        let (class, probability) = predictions.predicted(row);
        let truth = Some(predictions.label(row));
        Decision {
            row,
            class,
            probability,
            truth,
        }
    };
    let rows = worth_explaining(&predictions, EXPLAINED).into_iter();
    let decisions: Vec<Decision> = rows.map(decision).collect();
    explain(model, encoded, dataset, part, classes, &decisions)
}

/// Explains labels that were said of some texts: some surely wrong, some unsure, some surely right.
pub(super) fn of_labels(
    model: &Model,
    encoded: &Encoded,
    dataset: &Dataset,
    part: &SourcePart,
    evaluator: &Evaluator,
    labels: &Sequences,
) -> Result<Vec<Explanation>, Error> {
    let own = labels.chosen(&part.indices);
    let classes = dataset.class_names().len();
    let labelled = evaluator.labelled()?;
    let Some(cells) = labelled.as_ref().and_then(Labelled::cells) else {
        return Ok(Vec::new());
    };
    let said = |row: usize| {
        let said = (0..classes).filter(move |&label| cells.says(row, label));
        said.map(move |class| (row, class))
    };
    let mut surest: Vec<Decision> = (0..own.len())
        .flat_map(said)
        .map(|(row, class)| Decision {
            row,
            class,
            probability: cells.probability(row, class),
            truth: match cells.has(row, class) {
                true => Some(class),
                false => own.get(row).first().map(|&label| label as usize),
            },
        })
        .collect();
    surest.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    let each = EXPLAINED.div_ceil(3);
    let mut chosen: Vec<Decision> = Vec::new();
    let mut add = |from: &mut dyn Iterator<Item = &Decision>| {
        let most = chosen.len() + each;
        for decision in from {
            if chosen.len() < most && chosen.iter().all(|other| other.row != decision.row) {
                chosen.push(*decision);
            }
        }
    };
    let is_right = |decision: &&Decision| decision.truth == Some(decision.class);
    add(&mut surest.iter().filter(|decision| !is_right(decision)));
    add(&mut surest.iter().rev());
    add(&mut surest.iter().filter(is_right));
    explain(model, encoded, dataset, part, classes, &chosen)
}

/// What was said of a text.
#[derive(Clone, Copy)]
struct Decision {
    row: usize,
    class: usize,
    probability: f32,
    truth: Option<usize>,
}

fn explain(
    model: &Model,
    encoded: &Encoded,
    dataset: &Dataset,
    part: &SourcePart,
    classes: usize,
    decisions: &[Decision],
) -> Result<Vec<Explanation>, Error> {
    let mut parts = encoded.parts.iter();
    let own = parts.find(|own| own.indices.as_ptr() == part.indices.as_ptr());
    let Some(own) = own.filter(|_| classes > 1) else {
        return Ok(Vec::new());
    };
    let is_short = |decision: &&Decision| (1..=LONGEST).contains(&own.ids.get(decision.row).len());
    let explain = |decision: &Decision| {
        let Decision { row, class, .. } = *decision;
        let ids = own.ids.get(row);
        let text = worst::whole(dataset, part.indices[row])?;
        let places = encoded.map.kept_places(&text);
        let hidden = match places.len() == ids.len() {
            true => pieces(&places),
            false => Vec::new(),
        };
        let vocabulary = &encoded.map.encoder().preparation().vocabulary;
        let unknown = |id| vocabulary.unknown_like(id);
        let predict = |texts: &Sequences| model.predict(encoded, texts);
        let weights = occlusion(ids, &hidden, unknown, class, classes, predict)?;
        let place = |piece: &Range<usize>| {
            let places = &places[piece.clone()];
            let end = places.iter().map(|place| place.end).max();
            places[0].start..end.unwrap_or_default()
        };
        let places: Vec<Range<usize>> = hidden.iter().map(place).collect();
        Ok(Explanation {
            tokens: weigh(&text, &places, &weights),
            class,
            probability: decision.probability,
            truth: decision.truth,
            origin: dataset.origin(part.indices[row]),
        })
    };
    decisions.iter().filter(is_short).map(explain).collect()
}
