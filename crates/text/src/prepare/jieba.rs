//! Jieba's segmentation: its dictionary, loaded once, and its model of words that no dictionary has.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use include_flate::flate;
use jieba_rs::Jieba;

use crate::prepare::dictionary::{Dictionary, Route};
use crate::prepare::segment::Flow;
use crate::{Error, Result};

flate!(static WORDS: str from "data/jieba.txt" with zstd);

/// Bytes that are segmented together.
const LONGEST_RUN: usize = 1 << 16;
/// Characters of a word: at each place of a text, words may be looked for as far ahead.
const LONGEST_WORD: usize = 128;

/// Cuts Chinese as jieba does.
pub(super) struct Segmenter {
    dictionary: Dictionary,
    /// Jieba itself, if there is an own dictionary.
    own: Option<Jieba>,
}

/// Segmentation with jieba's own dictionary; all share it.
pub(super) fn shared() -> Arc<Segmenter> {
    static SHARED: OnceLock<Arc<Segmenter>> = OnceLock::new();
    let segmenter = || Segmenter {
        dictionary: Dictionary::new(words()),
        own: None,
    };
    SHARED.get_or_init(|| Arc::new(segmenter())).clone()
}

/// Segmentation with an own dictionary beside jieba's.
pub(super) fn with_dictionary(dictionary: &str) -> Result<Arc<Segmenter>> {
    let mut jieba = tagger().clone();
    let mut words = words();
    for entry in entries(dictionary, "dictionary")? {
        let frequency = jieba.add_word(entry.word, entry.frequency, entry.tag);
        words.push((entry.word, frequency));
    }
    Ok(Arc::new(Segmenter {
        dictionary: Dictionary::new(words),
        own: Some(jieba),
    }))
}

/// The words of jieba's dictionary with their frequencies.
fn words() -> Vec<(&'static str, usize)> {
    let entry = |line: &'static str| {
        let (word, rest) = line.split_once(' ')?;
        Some((word, rest.split(' ').next()?.parse().ok()?))
    };
    WORDS.lines().filter_map(entry).collect()
}

/// Jieba with its own dictionary, which knows parts of speech too.
fn tagger() -> &'static Jieba {
    static TAGGER: OnceLock<Jieba> = OnceLock::new();
    // The dictionary is a part of the program, so it cannot be wrong.
    TAGGER
        .get_or_init(|| Jieba::with_dict(&mut WORDS.as_bytes()).unwrap_or_else(|_| Jieba::empty()))
}

impl Segmenter {
    /// Jieba itself: for parts of speech.
    pub(super) fn jieba(&self) -> &Jieba {
        match &self.own {
            Some(jieba) => jieba,
            None => tagger(),
        }
    }

    /// Hands the ends of the words of `run` to `emit`, in bytes: Chinese characters and what jieba joins with them, without
    /// a break. With `guess`, characters that stay alone may become words that no dictionary has.
    ///
    /// Very long runs, which are no language, are cut in pieces first, so that memory does not grow with them.
    pub(super) fn cut(&self, run: &str, guess: bool, mut emit: impl FnMut(usize) -> Flow) -> Flow {
        let mut start = 0;
        while start < run.len() {
            let end = run.floor_char_boundary(start + LONGEST_RUN);
            self.cut_piece(&run[start..end], guess, |at| emit(start + at))?;
            start = end;
        }
        Flow::Continue(())
    }

    fn cut_piece(&self, run: &str, guess: bool, mut emit: impl FnMut(usize) -> Flow) -> Flow {
        thread_local! {
            static ROUTE: RefCell<Route> = RefCell::default();
        }
        let mut route = ROUTE.take();
        self.dictionary.route(run, &mut route);
        let flow = self.follow(run, guess, &route, &mut emit);
        ROUTE.set(route);
        flow
    }

    fn follow(
        &self,
        run: &str,
        guess: bool,
        route: &Route,
        emit: &mut impl FnMut(usize) -> Flow,
    ) -> Flow {
        // Without guesses, only what is Latin is joined.
        let alone = |at: usize| {
            route.next(at) == at + 1
                && (guess || run.as_bytes()[route.start(at)].is_ascii_alphanumeric())
        };
        let mut at = 0;
        while at < route.len() {
            if !alone(at) {
                at = route.next(at);
                emit(route.start(at))?;
                continue;
            }
            let start = at;
            while at < route.len() && alone(at) {
                at += 1;
            }
            if !guess || at == start + 1 {
                emit(route.start(at))?;
            } else if self.dictionary.has(route, start, at) {
                // A word that is less probable than its characters.
                (start..at).try_for_each(|at| emit(route.start(at + 1)))?;
            } else {
                let start = route.start(start);
                let words = model().cut(&run[start..route.start(at)], true);
                words
                    .iter()
                    .try_for_each(|word| emit(start + word.byte_end))?;
            }
        }
        Flow::Continue(())
    }
}

/// Jieba's hidden Markov model alone: all is new to an empty dictionary.
fn model() -> &'static Jieba {
    static MODEL: OnceLock<Jieba> = OnceLock::new();
    MODEL.get_or_init(Jieba::empty)
}

/// A word of an own dictionary.
pub(super) struct Entry<'a> {
    word: &'a str,
    frequency: Option<usize>,
    tag: Option<&'a str>,
}

/// Reads `word`, `word frequency`, `word tag` or `word frequency tag` lines.
/// `place` names it in messages.
pub(super) fn entries<'a>(dictionary: &'a str, place: &str) -> Result<Vec<Entry<'a>>> {
    /// Jieba adds all frequencies up.
    const MOST: usize = 1 << 40;
    /// Characters of all words, and different ones among them: what segmentation holds beside jieba's own.
    const MOST_CHARACTERS: [usize; 2] = [8_000_000, 50_000];
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in dictionary.lines().enumerate() {
        let wrong = |cause: String| {
            let remedy =
                "write `word`, `word frequency` or `word frequency tag`, with a space between";
            Error::content(format!("{place}, line {}", number + 1), cause, remedy)
        };
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (word, frequency, tag) = match fields[..] {
            [] => continue,
            [word] => (word, None, None),
            [word, second] if second.starts_with(|c: char| c.is_ascii_digit()) => {
                (word, Some(second), None)
            }
            [word, tag] => (word, None, Some(tag)),
            [word, frequency, tag] => (word, Some(frequency), Some(tag)),
            _ => return Err(wrong(format!("{} fields", fields.len()))),
        };
        let frequency = match frequency.map(|f| (f, f.parse::<usize>())) {
            None => None,
            Some((_, Ok(frequency))) if (1..=MOST).contains(&frequency) => Some(frequency),
            Some((text, _)) => return Err(wrong(format!("`{text}` is no frequency from 1 on"))),
        };
        if word.chars().nth(LONGEST_WORD).is_some() {
            let word: String = word.chars().take(12).collect();
            return Err(wrong(format!(
                "the word that begins with `{word}` has more than {LONGEST_WORD} characters"
            )));
        }
        entries.push(Entry {
            word,
            frequency,
            tag,
        });
    }
    let characters = || entries.iter().flat_map(|entry| entry.word.chars());
    let different: HashSet<char> = characters().take(MOST_CHARACTERS[0] + 1).collect();
    if characters().count() > MOST_CHARACTERS[0] || different.len() > MOST_CHARACTERS[1] {
        let cause = format!(
            "more than {} characters, or {} different ones",
            MOST_CHARACTERS[0], MOST_CHARACTERS[1]
        );
        return Err(Error::content(
            place,
            cause,
            "leave out words that the texts do not need",
        ));
    }
    Ok(entries)
}
