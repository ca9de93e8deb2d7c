//! The raw records that a bundle's predictions are recorded for: made up, never taken from the data.
//!
//! A bundle may travel further than its training data may, so it repeats no record of them. What is made up follows
//! from the fitted preparation alone, which the bundle holds anyway: pixels of noise, numbers around a column's mean,
//! texts of words from the vocabulary.

use jingwei_data::prepare::{ColumnScaling, FeaturePreparation, TargetPreparation, TextMap};
use jingwei_data::{Preparation, Sequences};

use crate::manifest::{RecordedRecords, RecordedText};
use crate::record;
use crate::{Error, Record, Result};

/// Raw records that a preparation reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// Pixels of 0 to 255, or the columns of a table: `samples × sample`.
    Numbers(Vec<f32>),
    /// Texts.
    Texts(Vec<RecordedText>),
}

/// A text that every rule of cleaning has something to do with.
const CLEANED: &str =
    "Ｔｈｅ <b>Book</b> &amp; 這本書很好！ https://example.com/a?b=c someone@example.com 2025";
/// Tokens of a text that is made up.
const TOKENS: usize = 24;

impl Raw {
    /// Makes up records that a preparation can read; `spread` says how far numbers lie from the middle, 0 to 1.
    pub(crate) fn make_up(preparation: &Preparation, samples: usize, spread: f32) -> Result<Self> {
        let unit = |at| match spread {
            1.0 => unit(at),
            _ => 0.5 + spread * (unit(at) - 0.5),
        };
        let indices = 0..samples * preparation.sample_len();
        Ok(match &preparation.features {
            FeaturePreparation::Images(_) => {
                Self::Numbers(indices.map(|at| (unit(at) * 256.0).floor()).collect())
            }
            FeaturePreparation::Rows(columns) => {
                let value = |at: usize| around(columns[at % columns.len()].scaling, unit(at));
                Self::Numbers(indices.map(value).collect())
            }
            FeaturePreparation::Text(text) => {
                let map = TextMap::new(text)?;
                let is_tagger = matches!(preparation.targets, TargetPreparation::Tags(_));
                let make = |sample| match (sample, is_tagger && sample % 2 == 0) {
                    (sample, true) => RecordedText::Tokens(words(&map, sample).join("\n")),
                    (1, false) => RecordedText::Text(CLEANED.to_owned()),
                    (sample, false) => RecordedText::Text(map.encoder().decode(&ids(&map, sample))),
                };
                Self::Texts((0..samples).map(make).collect())
            }
        })
    }

    /// What the manifest says of them.
    pub(crate) fn entry(&self) -> RecordedRecords {
        match self {
            Self::Numbers(_) => RecordedRecords::Numbers,
            Self::Texts(texts) => RecordedRecords::Texts(texts.clone()),
        }
    }

    /// Prepares the records as a prediction does: their numbers, and the length of the sequences, 0 if they are none.
    pub(crate) fn prepare(
        &self,
        preparation: &Preparation,
        samples: usize,
    ) -> Result<(Vec<f32>, usize)> {
        match self {
            Self::Numbers(raw) => Ok((prepare_numbers(preparation, raw, samples)?, 0)),
            Self::Texts(texts) => {
                let Some(text) = preparation.text() else {
                    let cause = "the preparation reads no texts";
                    return Err(Error::input("recorded texts", cause, crate::error::DAMAGED));
                };
                prepare_texts(&TextMap::new(text)?, texts)
            }
        }
    }
}

fn prepare_numbers(preparation: &Preparation, raw: &[f32], samples: usize) -> Result<Vec<f32>> {
    let len = preparation.sample_len().max(1);
    let is_picture = matches!(preparation.features, FeaturePreparation::Images(_));
    let mut prepared = vec![0.0; samples * len];
    let pairs = raw.chunks(len).zip(prepared.chunks_mut(len));
    for (sample, (raw, out)) in pairs.enumerate() {
        let place = format!("recorded sample {sample}");
        if is_picture {
            let pixels = pixels(raw, &place)?;
            record::prepare(preparation, &Record::Pixels(&pixels), &place, out)?;
        } else {
            record::prepare(preparation, &Record::Numbers(raw), &place, out)?;
        }
    }
    Ok(prepared)
}

/// Whole numbers of 0 to 255 as bytes.
fn pixels(raw: &[f32], place: &str) -> Result<Vec<u8>> {
    let byte = |&value: &f32| {
        let is_byte = (0.0..=255.0).contains(&value) && value.fract() == 0.0;
        is_byte.then_some(value as u8)
    };
    raw.iter().map(byte).collect::<Option<_>>().ok_or_else(|| {
        let cause = "a pixel isn't a whole number of 0 to 255";
        Error::input(place, cause, crate::error::DAMAGED)
    })
}

fn prepare_texts(map: &TextMap, texts: &[RecordedText]) -> Result<(Vec<f32>, usize)> {
    let (mut all, mut ids) = (Sequences::default(), Vec::new());
    for text in texts {
        match text {
            RecordedText::Text(text) => map.encode(text, false, &mut ids),
            RecordedText::Tokens(tokens) => map.encode(tokens, true, &mut ids),
        }
        all.push(&ids);
    }
    let time = map.time(all.longest());
    let mut prepared = vec![0.0; texts.len() * time];
    map.pad_all(&all, &mut prepared)?;
    Ok((
        prepared,
        if map.fixed_length().is_some() {
            0
        } else {
            time
        },
    ))
}

/// A number in [0, 1) that looks random.
pub(crate) fn unit(index: usize) -> f32 {
    let hash = (index as u32).wrapping_mul(0x9e37_79b9) >> 8;
    hash as f32 / (1 << 24) as f32
}

/// A number such as the column holds: within two standard deviations of its mean, or between its bounds.
fn around(scaling: ColumnScaling, unit: f32) -> f32 {
    let (centre, number) = match scaling {
        ColumnScaling::None => (0.0, 2.0 * unit - 1.0),
        ColumnScaling::Standardise { mean, std } => (mean, mean + std * (4.0 * unit - 2.0)),
        ColumnScaling::MinMax { min, max } => (min, min + (max - min) * unit),
    };
    // Where a column reaches as far as numbers go.
    if number.is_finite() { number } else { centre }
}

/// Some ids of the vocabulary, padding and unknown left out.
fn ids(map: &TextMap, sample: usize) -> Vec<u32> {
    const FIRST: u32 = 2;
    let known = map
        .encoder()
        .preparation()
        .ids()
        .saturating_sub(FIRST as usize);
    let tokens = 1 + sample % TOKENS.min(map.encoder().preparation().max_length);
    let id = |at: usize| FIRST + (unit(sample * TOKENS + at + 1) * known as f32) as u32;
    (0..tokens).map(id).collect()
}

/// Some words of the vocabulary, one a token.
fn words(map: &TextMap, sample: usize) -> Vec<String> {
    let word = |&id: &u32| map.encoder().decode(&[id]).replace('\n', " ");
    ids(map, sample).iter().map(word).collect()
}
