//! A preparation made ready for use.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use jingwei_bounds::{Budget, Loan};

use crate::prepare::clean::Scratch;
use crate::prepare::markup::{EMAIL, URL};
use crate::prepare::pipeline::{Pipeline, Splitter, shown, with_scratch};
use crate::prepare::segment::{self, Flow, Kind};
use crate::prepare::subword;
use crate::prepare::vocabulary::{Index, LEFT_OUT, SPECIAL, UNKNOWN_WORD};
use crate::prepare::{Side, TextPreparation, UNKNOWN, Within};
use crate::{Error, Result};

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token after cleaning and stemming; `<url>` and `<email>` stand for addresses.
    pub text: String,
    /// Where it begins in the original text, in bytes.
    pub start: usize,
    /// Where it ends in the original text, in bytes.
    pub end: usize,
    /// Its number.
    pub id: u32,
}

/// One word of a text with its part of speech.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The word after cleaning.
    pub text: String,
    /// Where it begins in the original text, in bytes.
    pub start: usize,
    /// Where it ends in the original text, in bytes.
    pub end: usize,
    /// Its part of speech as jieba's dictionary has it: `n` noun, `v` verb, `nr` person, `eng` Latin letters, `x` mark.
    pub part_of_speech: String,
}

/// A preparation with its dictionary loaded: turns texts into ids, on any number of threads at once.
pub struct Encoder {
    pipeline: Pipeline,
    preparation: Arc<TextPreparation>,
    index: Index,
    /// The words beside characters, and the id of unknown ones.
    words: Option<(Index, u32)>,
}

impl Encoder {
    /// Makes a preparation ready; the first that needs jieba's dictionary loads it, all share it.
    ///
    /// # Errors
    /// If the preparation's dictionary or tokenizer is wrong.
    pub fn new(preparation: impl Into<Arc<TextPreparation>>) -> Result<Self> {
        let preparation = preparation.into();
        let mut pipeline = Pipeline::new(&preparation.options, &preparation.dictionary)?;
        if preparation.is_subword() {
            let subwords = subword::load(&preparation.tokenizer, &preparation.vocabulary)?;
            pipeline.splitter = Splitter::Subwords(Box::new(subwords));
        }
        let placeholders = [URL, EMAIL].map(String::from);
        let aliases = placeholders
            .each_ref()
            .map(|placeholder| (placeholder.as_str(), shown(placeholder)));
        let vocabulary = &preparation.vocabulary;
        let (tokens, words) = vocabulary.kinds();
        let index = |tokens, first| Index::new(tokens, first, &preparation.stop_words, &aliases);
        let unknown = vocabulary.first_word();
        Ok(Self {
            index: index(tokens, SPECIAL),
            words: unknown.map(|unknown| (index(words, unknown as usize + 1), unknown)),
            pipeline,
            preparation,
        })
    }

    /// The preparation that it was made from.
    pub fn preparation(&self) -> &TextPreparation {
        &self.preparation
    }

