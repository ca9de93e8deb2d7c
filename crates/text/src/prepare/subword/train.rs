//! Training BPE, WordPiece and unigram tokenizers, with the same result in every run and on any number of threads.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::tokenizer::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, SplitDelimiterBehavior,
};
use tokenizers::{DecoderWrapper, ModelWrapper, PreTokenizerWrapper, Tokenizer as Inner};

use crate::prepare::options::{Tokenizer, Trained};
use crate::prepare::pipeline::Pipeline;
use crate::prepare::subword::pieces;
use crate::read::TextSource;
use crate::{Error, Result};

const PADDING: &str = "<pad>";
const UNKNOWN: &str = "<unk>";
/// Unigram's lattice grows with the square of a word's length.
const LONGEST: usize = 128;
/// Characters of a token: no more bytes than loading allows. Only texts without any sense have longer ones.
const LONGEST_TOKEN: usize = 250;
/// Characters of different words that unigram is trained on; its suffix array takes some fifty bytes for each.
const MOST_CHARACTERS: usize = 1_000_000;
/// Longer runs without a space or mark are unknown to WordPiece as a whole.
const LONGEST_RUN: usize = 1_000;

type Counted = HashMap<String, u64, FxBuildHasher>;

fn failed(error: impl ToString) -> Error {
    Error::content(
        "training of the tokenizer",
        error,
        "raise `max_vocabulary`, or use words or characters",
    )
}

/// A word of WordPiece with one unknown character is unknown as a whole, so Chinese characters are words of their own, as in
/// BERT.
fn apart() -> BertNormalizer {
    BertNormalizer::new(false, true, Some(false), false)
}

fn splits(word_piece: bool) -> PreTokenizerWrapper {
    if word_piece {
        return PreTokenizerWrapper::BertPreTokenizer(BertPreTokenizer);
    }
    let spaces = Metaspace::new('▁', PrependScheme::Never, true);
    let marks = Punctuation::new(SplitDelimiterBehavior::Isolated);
    PreTokenizerWrapper::Sequence(Sequence::new(vec![spaces.into(), marks.into()]))
}

/// Trains a tokenizer on texts and gives its `tokenizer.json`.
pub(super) fn train(
    tokenizer: &Tokenizer,
    texts: &(impl TextSource + ?Sized),
    pipeline: &Pipeline,
) -> Result<String> {
    let (trained, word_piece) = match tokenizer {
        Tokenizer::Bpe(trained) | Tokenizer::Unigram(trained) => (trained, false),
        Tokenizer::WordPiece(trained) => (trained, true),
        Tokenizer::Word(_)
        | Tokenizer::Character(_)
        | Tokenizer::WordsAndCharacters(_)
        | Tokenizer::File(_) => {
            return Err(failed("there is nothing to train"));
        }
    };
    let split = splits(word_piece);
    // WordPiece has a letter twice: at the start of a word, and inside.
    let most = trained.max_vocabulary / if word_piece { 3 } else { 2 };
    let words = known_characters(count(texts, pipeline, word_piece, &split)?, most);
    if words.is_empty() {
        return Err(failed("no words are left after cleaning"));
    }
    // Sums of floating-point numbers must not depend on how many threads share them.
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(failed)?;
    let model: Result<ModelWrapper> = one.install(|| {
        Ok(match tokenizer {
            Tokenizer::Unigram(_) => unigram(&words, trained)?.into(),
            Tokenizer::WordPiece(_) => {
                let mut model = WordPiece::from_bpe(&bpe(&words, trained, Some("##"))?);
                model.unk_token = UNKNOWN.to_owned();
                model.max_input_chars_per_word = LONGEST_RUN;
                model.into()
            }
            _ => bpe(&words, trained, None)?.into(),
        })
    });
    let mut inner = Inner::new(model?);
    if word_piece {
        inner.with_normalizer(Some(apart())).map_err(failed)?;
    }
    inner.with_pre_tokenizer(Some(split));
    inner.with_decoder(Some(if word_piece {
        DecoderWrapper::WordPiece(Default::default())
    } else {
        DecoderWrapper::Metaspace(Metaspace::new('▁', PrependScheme::Never, true))
    }));
    inner.add_special_tokens(special()).map_err(failed)?;
    inner.to_string(false).map_err(failed)
}

fn special() -> Vec<AddedToken> {
    vec![
        AddedToken::from(PADDING, true),
        AddedToken::from(UNKNOWN, true),
    ]
}

/// Counts what stands between spaces and marks.
fn count(
    texts: &(impl TextSource + ?Sized),
    pipeline: &Pipeline,
    word_piece: bool,
    split: &PreTokenizerWrapper,
) -> Result<Counted> {
    let starts: Vec<usize> = (0..texts.len()).step_by(512).collect();
    let counted: Result<Vec<Counted>> = starts
        .par_iter()
        .map(|&start| {
            let mut counts = Counted::default();
            for index in start..texts.len().min(start + 512) {
                let cleaned = pipeline.cleaned(&texts.get(index)?);
                for piece in pieces::pieces(&cleaned, pieces::LONGEST) {
                    count_piece(piece, word_piece, split, &mut counts)?;
                }
            }
            Ok(counts)
        })
        .collect();
    let mut all = Counted::default();
    for counts in counted? {
        for (word, count) in counts {
            *all.entry(word).or_default() += count;
        }
    }
    Ok(all)
}

