//! The words of a dictionary, and the most probable way to cut a run of Chinese characters into them.
//!
//! It chooses what jieba chooses, from the same sums; only its memory lies closer together, since that is what
//! segmentation waits for. It is a trie of characters. A table holds its first level, a bit for each pair of characters says
//! whether a word begins with it, and all nodes below are slots of one hash table, with the probability of the word that
//! ends there beside the key.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

/// The logarithm of the probability of what is no word.
const NONE: f64 = f64::NEG_INFINITY;
/// Bits of a character's code, and of what a slot's key has beside the bits that say which characters may follow.
const CODE_BITS: u32 = 16;
const FOLLOWERS: u32 = 40;
/// A node's number fits between them.
const MOST_NODES: usize = 1 << (FOLLOWERS - CODE_BITS);
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The beginning of a word, of two characters or more.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// From the lowest bit: the code of the last character, the node before it, and the bits of followers. Zero if empty.
    key: u64,
    /// The logarithm of the probability of the word that ends here.
    word: f64,
}

/// Words with their probabilities.
///
/// Characters have codes: frequent ones have small codes, so that what is asked often lies together, and 0 are all that no
/// word has. A node's number is its character's code on the first level, and below it that of its slot behind all codes.
pub(super) struct Dictionary {
    /// The codes of the basic plane's characters.
    codes: Box<[u16]>,
    beyond: HashMap<char, u16, FxBuildHasher>,
    /// By code, the logarithm of the probability of the character as a word.
    singles: Box<[f64]>,
    /// A power of two of bits, one or more for each pair of codes.
    pairs: Box<[u64]>,
    slots: Box<[Slot]>,
    /// The logarithm of the probability of a character with which no word begins.
    unknown: f64,
}

/// The best way through one run of characters; reused from run to run.
#[derive(Default)]
pub(super) struct Route {
    codes: Vec<u16>,
    /// Where each character begins, in bytes, and where the last one ends.
    starts: Vec<u32>,
    /// The logarithm of the probability of the best way from each character to the end.
    best: Vec<f64>,
    /// The character behind the best word at each character.
    next: Vec<u32>,
}

impl Route {
    /// How many characters the run has.
    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Where a character begins, in bytes; behind the last one, where the run ends.
    pub(super) fn start(&self, at: usize) -> usize {
        self.starts[at] as usize
    }

    /// The character behind the best word at this one.
    pub(super) fn next(&self, at: usize) -> usize {
        self.next[at] as usize
    }
}

impl Dictionary {
    /// A dictionary of words and their frequencies, from 1 on; of a word that comes twice the last one counts. Words must
    /// have fewer than 65,536 different characters and about twelve million in all.
    pub(super) fn new(mut words: Vec<(&str, usize)>) -> Self {
        words.sort_by_key(|&(word, _)| word);
        // Equal words stand in their order, and the first of them stays.
        words.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
        let mut dictionary = Self::empty(&words);
        let mut before = "";
        // The nodes on the way to the word before.
        let mut path: Vec<u32> = Vec::new();
        for (word, frequency) in words {
            path.truncate(shared(before, word));
            for c in word.chars().skip(path.len()) {
                let code = dictionary.code(c);
                let node = path.last().map(|&node| dictionary.add(node, code));
                path.push(node.unwrap_or(code.into()));
            }
            let probability = (frequency as f64).ln() + dictionary.unknown;
            match path[..] {
                [] => {}
                [code] => dictionary.singles[code as usize] = probability,
                [.., last] => {
                    let slot = last as usize - dictionary.singles.len();
                    dictionary.slots[slot].word = probability;
                }
            }
            before = word;
        }
        dictionary
    }

    /// Codes and empty tables for sorted words.
    fn empty(words: &[(&str, usize)]) -> Self {
        let mut counts: HashMap<char, usize, FxBuildHasher> = HashMap::default();
        let (mut nodes, mut total) = (0, 0);
        let mut before = "";
        for &(word, frequency) in words {
            for c in word.chars() {
                *counts.entry(c).or_default() += frequency;
            }
            nodes += word.chars().count() - shared(before, word);
            total += frequency;
            before = word;
        }
        let mut frequent: Vec<(char, usize)> = counts.into_iter().collect();
        frequent.sort_by_key(|&(c, count)| (std::cmp::Reverse(count), c));
        let slots = nodes * 4 / 3 + 1;
        assert!(frequent.len() < 1 << CODE_BITS && frequent.len() + slots < MOST_NODES);
        let mut dictionary = Self {
            codes: vec![0; 1 << 16].into(),
            beyond: HashMap::default(),
            singles: vec![NONE; frequent.len() + 1].into(),
            pairs: vec![0; (nodes / 8).next_power_of_two()].into(),
            slots: vec![Slot::default(); slots].into(),
            unknown: 0.0 - (total as f64).ln(),
        };
        for (code, (c, _)) in (1..).zip(frequent) {
            match dictionary.codes.get_mut(c as usize) {
                Some(place) => *place = code,
                None => drop(dictionary.beyond.insert(c, code)),
            }
        }
        dictionary
    }