    /// Replaces `ids` by the ids of a text, at most `max_length`. A text of which nothing is left has one, unknown.
    pub fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        // Nothing exceeds a budget without an end.
        let _ = self.encode_within(text, ids, &Budget::unlimited());
    }

    /// As [`Encoder::encode`], with what the work takes from `budget`.
    ///
    /// # Errors
    /// If that ends; `ids` are then of no use.
    pub fn encode_within(&self, text: &str, ids: &mut Vec<u32>, budget: &Budget) -> Within {
        ids.clear();
        let most = self.most();
        with_scratch(|scratch| {
            let _loans = self.pipeline.cleaner.clean(text, scratch, false, budget)?;
            let mut loan = budget.lend(0)?;
            match &self.pipeline.splitter {
                Splitter::Subwords(subwords) => subwords.encode(scratch.text(), budget, |id, _| {
                    add(ids, id, most, &mut loan)
                }),
                _ => self.encode_words(scratch, most, ids, &mut loan),
            }
        })?;
        self.cut(ids);
        Ok(())
    }

    /// The tokens from the beginning on that are looked for.
    fn most(&self) -> usize {
        match self.preparation.options.truncate {
            Side::After => self.preparation.max_length,
            Side::Before => usize::MAX,
        }
    }

    /// The id of a token that was cleaned.
    fn id(&self, token: &str, is_word: bool) -> u32 {
        match &self.words {
            Some((index, unknown)) if is_word => match index.id(token) {
                UNKNOWN => *unknown,
                id => id,
            },
            _ => self.index.id(token),
        }
    }

    fn encode_words(
        &self,
        scratch: &mut Scratch,
        most: usize,
        ids: &mut Vec<u32>,
        loan: &mut Loan<'_>,
    ) -> Within {
        if self.pipeline.stemmer.is_some() || self.words.is_some() {
            return self.pipeline.each(scratch.text(), |token, _, is_word| {
                match self.id(token, is_word) {
                    LEFT_OUT => Flow::Continue(()),
                    id => add(ids, id, most, loan),
                }
            });
        }
        // Which words are left out is not known before they are looked up.
        let most = if self.preparation.stop_words.is_empty() {
            most
        } else {
            usize::MAX
        };
        let mut places = std::mem::take(&mut scratch.places);
        places.clear();
        let kinds = !self.pipeline.keeps_marks;
        let went = self
            .pipeline
            .each_place(scratch.text(), kinds, |range, _, _| {
                let place = (range.start as u32, range.end as u32);
                add(&mut places, place, most, loan)
            });
        if went.is_ok() {
            self.index.ids(scratch.text(), &places, ids);
        }
        scratch.places = places;
        went
    }

    /// Replaces `ids` by the ids of a text that came in tokens: one for each, at most `max_length`.
    pub fn encode_tokens<S: AsRef<str>>(&self, tokens: &[S], ids: &mut Vec<u32>) {
        // Nothing exceeds a budget without an end.
        let _ = self.encode_tokens_within(tokens, ids, &Budget::unlimited());
    }

    /// As [`Encoder::encode_tokens`], with what the work takes from `budget`.
    ///
    /// # Errors
    /// If that ends; `ids` are then of no use.
    pub fn encode_tokens_within<S: AsRef<str>>(
        &self,
        tokens: impl IntoIterator<Item = S>,
        ids: &mut Vec<u32>,
        budget: &Budget,
    ) -> Within {
        ids.clear();
        let mut loan = budget.lend(0)?;
        for token in tokens.into_iter().take(self.most()) {
            let read = |word: &str| self.index.id(word);
            let id = self.pipeline.token(token.as_ref(), budget, read)?;
            ids.push(if id == LEFT_OUT { UNKNOWN } else { id });
            loan.reach(ids.capacity() * size_of::<u32>())?;
        }
        self.cut(ids);
        Ok(())
    }

    fn cut(&self, ids: &mut Vec<u32>) {
        let most = self.preparation.max_length;
        if ids.len() > most {
            match self.preparation.options.truncate {
                Side::After => ids.truncate(most),
                Side::Before => drop(ids.drain(..ids.len() - most)),
            }
        }
        if ids.is_empty() {
            ids.push(UNKNOWN);
        }
    }

    /// All tokens of a text with their places in it, before truncation, for reports and for tagging.
    pub fn tokens(&self, text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        // Nothing exceeds a budget without an end.
        let _ = self.each_token(text, &Budget::unlimited(), |text, source, id| {
            tokens.push(Token {
                text: text.to_owned(),
                start: source.start,
                end: source.end,
                id,
            });
            Flow::Continue(())
        });
        tokens
    }

    /// The places of a text's tokens in it, with what the work takes from `budget`: all of them, or those that
    /// [`Encoder::encode`] keeps if texts are cut at their ends.
    ///
    /// # Errors
    /// If the budget ends.
    pub fn places_within(&self, text: &str, budget: &Budget) -> Within<Vec<Range<usize>>> {
        let (mut places, mut loan) = (Vec::new(), budget.lend(0)?);
        let most = self.most();
        self.each_token(text, budget, |_, source, _| {
            add(&mut places, source, most, &mut loan)
        })?;
        Ok(places)
    }

    /// Hands the tokens of a text to `emit`, each with its place in the text and its id.
    fn each_token(
        &self,
        text: &str,
        budget: &Budget,
        mut emit: impl FnMut(&str, Range<usize>, u32) -> Flow,
    ) -> Within {
        with_scratch(|scratch| {
            let _loans = self.pipeline.cleaner.clean(text, scratch, true, budget)?;
            let cleaned = scratch.text();
            match &self.pipeline.splitter {
                Splitter::Subwords(subwords) => subwords.encode(cleaned, budget, |id, range| {
                    emit(&cleaned[range.clone()], scratch.source(range), id)
                }),
                _ => self.pipeline.each(cleaned, |token, range, is_word| {
                    match self.id(token, is_word) {
                        LEFT_OUT => Flow::Continue(()),
                        id => emit(token, scratch.source(range), id),
                    }
                }),
            }
        })
    }

    /// The words of a text with their parts of speech, nothing left out.
    ///
    /// # Errors
    /// If tokens are not words.
    pub fn parts_of_speech(&self, text: &str) -> Result<Vec<Tagged>> {
        let (Splitter::Words { segmenter, guess } | Splitter::Both { segmenter, guess }) =
            &self.pipeline.splitter
        else {
            let cause = "parts of speech are of words, and the tokens are not";
            return Err(Error::setting("tokenizer", cause, "use words as tokens"));
        };
        let mut words = Vec::new();
        with_scratch(|scratch| {
            let budget = Budget::unlimited();
            let _loans = self.pipeline.cleaner.clean(text, scratch, true, &budget);
            let cleaned = scratch.text();
            let known: HashMap<(usize, usize), &str> = segmenter
                .jieba()
                .tag(cleaned, *guess)
                .into_iter()
                .map(|tag| ((tag.byte_start, tag.byte_end), tag.tag))
                .collect();
            let _ = segment::words(cleaned, segmenter, *guess, true, |range, kind| {
                let word = &cleaned[range.clone()];
                let other = || match kind {
                    Kind::Word if word.chars().any(char::is_alphabetic) => "eng",
                    Kind::Word => "m",
                    Kind::Mark | Kind::Space => "x",
                };
                let part = known
                    .get(&(range.start, range.end))
                    .copied()
                    .unwrap_or_else(other);
                let source = scratch.source(range);
                words.push(Tagged {
                    text: shown(word).to_owned(),
                    start: source.start,
                    end: source.end,
                    part_of_speech: part.to_owned(),
                });
                Flow::Continue(())
            });
        });
        Ok(words)
    }

    /// The tokens of ids, padding left out, with what parts words in their language between them; of words and
    /// characters, the words if there are any.
    pub fn decode(&self, ids: &[u32]) -> String {
        if let Splitter::Subwords(subwords) = &self.pipeline.splitter {
            return subwords.decode(ids);
        }
        let vocabulary = &self.preparation.vocabulary;
        let first_word = vocabulary.first_word().unwrap_or(u32::MAX);
        let first = match ids.iter().any(|&id| id >= first_word) {
            true => first_word,
            false => UNKNOWN,
        };
        let spaced = matches!(self.pipeline.splitter, Splitter::Words { .. }) || first > UNKNOWN;
        let mut text = String::new();
        for &id in ids.iter().filter(|&&id| id >= first) {
            let word = vocabulary.word(id).unwrap_or(UNKNOWN_WORD);
            let latin = |c: Option<char>| c.is_some_and(|c| c < '\u{2e80}');
            if spaced && latin(text.chars().last()) && latin(word.chars().next()) {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }
}

/// Adds a token, and says whether more are wanted and may be had.
fn add<T>(tokens: &mut Vec<T>, token: T, most: usize, loan: &mut Loan<'_>) -> Flow {
    const NOW_AND_THEN: usize = 1 << 10;
    tokens.push(token);
    if tokens.len() >= most {
        return Flow::Break(Ok(()));
    }
    if tokens.len().is_multiple_of(NOW_AND_THEN)
        && let Err(exceeded) = loan.reach(tokens.capacity() * size_of::<T>())
    {
        return Flow::Break(Err(exceeded));
    }
    Flow::Continue(())
}
