//! What the report tells of texts, after the last step.

mod baseline;
mod data;
mod explain;
mod worst;

use jingwei_data::prepare::TextMap;
use jingwei_data::{Dataset, Features, Sequences, Targets};

use super::{Prepared, SourcePart};
use crate::Error;
use jingwei_report::{BaselineScores, TagError, TextReport};
use jingwei_train::fit::{Evaluator, Trainer, Weights};

/// How many of the worst texts are shown.
const WORST: usize = 12;

/// The texts of all parts as token ids.
pub(super) struct Encoded<'a> {
    map: TextMap,
    parts: Vec<EncodedPart<'a>>,
}

/// The texts of a part as token ids.
struct EncodedPart<'a> {
    name: &'static str,
    dataset: &'a Dataset,
    indices: &'a [usize],
    ids: Sequences,
}

impl<'a> Encoded<'a> {
    /// Encodes all texts; nothing if the samples are no texts.
    pub(super) fn new(prepared: &'a Prepared) -> Result<Option<Self>, Error> {
        let source = &prepared.source;
        let Some(preparation) = prepared.preparation.text() else {
            return Ok(None);
        };
        let map = TextMap::new(preparation)?;
        let held = [("valid", &source.valid), ("test", &source.test)].into_iter();
        let held = held.filter_map(|(name, part)| Some((name, part.as_ref()?)));
        let named = held.map(|(name, part)| (name, part.dataset(source), part.indices.as_slice()));
        let all = std::iter::once(("train", &source.dataset, source.train.as_slice())).chain(named);
        let encode = |(name, dataset, indices): (_, &'a Dataset, &'a [usize])| {
            let ids = match dataset.features() {
                Features::Texts(column) => map.encode_all(column, indices)?,
                _ => Sequences::default(),
            };
            Ok(EncodedPart {
                name,
                dataset,
                indices,
                ids,
            })
        };
        let parts = all.map(encode).collect::<Result<_, Error>>()?;
        Ok(Some(Self { map, parts }))
    }

    fn part(&self, name: &str) -> Option<&EncodedPart<'a>> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// Fits the baseline to texts of classes or labels; a sentence in `warnings` says why there is none.
pub(super) fn baseline(
    encoded: &Encoded,
    warnings: &mut Vec<String>,
) -> Result<Option<BaselineScores>, Error> {
    match baseline::left_out(encoded) {
        Some(reason) => {
            warnings.push(reason);
            Ok(None)
        }
        None => baseline::baseline(encoded),
    }
}

/// Everything else; `shown` is the part whose mistakes are shown, evaluated.
pub(super) fn text_report(
    prepared: &Prepared,
    encoded: &Encoded,
    trainer: &Trainer,
    weights: &Weights,
    shown: Option<(&SourcePart, &Evaluator)>,
) -> Result<TextReport, Error> {
    let mut report = TextReport {
        data: Some(data::data(prepared, encoded)?),
        pretrained: trainer.pretrained().to_vec(),
        duplicates: prepared.source.duplicates.clone(),
        ..TextReport::default()
    };
    let Some((part, evaluator)) = shown else {
        return Ok(report);
    };
    let dataset = part.dataset(&prepared.source);
    match dataset.targets() {
        Targets::Tags { .. } => report.tag_errors = tag_errors(dataset, part, evaluator)?,
        Targets::Labels { labels, .. } => {
            report.worst = worst::of_labels(dataset, part, evaluator)?;
            let model = explain::Model::new(prepared, trainer, weights);
            report.explanations =
                explain::of_labels(&model, encoded, dataset, part, evaluator, labels)?;
        }
        Targets::Classes { .. } => {
            report.worst = worst::of_classes(dataset, part, evaluator)?;
            let model = explain::Model::new(prepared, trainer, weights);
            report.explanations = explain::explanations(&model, encoded, dataset, part, evaluator)?;
        }
        Targets::Values { .. } | Targets::None => {}
    }
    Ok(report)
}

fn tag_errors(
    dataset: &Dataset,
    part: &SourcePart,
    evaluator: &Evaluator,
) -> Result<Vec<TagError>, Error> {
    let summary = evaluator.evaluation()?;
    let (jingwei_metrics::Evaluation::Tags(summary), Some(tagged)) = (summary, evaluator.tagged()?)
    else {
        return Ok(Vec::new());
    };
    let Some(spans) = &summary.spans else {
        return Ok(Vec::new());
    };
    let mut failed = None;
    let errors = TagError::examples(spans, &tagged, |row| {
        let index = part.indices[row];
        let text = dataset.text(index).unwrap_or_else(|error| {
            failed = Some(error);
            None
        });
        let tokens = text.unwrap_or_default();
        let tokens = tokens.split('\n').map(str::to_owned).collect();
        (tokens, dataset.origin(index))
    });
    match failed {
        None => Ok(errors),
        Some(error) => Err(error.into()),
    }
}
