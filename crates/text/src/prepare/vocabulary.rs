//! Words and their numbers.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

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

/// How an unknown token is shown.
pub(super) const UNKNOWN_WORD: &str = "<unknown>";

/// The known words, the most frequent first: the word at index `i` has id `i + 2`.
///
/// Where tokens are words and characters, characters come first, then the unknown word, then the words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    words: Vec<String>,
    counts: Vec<u64>,
    /// The id of the unknown word behind the characters; 0 where tokens are of one kind.
    #[serde(default, skip_serializing_if = "is_zero")]
    first_word: u32,
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
        Self {
            words,
            counts,
            first_word: 0,
        }
    }

    /// A vocabulary of two kinds of tokens.
    pub(super) fn of_both(characters: Self, words: Self) -> Self {
        let first_word = (characters.words.len() + SPECIAL) as u32;
        let (mut all, mut counts) = (characters.words, characters.counts);
        all.push(UNKNOWN_WORD.to_owned());
        counts.push(0);
        all.extend(words.words);
        counts.extend(words.counts);
        Self {
            words: all,
            counts,
            first_word,
        }
    }

    /// A vocabulary of these words, the first getting id 2.
    ///
    /// # Errors
    /// If there are more than fit, or one comes twice.
    pub fn of(words: Vec<String>, counts: Vec<u64>) -> Result<Self> {
        let vocabulary = Self {
            words,
            counts,
            first_word: 0,
        };
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

    /// The first id of a word, that of unknown ones, where tokens are words and characters.
    pub fn first_word(&self) -> Option<u32> {
        Some(self.first_word).filter(|&id| id > 0)
    }

    /// The id that stands for unknown tokens of the kind that `id` has.
    pub fn unknown_like(&self, id: u32) -> u32 {
        unknown_like(id, self.first_word())
    }

    /// Whether an id stands for what is not in the vocabulary.
    pub fn is_unknown(&self, id: u32) -> bool {
        id == self.unknown_like(id)
    }

    /// The tokens of the first kind, characters where there are two, and the words where there are two.
    pub(super) fn kinds(&self) -> (&[String], &[String]) {
        match self.first_word() {
            None => (&self.words, &[]),
            Some(first) => {
                let characters = first as usize - SPECIAL;
                (&self.words[..characters], &self.words[characters + 1..])
            }
        }
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
        if let Some(first) = self.first_word()
            && self.word(first) != Some(UNKNOWN_WORD)
        {
            return Err(wrong(format!("id {first} is not the unknown word")));
        }
        let (characters, words) = self.kinds();
        for kind in [characters, words] {
            let mut sorted: Vec<&String> = kind.iter().collect();
            sorted.sort_unstable();
            if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(wrong(format!("`{}` is in it twice", pair[0])));
            }
        }
        Ok(())
    }
}

