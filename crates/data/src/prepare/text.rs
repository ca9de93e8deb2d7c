//! Texts as token ids.

use std::ops::Range;

use jingwei_bounds::{Budget, Exceeded};
use jingwei_text::prepare::{Encoder, Side, TextOptions, TextPreparation};
use jingwei_text::read::{Part, Texts};
use jingwei_text::statistics::{Bare, bare};
use rayon::prelude::*;

use crate::batches::padded;
use crate::dataset::TextColumn;
use crate::{Error, Result, Sequences};

/// Texts that one task encodes.
const TOGETHER: usize = 128;

/// Learns vocabulary and lengths from the texts named by `indices`.
pub(super) fn fit(
    column: &TextColumn,
    indices: &[usize],
    options: &TextOptions,
) -> Result<TextPreparation> {
    let part = Part {
        texts: &*column.texts,
        indices,
    };
    Ok(match column.tokenised {
        true => TextPreparation::fit_tokens(&part, options)?,
        false => TextPreparation::fit(&part, options)?,
    })
}

/// From texts to token ids, ready for use; several threads may use it at once.
pub struct TextMap {
    encoder: Encoder,
}

impl TextMap {
    /// Gets dictionary and vocabulary ready.
    ///
    /// # Errors
    /// If the preparation came from a file and does not hold what it needs.
    pub fn new(preparation: &TextPreparation) -> Result<Self> {
        let encoder = Encoder::new(preparation.clone())?;
        Ok(Self { encoder })
    }

    /// What tells tokens apart.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Replaces `ids` by those of a text.
    pub fn encode(&self, text: &str, tokenised: bool, ids: &mut Vec<u32>) {
        // Nothing exceeds a budget without an end.
        let _ = self.encode_within(text, tokenised, ids, &Budget::unlimited());
    }

    /// The same, with what the work takes from `budget`.
    ///
    /// # Errors
    /// If that ends; `ids` are then of no use.
    pub fn encode_within(
        &self,
        text: &str,
        tokenised: bool,
        ids: &mut Vec<u32>,
        budget: &Budget,
    ) -> std::result::Result<(), Exceeded> {
        match tokenised {
            true => {
                let tokens = text.split('\n');
                self.encoder.encode_tokens_within(tokens, ids, budget)
            }
            false => self.encoder.encode_within(text, ids, budget),
        }
    }

    /// The ids of the texts named by `indices`, in that order, on all threads.
    ///
    /// # Errors
    /// If a text lies in a temporary file that can no longer be read.
    pub fn encode_all(&self, column: &TextColumn, indices: &[usize]) -> Result<Sequences> {
        let texts: &Texts = &column.texts;
        let encode = |indices: &[usize]| {
            let (mut some, mut ids) = (Sequences::default(), Vec::new());
            for &index in indices {
                self.encode(&texts.get(index)?, column.tokenised, &mut ids);
                some.push(&ids);
            }
            Ok(some)
        };
        let parts: Vec<Sequences> = indices
            .par_chunks(TOGETHER)
            .map(encode)
            .collect::<Result<_>>()?;
        let mut all = Sequences::default();
        parts.iter().for_each(|part| all.append(part));
        Ok(all)
    }

    /// The tags of the samples named by `indices`, of as many tokens as [`TextMap::encode_all`] keeps.
    pub(crate) fn cut_tags(&self, tags: &Sequences, indices: &[usize]) -> Sequences {
        let most = self.encoder.preparation().max_length;
        let mut cut = Sequences::default();
        for &index in indices {
            let own = tags.get(index);
            let beyond = own.len().saturating_sub(most);
            cut.push(match self.encoder.preparation().options.truncate {
                Side::Before => &own[beyond..],
                Side::After => &own[..own.len() - beyond],
            });
        }
        cut
    }

    /// The places in a text of the tokens that [`TextMap::encode`] keeps, in bytes.
    pub fn kept_places(&self, text: &str) -> Vec<Range<usize>> {
        let places = self.kept_places_within(text, &Budget::unlimited());
        // Nothing exceeds a budget without an end.
        places.unwrap_or_default()
    }

    /// The same, with what the work takes from `budget`.
    ///
    /// # Errors
    /// If that ends.
    pub fn kept_places_within(
        &self,
        text: &str,
        budget: &Budget,
    ) -> std::result::Result<Vec<Range<usize>>, Exceeded> {
        Ok(self.kept(self.encoder.places_within(text, budget)?))
    }

    /// The same of a text that comes in tokens, with a line feed between them.
    pub fn token_places(&self, text: &str) -> Vec<Range<usize>> {
        let mut start = 0;
        let place = |token: &str| {
            let place = start..start + token.len();
            start = place.end + 1;
            place
        };
        self.kept(text.split('\n').map(place).collect())
    }

    /// Cuts a list with an entry for each token as the ids are cut.
    fn kept<T>(&self, mut tokens: Vec<T>) -> Vec<T> {
        let preparation = self.encoder.preparation();
        let beyond = tokens.len().saturating_sub(preparation.max_length);
        match preparation.options.truncate {
            Side::Before => tokens.drain(..beyond).for_each(drop),
            Side::After => tokens.truncate(preparation.max_length),
        }
        tokens
    }

    /// Why a text tells a model nothing, if so.
    pub fn bare(&self, text: &str) -> Option<Bare> {
        let vocabulary = &self.encoder.preparation().vocabulary;
        bare(&self.encoder.tokens(text), vocabulary)
    }

    /// Where `len` values begin in a sequence padded to `time`.
    pub fn start(&self, len: usize, time: usize) -> usize {
        padding_start(len, self.side(), time)
    }

    /// The length that every sequence is padded to, if the preparation has one.
    pub fn fixed_length(&self) -> Option<usize> {
        self.encoder.preparation().options.length
    }

    /// The length that a batch of sequences up to `longest` is padded to.
    pub fn time(&self, longest: usize) -> usize {
        self.fixed_length().unwrap_or_else(|| padded(longest))
    }

    /// The side on which sequences are padded.
    pub fn side(&self) -> Side {
        self.encoder.preparation().options.pad
    }

    /// Writes sequences with padding, each to the same share of `out`.
    ///
    /// # Errors
    /// If `out` is not a whole number of values for each.
    pub fn pad_all(&self, ids: &Sequences, out: &mut [f32]) -> Result<()> {
        let time = out.len() / ids.len().max(1);
        if time * ids.len() != out.len() {
            let cause = format!("{} numbers of room for {} texts", out.len(), ids.len());
            return Err(Error::content("prepare", cause, "give as many for each"));
        }
        for (ids, out) in ids.iter().zip(out.chunks_exact_mut(time.max(1))) {
            pad(ids, self.side(), out);
        }
        Ok(())
    }
}

/// Writes values with zeros on one side; what has no room is left out.
pub(crate) fn pad(values: &[u32], side: Side, out: &mut [f32]) {
    out.fill(0.0);
    let values = &values[..values.len().min(out.len())];
    let start = padding_start(values.len(), side, out.len());
    for (out, &value) in out[start..].iter_mut().zip(values) {
        *out = value as f32;
    }
}

/// Where `len` values begin in a sequence padded to `time`.
pub(crate) fn padding_start(len: usize, side: Side, time: usize) -> usize {
    match side {
        Side::Before => time.saturating_sub(len),
        Side::After => 0,
    }
}
