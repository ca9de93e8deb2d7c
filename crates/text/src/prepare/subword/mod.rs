//! Pieces of words: BPE, WordPiece and unigram, trained here or read from a `tokenizer.json`.

mod bounds;
mod load;
mod pieces;
mod train;

use std::ops::Range;

use jingwei_bounds::Budget;
use tokenizers::Tokenizer as Inner;

pub(super) use load::load;

use crate::prepare::options::Tokenizer;
use crate::prepare::pipeline::Pipeline;
use crate::prepare::segment::Flow;
use crate::prepare::stop_words::read_small;
use crate::prepare::{Encoder, PADDING, TextPreparation, UNKNOWN, Vocabulary, Within};
use crate::read::TextSource;
use crate::{Error, Result};

/// Bytes of memory that the library takes for a byte of text.
const BYTES_FOR_BYTE: f64 = 128.0;

/// A loaded tokenizer, with its numbers in our order: padding 0, unknown 1.
pub(super) struct Subwords {
    inner: Inner,
    /// The factor by which it may make a text longer.
    growth: f64,
    /// Our id of each of its ids.
    ours: Vec<u32>,
    /// Its id of each of ours; `u32::MAX` where it has none.
    theirs: Vec<u32>,
}

impl Subwords {
    /// Hands the ids of a cleaned text to `emit`, each with its place.
    pub(super) fn encode(
        &self,
        text: &str,
        budget: &Budget,
        mut emit: impl FnMut(u32, Range<usize>) -> Flow,
    ) -> Within {
        let mut start = 0;
        for piece in pieces::pieces(text, self.longest()) {
            let needed = piece.len() as f64 * self.growth * BYTES_FOR_BYTE;
            let _loan = budget.lend(needed as usize)?;
            match self.encode_piece(piece, |id, place| {
                emit(id, start + place.start..start + place.end)
            }) {
                Flow::Continue(()) => start += piece.len(),
                Flow::Break(result) => return result,
            }
        }
        Ok(())
    }

    /// Bytes of a text that are read together.
    fn longest(&self) -> usize {
        const GROWN: f64 = (1 << 20) as f64;
        ((GROWN / self.growth) as usize).clamp(1 << 10, pieces::LONGEST)
    }

    fn encode_piece(&self, text: &str, mut emit: impl FnMut(u32, Range<usize>) -> Flow) -> Flow {
        // What a hostile file makes fail, the library's panics too, has no tokens.
        let encode = std::panic::AssertUnwindSafe(|| self.inner.encode(text, false));
        let Ok(Ok(encoding)) = std::panic::catch_unwind(encode) else {
            return Flow::Continue(());
        };
        for (&id, &(start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let id = self.ours.get(id as usize).copied().unwrap_or(UNKNOWN);
            let in_text =
                start <= end && text.is_char_boundary(start) && text.is_char_boundary(end);
            emit(id, if in_text { start..end } else { 0..0 })?;
        }
        Flow::Continue(())
    }

    /// The text of ids.
    pub(super) fn decode(&self, ids: &[u32]) -> String {
        let ids: Vec<u32> = ids
            .iter()
            .filter(|&&id| id != PADDING)
            .filter_map(|&id| self.theirs.get(id as usize).copied())
            .filter(|&id| id != u32::MAX)
            .collect();
        let decode = std::panic::AssertUnwindSafe(|| self.inner.decode(&ids, false));
        std::panic::catch_unwind(decode)
            .ok()
            .and_then(std::result::Result::ok)
            .unwrap_or_default()
    }
}

/// Trains or reads the tokenizer, then counts its pieces in the training part.
pub(super) fn fit(
    mut fresh: TextPreparation,
    texts: &(impl TextSource + ?Sized),
) -> Result<TextPreparation> {
    let pipeline = Pipeline::new(&fresh.options, "")?;
    fresh.tokenizer = match &fresh.options.tokenizer {
        Tokenizer::File(file) => {
            let json = read_small(&file.path, "tokenizer.file.path")?;
            load::check_components(&json).map_err(|error| match error {
                Error::Content { cause, remedy, .. } => {
                    Error::content(file.path.display(), cause, remedy)
                }
                error => error,
            })?;
            json
        }
        _ => train::train(&fresh.options.tokenizer, texts, &pipeline)?,
    };
    fresh.vocabulary = load::vocabulary(&fresh.tokenizer)?;
    let ids = fresh.vocabulary.ids();
    let (counts, lengths) = count(&fresh, texts, ids)?;
    fresh.lengths(&lengths);
    fresh.learnt.unknown = counts[UNKNOWN as usize];
    fresh.learnt.distinct = counts.iter().filter(|&&count| count > 0).count() as u64;
    let words = fresh.vocabulary.words().to_vec();
    fresh.vocabulary = Vocabulary::of(words, counts[2..].to_vec())?;
    if fresh.learnt.tokens == 0 {
        let remedy = "leave more of the texts";
        return Err(Error::content(
            "training part",
            "after cleaning no token is left",
            remedy,
        ));
    }
    Ok(fresh)
}

fn count(
    fresh: &TextPreparation,
    texts: &(impl TextSource + ?Sized),
    ids: usize,
) -> Result<(Vec<u64>, Vec<u32>)> {
    use rayon::prelude::*;
    let mut whole = fresh.clone();
    whole.max_length = usize::MAX;
    let encoder = Encoder::new(whole)?;
    let pieces: Vec<usize> = (0..texts.len()).step_by(512).collect();
    let counted: Result<Vec<(Vec<u64>, Vec<u32>)>> = pieces
        .par_iter()
        .map(|&piece| {
            let (mut counts, mut lengths, mut buffer) = (vec![0; ids], Vec::new(), Vec::new());
            for index in piece..texts.len().min(piece + 512) {
                encoder.encode(&texts.get(index)?, &mut buffer);
                buffer.iter().for_each(|&id| counts[id as usize] += 1);
                lengths.push(buffer.len() as u32);
            }
            Ok((counts, lengths))
        })
        .collect();
    let (mut counts, mut lengths) = (vec![0; ids], Vec::new());
    for (some, more) in counted? {
        counts
            .iter_mut()
            .zip(some)
            .for_each(|(count, more)| *count += more);
        lengths.extend(more);
    }
    Ok((counts, lengths))
}
