//! An ordinary method on the same texts.

use std::borrow::Cow;
use std::time::Instant;

use jingwei_data::{Sequences, Targets};
use jingwei_metrics::Evaluation;
use jingwei_metrics::{Compared, Labelled, Predictions};
use jingwei_report::{BaselineScores, count};

use super::baseline::Baseline;
use super::encoded::{Encoded, EncodedPart};
use crate::Error;

/// The baseline learns from no more texts than this.
const MOST_TEXTS: usize = 200_000;
/// It is left out where texts × classes are more than this: each step of its training computes so many scores.
const MOST_SCORES: usize = 100_000_000;

/// Why there is no baseline, where there are too many classes for one.
pub(super) fn left_out(encoded: &Encoded) -> Option<String> {
    let texts = encoded.parts.iter().map(|part| match part.name {
        "train" => part.indices.len().min(MOST_TEXTS),
        _ => part.indices.len(),
    });
    let texts = texts.max()?;
    let classes = match encoded.part("train")?.dataset.targets() {
        Targets::Classes { names, .. } | Targets::Labels { names, .. } => names.len(),
        Targets::Tags { .. } | Targets::Values { .. } | Targets::None => return None,
    };
    let scores = jingwei_bounds::product([texts, classes]);
    let fits = scores.is_some_and(|scores| scores <= MOST_SCORES);
    (!fits).then(|| {
        format!(
            "There is no baseline: {} texts × {} classes are more than the {} scores that it computes at most.",
            count(texts as f64),
            count(classes as f64),
            count(MOST_SCORES as f64)
        )
    })
}

/// Fits TF-IDF and logistic regression to the training part and measures them on the others; nothing unless texts have
/// classes or labels.
pub(super) fn baseline(encoded: &Encoded) -> Result<Option<BaselineScores>, Error> {
    let Some(mut train) = encoded.part("train").map(few) else {
        return Ok(None);
    };
    let valid = encoded.part("valid");
    let first_word = encoded.map.encoder().preparation().vocabulary.first_word();
    train.ids = kinds_apart(&train.ids, first_word).into_owned();
    let valid_ids = valid.map(|part| kinds_apart(&part.ids, first_word));
    let valid_ids = valid_ids.as_deref().unwrap_or(&train.ids);
    let started = Instant::now();
    let baseline = match (&train.truth, valid.map(Truth::of)) {
        (Truth::None, _) => return Ok(None),
        (Truth::Classes(labels, classes), Some(Truth::Classes(other, _))) => {
            Baseline::choose((&train.ids, labels), (valid_ids, &other), *classes)?
        }
        (Truth::Classes(labels, classes), _) => Baseline::fit(&train.ids, labels, *classes)?,
        (Truth::Labels(labels, classes), Some(Truth::Labels(other, _))) => {
            Baseline::choose_labels((&train.ids, labels), (valid_ids, &other), *classes)?
        }
        (Truth::Labels(labels, classes), _) => Baseline::fit_labels(&train.ids, labels, *classes)?,
    };
    let seconds = started.elapsed().as_secs_f64();
    let measure = |part: Option<&EncodedPart>| {
        let evaluate = |part| evaluate(&baseline, part, first_word);
        part.map(evaluate).transpose()
    };
    Ok(Some(BaselineScores {
        name: "TF-IDF and logistic regression".to_owned(),
        valid: measure(valid)?,
        test: measure(encoded.part("test"))?,
        seconds,
    }))
}

/// Texts with the characters first where tokens are words and characters: pairs of neighbours are of one kind then.
fn kinds_apart(ids: &Sequences, first_word: Option<u32>) -> Cow<'_, Sequences> {
    let Some(first_word) = first_word else {
        return Cow::Borrowed(ids);
    };
    let (mut all, mut apart) = (Sequences::default(), Vec::new());
    for own in ids.iter() {
        let is_word = |id: &&u32| **id >= first_word;
        apart.clear();
        apart.extend(own.iter().filter(|id| !is_word(id)));
        apart.extend(own.iter().filter(is_word));
        all.push(&apart);
    }
    Cow::Owned(all)
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
            Targets::Tags { .. } | Targets::Values { .. } | Targets::None => Self::None,
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

fn evaluate(
    baseline: &Baseline,
    part: &EncodedPart,
    first_word: Option<u32>,
) -> Result<Evaluation, Error> {
    let probabilities = baseline.predict(&kinds_apart(&part.ids, first_word));
    let truth = Truth::of(part);
    let compared = match &truth {
        Truth::Labels(labels, classes) => {
            Compared::Labels(Labelled::new(&probabilities, *classes, labels)?)
        }
        Truth::Classes(labels, classes) => {
            Compared::Classes(Predictions::new(&probabilities, *classes, labels, None)?)
        }
        Truth::None => return Err(jingwei_metrics::Error::NoRows.into()),
    };
    Ok(compared.evaluation())
}
