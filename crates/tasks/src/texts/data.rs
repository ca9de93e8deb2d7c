//! Lengths, vocabulary, scripts, and what was set aside.

use std::collections::HashMap;

use jingwei_data::prepare::{Bare, TextMap};
use jingwei_data::{Dataset, Features, Targets};
use jingwei_report::{BareTexts, Counted, Lengths, TextData, TextPart};

use super::encoded::{Encoded, EncodedPart};
use crate::Error;
use crate::run::Prepared;

/// How many of the most frequent tokens are listed.
const FREQUENT: usize = 20;
/// How many causes are listed; further ones are counted together.
const CAUSES: usize = 12;

/// Looks at all texts.
pub(super) fn data(prepared: &Prepared, encoded: &Encoded) -> Result<TextData, Error> {
    let preparation = encoded.map.encoder().preparation();
    let limit = preparation.max_length;
    let is_unknown = |id| preparation.vocabulary.is_unknown(id);
    let mut lengths = Vec::new();
    let mut parts = Vec::new();
    let mut scripts: HashMap<&str, u64> = HashMap::new();
    for part in &encoded.parts {
        let own = true_lengths(part, &encoded.map, limit)?;
        let unknown = part.ids.values().iter().filter(|&&id| is_unknown(id));
        parts.push(TextPart {
            name: part.name.to_owned(),
            texts: part.indices.len() as u64,
            tokens: part.ids.values().len() as u64,
            unknown: unknown.count() as u64,
            cut: own.iter().filter(|length| **length > limit).count() as u64,
        });
        lengths.extend(own);
        for index in part.indices {
            let text = part.dataset.text(*index)?.unwrap_or_default();
            *scripts.entry(script_of(&text)).or_default() += 1;
        }
    }
    let longest = lengths.iter().copied().max().unwrap_or_default();
    let counts = encoded.part("train").map(count_ids).unwrap_or_default();
    let name = |id: u32| encoded.map.encoder().decode(&[id]);
    let known = || counts.iter().filter(|(id, _)| !is_unknown(*id));
    let cut: u64 = parts.iter().map(|part| part.cut).sum();
    let changed = Counted::new(format!("cut to {limit} tokens"), cut);
    Ok(TextData {
        unit: "tokens".to_owned(),
        lengths: Lengths::of(lengths),
        length_limit: if longest > limit { limit as u64 } else { 0 },
        vocabulary: preparation.ids() as u64,
        distinct: known().count() as u64,
        once: known().filter(|(_, count)| *count == 1).count() as u64,
        frequent: known()
            .take(FREQUENT)
            .map(|(id, count)| Counted::new(name(*id), *count))
            .collect(),
        scripts: sorted(
            scripts
                .into_iter()
                .map(|(name, count)| (name.to_owned(), count)),
        ),
        encodings: Vec::new(),
        kept: parts.iter().map(|part| part.texts).sum(),
        set_aside: set_aside(prepared.source.datasets()),
        changed: Vec::from_iter((cut > 0).then_some(changed)),
        bare: bare(encoded)?,
        parts,
    })
}

/// Texts of which nothing tells the model anything, by cause, with the place of the first. They are used all the same.
fn bare(encoded: &Encoded) -> Result<Vec<BareTexts>, Error> {
    let mut causes: Vec<(Bare, BareTexts)> = Vec::new();
    for part in &encoded.parts {
        if matches!(part.dataset.targets(), Targets::Tags { .. }) {
            continue;
        }
        let vocabulary = &encoded.map.encoder().preparation().vocabulary;
        for (ids, &index) in part.ids.iter().zip(part.indices) {
            let text = part.dataset.text(index)?.unwrap_or_default();
            let is_suspect = ids.iter().all(|&id| vocabulary.is_unknown(id));
            if !is_suspect && text.chars().any(char::is_alphanumeric) {
                continue;
            }
            let Some(cause) = encoded.map.bare(&text) else {
                continue;
            };
            match causes.iter_mut().find(|(name, _)| *name == cause) {
                Some((_, texts)) => texts.count += 1,
                None => {
                    let texts = BareTexts {
                        cause: cause.describe().to_owned(),
                        count: 1,
                        first: part.dataset.origin(index),
                    };
                    causes.push((cause, texts));
                }
            }
        }
    }
    Ok(causes.into_iter().map(|(_, texts)| texts).collect())
}