    /// The node of a character behind a node, made if it is new.
    fn add(&mut self, node: u32, code: u16) -> u32 {
        match (node as usize).checked_sub(self.singles.len()) {
            None => {
                let bit = self.pair(node as u16, code);
                self.pairs[bit / 64] |= 1 << (bit % 64);
            }
            Some(slot) => self.slots[slot].key |= follower(code),
        }
        let key = key(node, code);
        let slot = self.slot(key);
        if self.slots[slot].key == 0 {
            self.slots[slot] = Slot { key, word: NONE };
        }
        self.node(slot)
    }

    #[inline]
    fn code(&self, c: char) -> u16 {
        match self.codes.get(c as usize) {
            Some(&code) => code,
            None => self.beyond.get(&c).copied().unwrap_or(0),
        }
    }

    fn node(&self, slot: usize) -> u32 {
        (self.singles.len() + slot) as u32
    }

    /// The bit of a pair: those of the same first and frequent second characters lie together.
    #[inline]
    fn pair(&self, first: u16, second: u16) -> usize {
        let row = u64::from(first).wrapping_mul(ODD) >> 32 << 6;
        (row as usize + second as usize) & (self.pairs.len() * 64 - 1)
    }

    /// The slot of a key, or the empty one where it would be: a quarter of all are empty.
    #[inline]
    fn slot(&self, key: u64) -> usize {
        const OWN: u64 = (1 << FOLLOWERS) - 1;
        let mixed = key.wrapping_mul(ODD) >> 32;
        let mut slot = ((mixed * self.slots.len() as u64) >> 32) as usize;
        while self.slots[slot].key != 0 && self.slots[slot].key & OWN != key {
            slot = if slot + 1 < self.slots.len() {
                slot + 1
            } else {
                0
            };
        }
        slot
    }

    /// Hands each beginning of `codes` that a word has too, from two characters on, to `visit`: its length, and the
    /// logarithm of its own probability.
    #[inline]
    fn each_prefix(&self, codes: &[u16], mut visit: impl FnMut(usize, f64)) {
        let &[first, second, ..] = codes else { return };
        let bit = self.pair(first, second);
        if self.pairs[bit / 64] >> (bit % 64) & 1 == 0 {
            return;
        }
        let mut at = self.slot(key(first.into(), second));
        let mut slot = self.slots[at];
        let mut length = 2;
        while slot.key != 0 {
            visit(length, slot.word);
            let Some(&code) = codes
                .get(length)
                .filter(|&&code| slot.key & follower(code) != 0)
            else {
                return;
            };
            at = self.slot(key(self.node(at), code));
            slot = self.slots[at];
            length += 1;
        }
    }

    /// Finds the best way through a run of characters, from its end on; among equal ones, the longest word.
    pub(super) fn route(&self, run: &str, route: &mut Route) {
        let Route {
            codes,
            starts,
            best,
            next,
        } = route;
        codes.clear();
        starts.clear();
        for (at, c) in run.char_indices() {
            codes.push(self.code(c));
            starts.push(at as u32);
        }
        starts.push(run.len() as u32);
        let length = codes.len();
        best.resize(best.len().max(length + 1), 0.0);
        next.resize(next.len().max(length), 0);
        best[length] = 0.0;
        for at in (0..length).rev() {
            let mut most = self.singles[codes[at] as usize] + best[at + 1];
            let mut end = at + 1;
            self.each_prefix(&codes[at..], |length, word| {
                let sum = word + best[at + length];
                if sum >= most {
                    (most, end) = (sum, at + length);
                }
            });
            if most == NONE {
                (most, end) = (self.unknown + best[at + 1], at + 1);
            }
            best[at] = most;
            next[at] = end as u32;
        }
    }

    /// Whether the characters of a route from `start` to `end`, two or more, are a word.
    pub(super) fn has(&self, route: &Route, start: usize, end: usize) -> bool {
        let mut word = false;
        self.each_prefix(&route.codes[start..end], |length, probability| {
            word = length == end - start && probability != NONE;
        });
        word
    }
}

fn key(node: u32, code: u16) -> u64 {
    u64::from(node) << CODE_BITS | u64::from(code)
}

fn follower(code: u16) -> u64 {
    const BITS: u64 = 64 - FOLLOWERS as u64;
    let mixed = u64::from(u32::from(code).wrapping_mul(ODD as u32));
    1 << (u64::from(FOLLOWERS) + ((mixed * BITS) >> 32))
}

/// How many characters two words begin with in common.
fn shared(one: &str, other: &str) -> usize {
    one.chars()
        .zip(other.chars())
        .take_while(|(a, b)| a == b)
        .count()
}
