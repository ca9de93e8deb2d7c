//! An ordinary method on the same texts.

use std::time::Instant;

use jingwei_data::{Sequences, Targets};

use super::{Encoded, EncodedPart};
use crate::Error;
use crate::baseline::Baseline;
use crate::metrics::{ClassificationSummary, LabelSummary, Labelled, Predictions};
use crate::report::{BaselineScores, Evaluation};

/// The baseline learns from no more texts than this.
const MOST_TEXTS: usize = 200_000;

/// Fits TF-IDF and logistic regression to the training part and measures them on the others; nothing unless texts have
/// classes or labels.
pub(super) fn baseline(encoded: &Encoded) -> Result<Option<BaselineScores>, Error> {
    let Some(train) = encoded.part("train").map(few) else {
        return Ok(None);
    };
    let valid = encoded.part("valid");
    let started = Instant::now();
    let baseline = match (&train.truth, valid.map(Truth::of)) {
        (Truth::None, _) => return Ok(None),
        (Truth::Classes(labels, classes), Some(Truth::Classes(other, _))) => {
            let valid = (&valid.map_or(&train.ids, |part| &part.ids), &other);
            Baseline::choose((&train.ids, labels), (valid.0, valid.1), *classes)?
        }
        (Truth::Classes(labels, classes), _) => Baseline::fit(&train.ids, labels, *classes)?,
        (Truth::Labels(labels, classes), Some(Truth::Labels(other, _))) => {
            let valid = (&valid.map_or(&train.ids, |part| &part.ids), &other);
            Baseline::choose_labels((&train.ids, labels), (valid.0, valid.1), *classes)?
        }
        (Truth::Labels(labels, classes), _) => Baseline::fit_labels(&train.ids, labels, *classes)?,
    };
    let seconds = started.elapsed().as_secs_f64();
    let measure =
        |part: Option<&EncodedPart>| part.map(|part| evaluate(&baseline, part)).transpose();
    Ok(Some(BaselineScores {
        name: "TF-IDF and logistic regression".to_owned(),
        valid: measure(valid)?,
        test: measure(encoded.part("test"))?,
        seconds,
    }))
}

/// What is true of texts, and how many classes there are.
enum Truth {
    Classes(Vec<u32>, usize),
    Labels(Sequences, usize),
    None,
}

impl Truth {
    fn of(part: &EncodedPart) -> Self {
        Self::some(part, part.indices.iter().copied())
    }

    fn some(part: &EncodedPart, indices: impl Iterator<Item = usize>) -> Self {
        match part.dataset.targets() {
            Targets::Classes { labels, names } => {
                Self::Classes(indices.map(|index| labels[index]).collect(), names.len())
            }
            Targets::Labels { labels, names } => {
                let mut own = Sequences::default();
                indices.for_each(|index| own.push(labels.get(index)));
                Self::Labels(own, names.len())
            }
            _ => Self::None,
        }
    }
}

/// Texts that the baseline learns from.
struct Train {
    ids: Sequences,
    truth: Truth,
}

/// The texts of a part, evenly taken if there are too many.
fn few(part: &EncodedPart) -> Train {
    let count = part.indices.len().min(MOST_TEXTS);
    let places = (0..count).map(|place| place * part.indices.len() / count);
    let mut ids = Sequences::default();
    places
        .clone()
        .for_each(|place| ids.push(part.ids.get(place)));
    Train {
        ids,
        truth: Truth::some(part, places.map(|place| part.indices[place])),
    }
}

fn evaluate(baseline: &Baseline, part: &EncodedPart) -> Result<Evaluation, Error> {
    let probabilities = baseline.predict(&part.ids);
    Ok(match Truth::of(part) {
        Truth::Labels(labels, classes) => {
            let labelled = Labelled::new(&probabilities, classes, &labels)?;
            Evaluation::Labels(Box::new(LabelSummary::compute(&labelled)))
        }
        Truth::Classes(labels, classes) => {
            let predictions = Predictions::new(&probabilities, classes, &labels, None)?;
            Evaluation::Classification(Box::new(ClassificationSummary::compute(&predictions)))
        }
        Truth::None => return Err(Error::NoRows),
    })
}
