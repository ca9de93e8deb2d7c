//! Jieba's dictionary, loaded once.

use std::sync::{Arc, OnceLock};

use jieba_rs::Jieba;

use crate::{Error, Result};

/// Segmentation with jieba's own dictionary; all share it.
pub(super) fn shared() -> Arc<Jieba> {
    static JIEBA: OnceLock<Arc<Jieba>> = OnceLock::new();
    JIEBA.get_or_init(|| Arc::new(Jieba::new())).clone()
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
    let mut entries = Vec::new();
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
        entries.push(Entry {
            word,
            frequency,
            tag,
        });
    }
    Ok(entries)
}

/// Segmentation with an own dictionary beside jieba's.
pub(super) fn with_dictionary(dictionary: &str) -> Result<Arc<Jieba>> {
    let entries = entries(dictionary, "dictionary")?;
    let mut jieba = Jieba::clone(&shared());
    for entry in entries {
        jieba.add_word(entry.word, entry.frequency, entry.tag);
    }
    Ok(Arc::new(jieba))
}
