//! Learning a preparation from the training part.

use std::collections::HashMap;

use jingwei_bounds::Budget;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;

use crate::prepare::pipeline::Pipeline;
use crate::prepare::stop_words::{self, read_small};
use crate::prepare::{
    Characters, Encoder, Learnt, TextOptions, TextPreparation, Tokenizer, Vocabulary, Words, jieba,
    subword,
};
use crate::read::TextSource;
use crate::{Error, Result};

type Counted = HashMap<String, u64, FxBuildHasher>;

/// Texts that are counted together; between two such batches rare words may be forgotten.
const BATCH: usize = 1 << 14;
/// Texts that one thread takes at a time.
const PIECE: usize = 1 << 9;
/// Different words that are counted at most; beyond, those that came once are forgotten.
const MOST_DISTINCT: usize = 4_000_000;

impl TextPreparation {
    /// Learns from the texts of the training part, on all threads, with the same result on any number of them.
    ///
    /// # Errors
    /// If a setting is out of its bounds, a file that it names is wrong, a text cannot be read, or no token is left.
    ///
    /// ```
    /// use jingwei_text::prepare::{Encoder, TextOptions, TextPreparation};
    ///
    /// let texts = ["这本书很好", "这本书很差", "Ｔｈｅ　ｂｏｏｋ"];
    /// let preparation = TextPreparation::fit(&texts[..], &TextOptions::default())?;
    /// let encoder = Encoder::new(preparation)?;
    /// let mut ids = Vec::new();
    /// encoder.encode("这本书不错", &mut ids);
    /// assert_eq!(encoder.decode(&ids), "这本书<unknown>");
    /// # Ok::<(), jingwei_text::Error>(())
    /// ```
    pub fn fit(texts: &(impl TextSource + ?Sized), options: &TextOptions) -> Result<Self> {
        let fresh = Self::unfitted(options)?;
        if fresh.is_subword() {
            return subword::fit(fresh, texts);
        }
        let pipeline = Pipeline::new(options, &fresh.dictionary)?;
        let stops: std::collections::HashSet<&str> =
            fresh.stop_words.iter().map(String::as_str).collect();
        let counts = count(texts, |text, counts| {
            let mut length = 0;
            pipeline.tokens_of(text, |word, is_word| {
                if stops.is_empty() || !stops.contains(word) {
                    counts.add(word, is_word);
                    length += 1;
                }
            });
            counts.lengths.push(length);
        })?;
        fresh.finish(counts)
    }

    /// As [`TextPreparation::fit`], for texts that come in tokens with a line feed between them, as
    /// [`crate::read::Labels::Tags`] describes. Nothing is left out, so that tokens and tags stay together.
    ///
    /// # Errors
    /// As [`TextPreparation::fit`]; tokens must be words or characters.
    pub fn fit_tokens(texts: &(impl TextSource + ?Sized), options: &TextOptions) -> Result<Self> {
        let fresh = Self::unfitted(options)?;
        if !matches!(
            options.tokenizer,
            Tokenizer::Word(_) | Tokenizer::Character(_)
        ) {
            return Err(Error::setting(
                "tokenizer",
                "texts that come in tokens cannot be cut into others",
                "use word or character",
            ));
        }
        let pipeline = Pipeline::new(options, &fresh.dictionary)?;
        let budget = Budget::unlimited();
        let counts = count(texts, |text, counts| {
            let mut length = 0;
            for token in text.split('\n') {
                // Nothing exceeds a budget without an end.
                let _ = pipeline.token(token, &budget, |word| counts.add(word, false));
                length += 1;
            }
            counts.lengths.push(length);
        })?;
        fresh.finish(counts)
    }

    fn unfitted(options: &TextOptions) -> Result<Self> {
        options.check()?;
        let words = options.tokenizer.words();
        let dictionary = words
            .and_then(|words| words.dictionary.as_deref())
            .map(|path| {
                let dictionary = read_small(path, "dictionary")?;
                jieba::entries(&dictionary, &path.display().to_string())?;
                Ok::<_, Error>(dictionary)
            })
            .transpose()?;
        let mut fresh = Self {
            options: options.clone(),
            max_length: options.most_tokens().unwrap_or(1),
            vocabulary: Vocabulary::default(),
            stop_words: Vec::new(),
            dictionary: dictionary.unwrap_or_default(),
            tokenizer: String::new(),
            learnt: Learnt::default(),
        };
        let listed = stop_words::load(&options.stop_words)?;
        if !listed.is_empty() && !fresh.is_subword() {
            let pipeline = Pipeline::new(options, "")?;
            let budget = Budget::unlimited();
            let cleaned = listed
                .iter()
                .flat_map(|word| pipeline.token(word, &budget, str::to_owned));
            fresh.stop_words = cleaned.filter(|word| !word.is_empty()).collect();
            fresh.stop_words.sort();
            fresh.stop_words.dedup();
        }
        Ok(fresh)
    }