fn count_piece(
    piece: &str,
    word_piece: bool,
    split: &PreTokenizerWrapper,
    counts: &mut Counted,
) -> Result<()> {
    let mut text = NormalizedString::from(piece);
    if word_piece {
        apart().normalize(&mut text).map_err(failed)?;
    }
    let mut text = PreTokenizedString::from(text);
    split.pre_tokenize(&mut text).map_err(failed)?;
    for (word, ..) in text.get_splits(OffsetReferential::Normalized, OffsetType::None) {
        if let Some(count) = counts.get_mut(word) {
            *count += 1;
        } else {
            counts.insert(word.to_owned(), 1);
        }
    }
    Ok(())
}

/// Cuts words at all but the `most` most frequent characters, so that pieces have room beside them; sorted.
fn known_characters(words: Counted, most: usize) -> Vec<(String, u64)> {
    let mut characters: BTreeMap<char, u64> = BTreeMap::new();
    for (word, count) in &words {
        word.chars()
            .for_each(|c| *characters.entry(c).or_default() += count);
    }
    let mut order: Vec<(char, u64)> = characters.into_iter().collect();
    order.sort_by_key(|&(c, count)| (std::cmp::Reverse(count), c));
    order.truncate(most.max(1));
    let known: BTreeSet<char> = order.into_iter().map(|pair| pair.0).collect();
    let mut cut: BTreeMap<String, u64> = BTreeMap::new();
    for (word, count) in words {
        for piece in word
            .split(|c| !known.contains(&c))
            .filter(|piece| !piece.is_empty())
        {
            *cut.entry(piece.to_owned()).or_default() += count;
        }
    }
    cut.into_iter().collect()
}

fn bpe(words: &[(String, u64)], trained: &Trained, prefix: Option<&str>) -> Result<BPE> {
    let mut first = special();
    if let Some(prefix) = prefix {
        // The trainer numbers these as they come out of a hash table; named beforehand, they have their order.
        let inner: BTreeSet<char> = words
            .iter()
            .flat_map(|word| word.0.chars().skip(1))
            .collect();
        first.extend(
            inner
                .iter()
                .map(|c| AddedToken::from(format!("{prefix}{c}"), false)),
        );
    }
    let mut builder = BpeTrainer::builder()
        .vocab_size(trained.max_vocabulary)
        .min_frequency(trained.min_frequency)
        .show_progress(false)
        .max_token_length(Some(LONGEST_TOKEN))
        .special_tokens(first);
    if let Some(prefix) = prefix {
        builder = builder.continuing_subword_prefix(prefix.to_owned());
    }
    let counts = words
        .iter()
        .map(|(word, count)| (word.as_str().into(), *count))
        .collect();
    let mut model = BPE::default();
    builder
        .build()
        .do_train(&counts, &mut model)
        .map_err(failed)?;
    model.unk_token = Some(UNKNOWN.to_owned());
    Ok(model)
}

fn unigram(words: &[(String, u64)], trained: &Trained) -> Result<Unigram> {
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(trained.max_vocabulary as u32)
        .special_tokens(special())
        .unk_token(Some(UNKNOWN.to_owned()))
        .build()
        .map_err(failed)?;
    let mut model = Unigram::default();
    trainer
        .do_train(sentences(words), &mut model)
        .map_err(failed)?;
    settle(&model)
}

/// The most frequent words, long ones in pieces, in a fixed order.
fn sentences(words: &[(String, u64)]) -> Vec<(String, u32)> {
    let mut pieces: BTreeMap<String, u64> = BTreeMap::new();
    for (word, count) in words {
        let characters: Vec<char> = word.chars().collect();
        for piece in characters.chunks(LONGEST) {
            *pieces.entry(piece.iter().collect()).or_default() += count;
        }
    }
    let mut order: Vec<(String, u64)> = pieces.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut room = MOST_CHARACTERS;
    order
        .into_iter()
        .take_while(|(word, _)| {
            let length = word.chars().count();
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        })
        // The trainer adds counts up in 32 bits.
        .map(|(word, count)| (word, u32::try_from(count).unwrap_or(u32::MAX).min(1 << 20)))
        .collect()
}

/// The trainer gives characters that it had dropped their small scores in no fixed order; here they get them by code.
fn settle(model: &Unigram) -> Result<Unigram> {
    const STEP: f64 = 1e-4;
    let mut pieces: Vec<(String, f64)> = model.iter().cloned().collect();
    let special = pieces.len().min(2);
    let least = pieces[special..]
        .iter()
        .map(|piece| piece.1)
        .fold(f64::INFINITY, f64::min);
    let added = |piece: &(String, f64)| {
        let steps = (piece.1 - least) / STEP;
        piece.0.chars().count() == 1 && (steps - steps.round()).abs() < 1e-3
    };
    let places: Vec<usize> = (special..pieces.len())
        .filter(|&at| added(&pieces[at]))
        .collect();
    let mut names: Vec<String> = places.iter().map(|&at| pieces[at].0.clone()).collect();
    names.sort();
    for (&at, name) in places.iter().zip(names) {
        pieces[at].0 = name;
    }
    pieces[special..].sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Unigram::from(pieces, Some(1), false).map_err(failed)
}
