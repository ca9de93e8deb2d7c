//! What texts are like: lengths, characters by script, words, what the vocabulary does not know.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::prepare::{Encoder, Token, Vocabulary};
use crate::read::TextSource;

/// Lengths of texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// The shortest.
    pub least: u32,
    /// The mean.
    pub mean: f64,
    /// What half of the texts need.
    pub median: u32,
    /// What 95 of 100 texts need.
    pub most_of_95: u32,
    /// What 99 of 100 texts need.
    pub most_of_99: u32,
    /// The longest.
    pub most: u32,
}

impl Lengths {
    /// Sums lengths up.
    pub fn of(mut lengths: Vec<u32>) -> Self {
        if lengths.is_empty() {
            return Self::default();
        }
        lengths.sort_unstable();
        let at = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
        let sum: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
        Self {
            least: at(0),
            mean: sum as f64 / lengths.len() as f64,
            median: at(50),
            most_of_95: at(95),
            most_of_99: at(99),
            most: at(100),
        }
    }
}

/// What a person should know of texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// How many texts there are.
    pub texts: u64,
    /// Their lengths in characters.
    pub characters: Lengths,
    /// Their lengths in tokens, before truncation.
    pub tokens: Lengths,
    /// How many characters there are of each script or kind.
    pub scripts: BTreeMap<String, u64>,
    /// Different tokens of the vocabulary that come in the texts.
    pub known: u64,
    /// The share of tokens that the vocabulary does not know.
    pub unknown_share: f64,
    /// The most frequent tokens that the vocabulary does not know, at most 50.
    pub unknown: Vec<(String, u64)>,
    /// Texts that are longer than the preparation's `max_length`.
    pub cut: u64,
}

/// Why a text tells a model nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bare {
    /// Cleaning, stop words and punctuation left nothing of it.
    NothingLeft,
    /// It is punctuation, symbols or emoji alone.
    OnlyMarks,
    /// The vocabulary knows none of its tokens.
    OnlyUnknown,
}

impl Bare {
    /// The same in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::NothingLeft => "nothing is left after cleaning and stop words",
            Self::OnlyMarks => "only punctuation or emoji",
            Self::OnlyUnknown => "no token is in the vocabulary",
        }
    }
}

/// The script or kind of a character, as [`Statistics::scripts`] names it.
pub fn script(c: char) -> &'static str {
    match c {
        '0'..='9' | '０'..='９' => "digits",
        'a'..='z' | 'A'..='Z' => "latin",
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' => "chinese",
        '\u{20000}'..='\u{323af}' => "chinese",
        c if c.is_whitespace() => "space",
        c if c.is_control() => "control",
        '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' => "kana",
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}' => "hangul",
        '\u{400}'..='\u{52f}' => "cyrillic",
        '\u{370}'..='\u{3ff}' => "greek",
        '\u{c0}'..='\u{24f}' | '\u{ff21}'..='\u{ff5a}' if c.is_alphabetic() => "latin",
        '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{fe0f}' => "emoji",
        c if c.is_alphanumeric() => "other letters",
        _ => "punctuation",
    }
}

/// What one text adds.
#[derive(Default)]
struct Part {
    characters: Vec<u32>,
    tokens: Vec<u32>,
    scripts: BTreeMap<&'static str, u64>,
    ids: BTreeMap<u32, u64>,
    unknown: BTreeMap<String, u64>,
}

/// Looks at all texts, on all threads.
///
/// # Errors
/// If a text cannot be read.
pub fn statistics(texts: &(impl TextSource + ?Sized), encoder: &Encoder) -> Result<Statistics> {
    const PIECE: usize = 512;
    let pieces: Vec<usize> = (0..texts.len()).step_by(PIECE).collect();
    let parts: Result<Vec<Part>> = pieces
        .par_iter()
        .map(|&piece| {
            let mut part = Part::default();
            for index in piece..texts.len().min(piece + PIECE) {
                part.add(&texts.get(index)?, encoder);
            }
            Ok(part)
        })
        .collect();
    let mut all = Part::default();
    parts?.into_iter().for_each(|part| all.absorb(part));
    let max_length = encoder.preparation().max_length;
    let tokens: u64 = all.ids.values().sum();
    let vocabulary = &encoder.preparation().vocabulary;
    let known = all.ids.keys().filter(|&&id| !vocabulary.is_unknown(id));
    let of_unknown = all.ids.iter().filter(|(id, _)| vocabulary.is_unknown(**id));
    let unknown_tokens: u64 = of_unknown.map(|(_, count)| count).sum();
    let mut unknown: Vec<(String, u64)> = all.unknown.into_iter().collect();
    unknown.sort_by_key(|entry| std::cmp::Reverse(entry.1));
    unknown.truncate(50);
    Ok(Statistics {
        texts: texts.len() as u64,
        cut: all
            .tokens
            .iter()
            .filter(|&&length| length as usize > max_length)
            .count() as u64,
        characters: Lengths::of(all.characters),
        tokens: Lengths::of(all.tokens),
        scripts: all
            .scripts
            .into_iter()
            .map(|(script, count)| (script.to_owned(), count))
            .collect(),
        known: known.count() as u64,
        unknown_share: unknown_tokens as f64 / tokens.max(1) as f64,
        unknown,
    })
}

impl Part {
    fn add(&mut self, text: &str, encoder: &Encoder) {
        let mut characters = 0;
        for c in text.chars() {
            *self.scripts.entry(script(c)).or_default() += 1;
            characters += 1;
        }
        self.characters.push(characters);
        let tokens = encoder.tokens(text);
        self.tokens.push(tokens.len() as u32);
        for token in tokens {
            *self.ids.entry(token.id).or_default() += 1;
            if encoder.preparation().vocabulary.is_unknown(token.id) {
                *self.unknown.entry(token.text).or_default() += 1;
            }
        }
    }

    fn absorb(&mut self, other: Self) {
        self.characters.extend(other.characters);
        self.tokens.extend(other.tokens);
        other
            .scripts
            .into_iter()
            .for_each(|(script, count)| *self.scripts.entry(script).or_default() += count);
        other
            .ids
            .into_iter()
            .for_each(|(id, count)| *self.ids.entry(id).or_default() += count);
        other
            .unknown
            .into_iter()
            .for_each(|(word, count)| *self.unknown.entry(word).or_default() += count);
    }
}

/// Why a model learns nothing from these tokens of a text, as the vocabulary numbers them, if so.
pub fn bare(tokens: &[Token], vocabulary: &Vocabulary) -> Option<Bare> {
    if tokens.is_empty() {
        return Some(Bare::NothingLeft);
    }
    let mark = |c: char| matches!(script(c), "punctuation" | "emoji" | "space" | "control");
    if tokens.iter().all(|token| token.text.chars().all(mark)) {
        return Some(Bare::OnlyMarks);
    }
    tokens
        .iter()
        .all(|token| vocabulary.is_unknown(token.id))
        .then_some(Bare::OnlyUnknown)
}