/// As [`Vocabulary::unknown_like`], where words begin at `first_word`.
pub fn unknown_like(id: u32, first_word: Option<u32>) -> u32 {
    match first_word {
        Some(first) if id >= first => first,
        _ => UNKNOWN,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(id: &u32) -> bool {
    *id == 0
}

/// From words to ids, and to words that are left out.
///
/// Looking a word up must not cost much beside segmentation, which waits for memory most of the time. So words of at most
/// twelve bytes, four Chinese characters, lie in the table itself, and asking for one is one access to memory. Longer
/// words lie in a map.
///
/// A vocabulary comes from anybody, so where a word lies is drawn at random: nobody can write words that all lie in one
/// place.
pub(super) struct Index {
    /// A power of two of slots, most of them empty.
    slots: Box<[Slot]>,
    /// 64 less the bits of a place among them.
    shift: u32,
    odd: [u64; 2],
    long: HashMap<Box<str>, u32>,
}

/// The bytes of a word, filled up with zeros, and its id; in an empty slot all is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Slot {
    low: u64,
    high: u32,
    id: u32,
}

/// What the index says of a word that is left out.
pub(super) const LEFT_OUT: u32 = u32::MAX;
const INLINE: usize = 12;
/// Words that are looked up together.
const BATCH: usize = 16;

impl Index {
    /// The first of the words has the id `first`; `aliases` are further spellings of words.
    pub(super) fn new(
        words: &[String],
        first: usize,
        left_out: &[String],
        aliases: &[(&str, &str)],
    ) -> Self {
        let entries = words.len() + left_out.len() + aliases.len();
        let slots = (entries * 3 / 2 + 8).next_power_of_two();
        let drawn = RandomState::new();
        let mut index = Self {
            slots: vec![Slot::default(); slots].into_boxed_slice(),
            shift: 64 - slots.ilog2(),
            odd: [drawn.hash_one(1) | 1, drawn.hash_one(2) | 1],
            long: HashMap::default(),
        };
        // A word that is left out stays so even if the vocabulary has it.
        for word in left_out {
            index.insert(word, LEFT_OUT);
        }
        for (place, word) in words.iter().enumerate() {
            index.insert(word, (place + first) as u32);
        }
        for (alias, word) in aliases {
            index.insert(alias, index.id(word));
        }
        index
    }

    /// Adds a word, unless it is there already.
    fn insert(&mut self, word: &str, id: u32) {
        match key(word.as_bytes(), 0, word.len()).filter(|_| !word.contains('\0')) {
            None => drop(self.long.entry(word.into()).or_insert(id)),
            Some((low, high)) => {
                let at = self.slot(low, high);
                if self.slots[at] == Slot::default() {
                    self.slots[at] = Slot { low, high, id };
                }
            }
        }
    }

    #[inline]
    fn first(&self, low: u64, high: u32) -> usize {
        let [for_low, for_high] = self.odd;
        let low = low.wrapping_mul(for_low);
        let mixed = low.wrapping_add(u64::from(high).wrapping_mul(for_high));
        (mixed >> self.shift) as usize
    }

    /// The slot of a word, or the empty one where it would be.
    fn slot(&self, low: u64, high: u32) -> usize {
        let mut at = self.first(low, high);
        loop {
            let slot = &self.slots[at];
            if slot.low == low && slot.high == high || slot.low == 0 {
                return at;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn probe(&self, low: u64, high: u32) -> u32 {
        let slot = self.slots[self.slot(low, high)];
        if slot.low == 0 { UNKNOWN } else { slot.id }
    }

    /// The id of a word that was cleaned, so that it has no zero byte.
    pub(super) fn id(&self, word: &str) -> u32 {
        match key(word.as_bytes(), 0, word.len()) {
            None => self.long.get(word).copied().unwrap_or(UNKNOWN),
            Some((low, high)) => self.probe(low, high),
        }
    }

    /// Adds the ids of the words at these places of a cleaned text, those that are left out excepted.
    ///
    /// Several words go through each step together, so that they wait for memory at the same time.
    pub(super) fn ids(&self, text: &str, places: &[(u32, u32)], ids: &mut Vec<u32>) {
        let mut asked = [(0, 0, Slot::default()); BATCH];
        for batch in places.chunks(BATCH) {
            for (asked, &(start, end)) in asked.iter_mut().zip(batch) {
                let (low, high) =
                    key(text.as_bytes(), start as usize, end as usize).unwrap_or((0, 0));
                *asked = (low, high, self.slots[self.first(low, high)]);
            }
            for (&(low, high, slot), &(start, end)) in asked.iter().zip(batch) {
                let id = if low == 0 {
                    let word = &text[start as usize..end as usize];
                    self.long.get(word).copied().unwrap_or(UNKNOWN)
                } else if slot.low == low && slot.high == high {
                    slot.id
                } else if slot.low == 0 {
                    UNKNOWN
                } else {
                    self.probe(low, high)
                };
                if id != LEFT_OUT {
                    ids.push(id);
                }
            }
        }
    }
}

/// The bytes as numbers, `None` if they are too many or none.
#[inline]
fn key(text: &[u8], start: usize, end: usize) -> Option<(u64, u32)> {
    let len = end - start;
    if len == 0 || len > INLINE {
        return None;
    }
    let bytes = match text[start..].first_chunk::<16>() {
        Some(bytes) => *bytes,
        None => {
            let mut bytes = [0; 16];
            bytes[..len].copy_from_slice(&text[start..end]);
            bytes
        }
    };
    let both = u128::from_le_bytes(bytes);
    let (low, high) = MASKS[len];
    Some((both as u64 & low, (both >> 64) as u32 & high))
}

/// The first `len` of twelve bytes.
const MASKS: [(u64, u32); INLINE + 1] = {
    let mut masks = [(0, 0); INLINE + 1];
    let mut len = 1;
    while len <= INLINE {
        let mask = u128::MAX >> (128 - 8 * len);
        masks[len] = (mask as u64, (mask >> 64) as u32);
        len += 1;
    }
    masks
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_and_no_other() {
        let words: Vec<String> = (0..5_000)
            .map(|n: u32| match n % 4 {
                0 => format!("w{n}"),
                1 => format!("词{n}"),
                2 => format!("一个很长的词{n}"),
                _ => format!("a{n}"),
            })
            .collect();
        let left_out = ["的".to_owned(), words[7].clone()];
        let index = Index::new(
            &words,
            SPECIAL,
            &left_out,
            &[("一个很长的别名很长的别名", &words[9]), ("短", &words[9])],
        );
        for (place, word) in words.iter().enumerate().filter(|&(place, _)| place != 7) {
            assert_eq!(index.id(word), place as u32 + 2);
            let text = format!("前{word}后面还有很多很多字");
            let mut ids = Vec::new();
            let end = 3 + word.len() as u32;
            index.ids(&text, &[(3, end), (3, end), (0, 3)], &mut ids);
            assert_eq!(ids, [place as u32 + 2, place as u32 + 2, UNKNOWN]);
            assert_eq!(index.id(&format!("{word}无")), UNKNOWN);
        }
        assert_eq!(index.id("的"), LEFT_OUT);
        assert_eq!(index.id(&words[7]), LEFT_OUT);
        let mut ids = Vec::new();
        index.ids(
            "的一个很长的别名很长的别名短",
            &[(0, 3), (3, 39), (39, 42)],
            &mut ids,
        );
        assert_eq!(ids, [11, 11]);
        assert_eq!(index.id(""), UNKNOWN);
    }
}
