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
///
/// Looking a word up must not cost much beside segmentation, which waits for memory most of the time. So the table has four
/// bytes a place, and words of at most twelve bytes, four Chinese characters, lie in one array in the order of their
/// frequency, so that what is often asked for stays in the cache. Longer words lie in a map.
pub(super) struct Index {
    /// The number of a word and, above it, bits of its hash; 0 for none. A power of two of places.
    table: Box<[u32]>,
    /// The bytes of the words. A word's number is its id; words that are left out have the numbers behind.
    keys: Vec<u128>,
    left_out: u32,
    long: HashMap<Box<str>, u32, FxBuildHasher>,
}

/// What the index says of a word that is left out.
pub(super) const LEFT_OUT: u32 = u32::MAX;
const INLINE: usize = 12;
/// Bits of a place that are a word's number.
const NUMBER: u32 = 23;
/// Words that are looked up together.
const BATCH: usize = 16;

impl Index {
    /// `aliases` are further spellings of words.
    pub(super) fn new(
        vocabulary: &Vocabulary,
        left_out: &[String],
        aliases: &[(&str, &str)],
    ) -> Self {
        let entries = vocabulary.words.len() + left_out.len() + aliases.len();
        let mut index = Self {
            table: vec![0; (entries * 2 + 8).next_power_of_two()].into_boxed_slice(),
            keys: vec![0; vocabulary.ids()],
            left_out: vocabulary.ids() as u32,
            long: HashMap::default(),
        };
        for word in left_out {
            let number = index.keys.len() as u32;
            index.keys.push(0);
            index.insert(word, number);
        }
        for (place, word) in vocabulary.words.iter().enumerate() {
            index.insert(word, (place + SPECIAL) as u32);
        }
        for (alias, word) in aliases {
            let id = index.id(word);
            if (SPECIAL as u32..index.left_out).contains(&id) {
                index.long.insert((*alias).into(), id);
            }
        }
        index
    }

    /// Adds a word, unless it is there already.
    fn insert(&mut self, word: &str, number: u32) {
        let key = key(word.as_bytes(), 0, word.len());
        if key == 0 || word.contains('\0') {
            let id = self.meaning(number);
            self.long.entry(word.into()).or_insert(id);
            return;
        }
        let hash = hash(key);
        let mut at = self.place(hash);
        while self.table[at] != 0 {
            if self.key_of(self.table[at]) == key {
                return;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
        self.table[at] = number | bits(hash);
        self.keys[number as usize] = key;
    }

    #[inline]
    fn meaning(&self, number: u32) -> u32 {
        if number < self.left_out {
            number
        } else {
            LEFT_OUT
        }
    }

    #[inline]
    fn place(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.table.len() - 1)
    }

    #[inline]
    fn key_of(&self, entry: u32) -> u128 {
        self.keys[(entry & ((1 << NUMBER) - 1)) as usize]
    }

    /// The id of a word that was cleaned, so that it has no zero byte.
    pub(super) fn id(&self, word: &str) -> u32 {
        match key(word.as_bytes(), 0, word.len()) {
            0 => self.long.get(word).copied().unwrap_or(UNKNOWN),
            key => self.probe(key, hash(key)),
        }
    }

    fn probe(&self, key: u128, hash: u64) -> u32 {
        let mut at = self.place(hash);
        loop {
            let entry = self.table[at];
            if entry == 0 {
                return UNKNOWN;
            }
            if entry >> NUMBER == bits(hash) >> NUMBER && self.key_of(entry) == key {
                return self.meaning(entry & ((1 << NUMBER) - 1));
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    /// Adds the ids of the words at these places of a cleaned text, those that are left out excepted.
    ///
    /// Several words go through each step together, so that they wait for memory at the same time.
    pub(super) fn ids(&self, text: &str, places: &[(u32, u32)], ids: &mut Vec<u32>) {
        for batch in places.chunks(BATCH) {
            let (mut keys, mut hashes) = ([0_u128; BATCH], [0_u64; BATCH]);
            let (mut entries, mut found) = ([0_u32; BATCH], [0_u128; BATCH]);
            for (key_out, &(start, end)) in keys.iter_mut().zip(batch) {
                *key_out = key(text.as_bytes(), start as usize, end as usize);
            }
            for ((hash_out, entry), key) in hashes.iter_mut().zip(&mut entries).zip(&keys) {
                *hash_out = hash(*key);
                *entry = self.table[self.place(*hash_out)];
            }
            for (found, entry) in found.iter_mut().zip(&entries) {
                *found = self.key_of(*entry);
            }
            for (at, &(start, end)) in batch.iter().enumerate() {
                let id = if keys[at] == 0 {
                    let word = &text[start as usize..end as usize];
                    self.long.get(word).copied().unwrap_or(UNKNOWN)
                } else if found[at] == keys[at] {
                    self.meaning(entries[at] & ((1 << NUMBER) - 1))
                } else {
                    self.probe(keys[at], hashes[at])
                };
                if id != LEFT_OUT {
                    ids.push(id);
                }
            }
        }
    }
}

#[inline]
fn hash(key: u128) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (low, high) = (key as u64, (key >> 64) as u64);
    let mixed = (low ^ high.rotate_left(29)).wrapping_mul(ODD);
    (mixed ^ (mixed >> 32)).wrapping_mul(ODD)
}

/// Bits of a hash that do not choose the place.
#[inline]
fn bits(hash: u64) -> u32 {
    (hash as u32) >> 8 << NUMBER
}

/// The bytes as a number, 0 if they are too many or none.
#[inline]
fn key(text: &[u8], start: usize, end: usize) -> u128 {
    let len = end - start;
    if len == 0 || len > INLINE {
        return 0;
    }
    match text[start..].first_chunk::<16>() {
        Some(bytes) => u128::from_le_bytes(*bytes) & (u128::MAX >> (128 - 8 * len)),
        None => {
            let mut bytes = [0; 16];
            bytes[..len].copy_from_slice(&text[start..end]);
            u128::from_le_bytes(bytes)
        }
    }
}

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
        let counts = vec![1; words.len()];
        let vocabulary = Vocabulary::of(words.clone(), counts).unwrap();
        let left_out = ["的".to_owned(), words[7].clone()];
        let index = Index::new(
            &vocabulary,
            &left_out,
            &[("一个很长的别名很长的别名", &words[9])],
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
        index.ids("的一个很长的别名很长的别名", &[(0, 3), (3, 39)], &mut ids);
        assert_eq!(ids, [11]);
        assert_eq!(index.id(""), UNKNOWN);
    }
}