    fn finish(mut self, counts: Counts) -> Result<Self> {
        let tokenizer = &self.options.tokenizer;
        let of_words = |words: &Words| (words.min_frequency, words.max_vocabulary);
        let of_characters = |own: &Characters| (own.min_frequency, own.max_vocabulary);
        let (words, characters) = (tokenizer.words(), tokenizer.characters());
        let first = characters.map(of_characters).or(words.map(of_words));
        let (least, most) = first.unwrap_or((1, 3));
        self.learnt.distinct = (counts.tokens.len() + counts.words.len()) as u64;
        let tokens = Vocabulary::choose(counts.tokens, least, most);
        let is_empty = tokens.words().is_empty();
        self.vocabulary = match words.filter(|_| characters.is_some()).map(of_words) {
            None => tokens,
            Some((least, most)) => {
                Vocabulary::of_both(tokens, Vocabulary::choose(counts.words, least, most))
            }
        };
        if is_empty {
            return Err(Error::content(
                "training part",
                format!("after cleaning no token comes {least} times or more"),
                "lower `min_frequency`, or leave more of the texts",
            ));
        }
        let known: u64 = self.vocabulary.counts().iter().sum();
        self.lengths(&counts.lengths);
        self.learnt.unknown = self.learnt.tokens - known;
        Ok(self)
    }

    /// Takes up how many tokens the training texts have.
    pub(super) fn lengths(&mut self, lengths: &[u32]) {
        self.learnt.texts = lengths.len() as u64;
        self.learnt.tokens = lengths.iter().map(|&length| u64::from(length)).sum();
        self.learnt.empty = lengths.iter().filter(|&&length| length == 0).count() as u64;
        if self.options.most_tokens().is_none() {
            let mut sorted = lengths.to_vec();
            sorted.sort_unstable();
            let most = sorted
                .get(lengths.len().saturating_sub(1) * 99 / 100)
                .copied()
                .unwrap_or(1);
            self.max_length = (most as usize).clamp(1, self.options.longest());
        }
        let most = self.max_length;
        self.learnt.cut = lengths
            .iter()
            .filter(|&&length| length as usize > most)
            .count() as u64;
    }

    /// The share of a text source's tokens that the vocabulary does not know.
    ///
    /// # Errors
    /// If a text cannot be read, or the preparation is wrong.
    pub fn unknown_share_of(&self, texts: &(impl TextSource + ?Sized)) -> Result<f64> {
        let encoder = Encoder::new(self.clone())?;
        let (mut unknown, mut all) = (0_u64, 0_u64);
        for index in 0..texts.len() {
            for token in encoder.tokens(&texts.get(index)?) {
                unknown += u64::from(self.vocabulary.is_unknown(token.id));
                all += 1;
            }
        }
        Ok(unknown as f64 / all.max(1) as f64)
    }
}

/// Tokens of some texts, and the texts' lengths in tokens.
#[derive(Default)]
struct Counts {
    tokens: Counted,
    /// The words where there are two kinds of tokens; the others are characters then.
    words: Counted,
    lengths: Vec<u32>,
}

impl Counts {
    fn add(&mut self, token: &str, is_word: bool) {
        let counted = match is_word {
            true => &mut self.words,
            false => &mut self.tokens,
        };
        if let Some(count) = counted.get_mut(token) {
            *count += 1;
        } else {
            counted.insert(token.to_owned(), 1);
        }
    }

    fn absorb(&mut self, other: Self) {
        for (own, other) in [
            (&mut self.tokens, other.tokens),
            (&mut self.words, other.words),
        ] {
            for (token, count) in other {
                *own.entry(token).or_default() += count;
            }
        }
        self.lengths.extend(other.lengths);
    }
}

fn count(
    texts: &(impl TextSource + ?Sized),
    each: impl Fn(&str, &mut Counts) + Sync,
) -> Result<Counts> {
    let mut all = Counts::default();
    for start in (0..texts.len()).step_by(BATCH) {
        let pieces: Vec<usize> = (start..texts.len().min(start + BATCH))
            .step_by(PIECE)
            .collect();
        let counted: Result<Vec<Counts>> = pieces
            .par_iter()
            .map(|&piece| {
                let mut counts = Counts::default();
                for index in piece..texts.len().min(piece + PIECE) {
                    each(&texts.get(index)?, &mut counts);
                }
                Ok(counts)
            })
            .collect();
        for counts in counted? {
            all.absorb(counts);
        }
        // Sums do not depend on the order of pieces, so neither does what is forgotten.
        for counted in [&mut all.tokens, &mut all.words] {
            if counted.len() > MOST_DISTINCT {
                counted.retain(|_, count| *count > 1);
            }
        }
    }
    Ok(all)
}