/// The lengths before truncation: only texts that were filled up to the limit are looked at again.
fn true_lengths(part: &EncodedPart, map: &TextMap, limit: usize) -> Result<Vec<usize>, Error> {
    let Features::Texts(column) = part.dataset.features() else {
        return Ok(Vec::new());
    };
    let length = |(ids, index): (&[u32], &usize)| {
        if ids.len() < limit {
            return Ok(ids.len());
        }
        let text = part.dataset.text(*index)?.unwrap_or_default();
        Ok(match column.tokenised {
            true => text.split('\n').count(),
            false => map.encoder().tokens(&text).len(),
        })
    };
    part.ids.iter().zip(part.indices).map(length).collect()
}

/// How often each id occurs, the most frequent first.
fn count_ids(part: &EncodedPart) -> Vec<(u32, u64)> {
    let mut counts: HashMap<u32, u64> = HashMap::new();
    for id in part.ids.values() {
        *counts.entry(*id).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
    counts
}

/// The script of most letters of a text.
fn script_of(text: &str) -> &'static str {
    const NAMES: [&str; 7] = [
        "Chinese characters",
        "Latin",
        "Japanese kana",
        "Hangul",
        "Cyrillic",
        "other letters",
        "no letters",
    ];
    let mut counts = [0u64; 6];
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        let script = match letter {
            '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{323af}' => 0,
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => 1,
            '\u{3041}'..='\u{30ff}' => 2,
            '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}' => 3,
            '\u{400}'..='\u{52f}' => 4,
            _ => 5,
        };
        counts[script] += 1;
    }
    let most = (0..counts.len()).rev().max_by_key(|script| counts[*script]);
    NAMES[most.filter(|script| counts[*script] > 0).unwrap_or(6)]
}

/// Rows that were not used, by cause: what stands in quotes and numbers differ from row to row and are left out.
fn set_aside<'a>(datasets: impl Iterator<Item = &'a Dataset>) -> Vec<Counted> {
    let mut causes: HashMap<String, u64> = HashMap::new();
    for dataset in datasets {
        match dataset.causes() {
            Some(counted) => counted
                .iter()
                .for_each(|(name, count)| *causes.entry(name.clone()).or_default() += count),
            None => dataset
                .quarantine()
                .iter()
                .for_each(|row| *causes.entry(cause(&row.reason)).or_default() += 1),
        }
    }
    let mut all = sorted(causes.into_iter());
    let rest: u64 = all.iter().skip(CAUSES).map(|cause| cause.count).sum();
    all.truncate(CAUSES);
    all.extend((rest > 0).then(|| Counted::new("other causes", rest)));
    all
}

/// A reason without what differs from row to row.
fn cause(reason: &str) -> String {
    let mut cause = String::new();
    for (place, piece) in reason.split('`').enumerate() {
        if place % 2 == 1 {
            cause.push('…');
            continue;
        }
        for letter in piece.chars() {
            match (letter.is_ascii_digit(), cause.ends_with('#')) {
                (true, true) => {}
                (true, false) => cause.push('#'),
                (false, _) => cause.push(letter),
            }
        }
    }
    cause
}

/// The most frequent first.
fn sorted(counts: impl Iterator<Item = (String, u64)>) -> Vec<Counted> {
    let mut counts: Vec<Counted> = counts
        .map(|(name, count)| Counted { name, count })
        .collect();
    counts.sort_by(|left, right| (right.count, &left.name).cmp(&(left.count, &right.name)));
    counts
}

#[cfg(test)]
mod tests {
    use super::{cause, script_of};

    #[test]
    fn causes_are_the_same_for_all_rows() {
        assert_eq!(
            cause("label `spam` at 17, 3 of 20"),
            cause("label `ham` at 4, 12 of 7")
        );
        assert_eq!(cause("the text is empty"), "the text is empty");
    }

    #[test]
    fn texts_have_a_script() {
        assert_eq!(script_of("房间很大 OK"), "Chinese characters");
        assert_eq!(script_of("Good, 很"), "Latin");
        assert_eq!(script_of("123 😀"), "no letters");
    }
}
