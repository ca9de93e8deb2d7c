//! `word/tag word/tag` lines, as in the People's Daily corpus of January 1998.

use std::path::Path;

use crate::Result;
use crate::read::rows::{Bad, Collector};

/// What a line is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Characters with the names in them in BIO tags.
    Names,
    /// Words with their parts of speech.
    Words,
}

/// Surnames of two characters; all others have one.
const LONG_SURNAMES: [&str; 14] = [
    "欧阳", "司马", "诸葛", "上官", "司徒", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐", "端木",
    "东方", "独孤",
];

pub(super) fn read(path: &Path, kind: Kind, collector: &mut Collector) -> Result<()> {
    // A tag takes about as much as its word.
    let bound = collector.options.max_text_bytes.saturating_mul(2);
    let mut lines = collector.open(path, bound)?;
    let mut text = String::new();
    while let Some(line) = lines.next_line(&mut text)? {
        if text.trim().is_empty() {
            continue;
        }
        let parsed = if line.too_long {
            Err(collector.too_long(line))
        } else if let Some(bad) = collector.fault(&text) {
            Err(bad)
        } else {
            words(&text).map(|words| match kind {
                Kind::Names => names(&words),
                Kind::Words => parts_of_speech(&words),
            })
        };
        match parsed {
            Ok((tokens, tags)) => collector.tagged(line.number, &tokens, &tags)?,
            Err(bad) => collector.set_aside(path, line.number, bad)?,
        }
    }
    Ok(())
}

/// A word, its tag, and the tag of the bracket around it with the bracket's number.
struct Word<'a> {
    word: &'a str,
    tag: &'a str,
    bracket: Option<(usize, &'a str)>,
}

fn words(line: &str) -> std::result::Result<Vec<Word<'_>>, Bad> {
    let wrong = |detail: &str| {
        let detail: String = detail.chars().take(40).collect();
        Bad::new(
            "not word/tag",
            format!("`{detail}`"),
            "write word/tag with spaces between",
        )
    };
    let mut words: Vec<Word> = Vec::new();
    let mut opened: Option<usize> = None;
    let mut brackets = 0;
    for piece in line.split_whitespace() {
        // A lone `[/w` is punctuation, `[中国/ns` begins a compound.
        let (piece, opens) = match piece.strip_prefix('[') {
            Some(rest) if !rest.starts_with('/') => (rest, true),
            _ => (piece, false),
        };
        if opens {
            opened = Some(words.len());
        }
        let (word, tags) = piece
            .rsplit_once('/')
            .filter(|p| !p.1.contains(']'))
            .map_or_else(
                || match piece.rsplit_once(']') {
                    Some((inner, outer)) if opened.is_some() => inner
                        .rsplit_once('/')
                        .map(|(word, tag)| (word, (tag, Some(outer.trim_start_matches('/'))))),
                    _ => None,
                },
                |(word, tag)| {
                    // `奥委会/n]/nt`: the outer tag has a slash of its own.
                    match word.rsplit_once(']').filter(|_| opened.is_some()) {
                        Some((inner, "")) => inner
                            .rsplit_once('/')
                            .map(|(word, own)| (word, (own, Some(tag)))),
                        _ => Some((word, (tag, None))),
                    }
                },
            )
            .ok_or_else(|| wrong(piece))?;
        let (tag, closes) = tags;
        if word.is_empty() || tag.is_empty() {
            return Err(wrong(piece));
        }
        words.push(Word {
            word,
            tag,
            bracket: None,
        });
        if let (Some(outer), Some(from)) = (closes, opened) {
            brackets += 1;
            for word in &mut words[from..] {
                word.bracket = Some((brackets, outer));
            }
            opened = None;
        }
    }
    match opened {
        Some(from) => Err(Bad::new(
            "bracket never closed",
            format!("`[{}`", words.get(from).map_or("", |word| word.word)),
            "close it with ]tag",
        )),
        None => Ok(words),
    }
}

fn span_of(tag: &str) -> Option<&'static str> {
    match tag {
        "nr" | "nrf" | "nrj" => Some("PER"),
        "ns" | "nsf" => Some("LOC"),
        "nt" => Some("ORG"),
        _ => None,
    }
}

fn names(words: &[Word]) -> (Vec<String>, Vec<String>) {
    let (mut tokens, mut tags) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < words.len() {
        let (end, name) = extent(words, at);
        let mut place = "B-";
        for c in words[at..end].iter().flat_map(|word| word.word.chars()) {
            tokens.push(c.to_string());
            tags.push(match name {
                Some(name) => format!("{place}{name}"),
                None => "O".to_owned(),
            });
            place = "I-";
        }
        at = end;
    }
    (tokens, tags)
}

/// Where what begins at `at` ends, and which name it is: a compound in brackets, a surname with what is given, a word.
fn extent(words: &[Word], at: usize) -> (usize, Option<&'static str>) {
    if let Some((number, outer)) = words[at].bracket
        && let Some(name) = span_of(outer)
    {
        let inside = |word: &&Word| word.bracket.is_some_and(|bracket| bracket.0 == number);
        return (
            at + words[at..].iter().take_while(inside).count(),
            Some(name),
        );
    }
    let name = span_of(words[at].tag);
    let surname = words[at].word.chars().count() == 1 || LONG_SURNAMES.contains(&words[at].word);
    let given = words
        .get(at + 1)
        .is_some_and(|next| next.tag == "nr" && next.bracket.is_none());
    if name == Some("PER") && words[at].tag == "nr" && surname && given {
        return (at + 2, name);
    }
    (at + 1, name)
}

fn parts_of_speech(words: &[Word]) -> (Vec<String>, Vec<String>) {
    words
        .iter()
        .map(|word| (word.word.to_owned(), word.tag.to_owned()))
        .unzip()
}
