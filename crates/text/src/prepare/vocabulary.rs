//! Words and their numbers.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::prepare::options::MOST_IDS;
use crate::{Error, Result};

/// The id that fills short texts up.
pub const PADDING: u32 = 0;
/// The id of what is not in the vocabulary.
pub const UNKNOWN: u32 = 1;
/// Ids that stand for no word.
pub(super) const SPECIAL: usize = 2;

/// The known words, the most frequent first: the word at index `i` has id `i + 2`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    words: Vec<String>,
    counts: Vec<u64>,
}

impl Vocabulary {
    /// Chooses the most frequent words; among equals, the first by spelling.
    pub(super) fn choose(
        counted: HashMap<String, u64, FxBuildHasher>,
        least: u64,
        most_ids: usize,
    ) -> Self {
        let mut pairs: Vec<(String, u64)> = counted
            .into_iter()
            .filter(|(word, count)| *count >= least && !word.is_empty())
            .collect();
        pairs.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        pairs.truncate(most_ids.saturating_sub(SPECIAL));
        let (words, counts) = pairs.into_iter().unzip();
        Self { words, counts }
    }

    /// A vocabulary of these words, the first getting id 2.
    ///
    /// # Errors
    /// If there are more than fit, or one comes twice.
    pub fn of(words: Vec<String>, counts: Vec<u64>) -> Result<Self> {
        let vocabulary = Self { words, counts };
        vocabulary.check()?;
        Ok(vocabulary)
    }

    /// How many ids there are, padding and unknown included.
    pub fn ids(&self) -> usize {
        self.words.len() + SPECIAL
    }

    /// The words; the first has id 2.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// How often each word came in the training part.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The word of an id; `None` for padding, unknown, and what is beyond.
    pub fn word(&self, id: u32) -> Option<&str> {
        let index = (id as usize).checked_sub(SPECIAL)?;
        self.words.get(index).map(String::as_str)
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |cause: String| Error::content("vocabulary", cause, "make the bundle anew");
        if self.ids() > MOST_IDS {
            return Err(wrong(format!(
                "{} ids, the limit is {MOST_IDS}",
                self.ids()
            )));
        }
        if self.words.len() != self.counts.len() {
            let (words, counts) = (self.words.len(), self.counts.len());
            return Err(wrong(format!("{words} words, but {counts} counts")));
        }
        let mut sorted: Vec<&String> = self.words.iter().collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(wrong(format!("`{}` is in it twice", pair[0]))),
            None => Ok(()),
        }
    }
}

/// From words to ids, and to words that are left out.
pub(super) struct Index {
    ids: HashMap<Box<str>, u32, FxBuildHasher>,
}

/// What the index says of a word that is left out.
pub(super) const LEFT_OUT: u32 = u32::MAX;

impl Index {
    pub(super) fn new(vocabulary: &Vocabulary, left_out: &[String]) -> Self {
        let mut ids = HashMap::with_capacity_and_hasher(
            vocabulary.words.len() + left_out.len(),
            FxBuildHasher,
        );
        for (index, word) in vocabulary.words.iter().enumerate() {
            ids.insert(word.as_str().into(), (index + SPECIAL) as u32);
        }
        for word in left_out {
            ids.insert(word.as_str().into(), LEFT_OUT);
        }
        Self { ids }
    }

    #[inline]
    pub(super) fn id(&self, word: &str) -> u32 {
        self.ids.get(word).copied().unwrap_or(UNKNOWN)
    }
}
