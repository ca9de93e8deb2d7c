//! Words that are left out.

use std::path::Path;

use crate::encoding::decode;
use crate::prepare::StopWords;
use crate::{Error, OnBad, Result};

const CHINESE: &str = include_str!("../../data/stop_words_chinese.txt");
const ENGLISH: &str = include_str!("../../data/stop_words_english.txt");

/// The words that the settings name, sorted.
pub(super) fn load(options: &StopWords) -> Result<Vec<String>> {
    let mut words = Vec::new();
    if options.chinese {
        add(CHINESE, &mut words);
    }
    if options.english {
        add(ENGLISH, &mut words);
    }
    if let Some(path) = &options.file {
        add(&read_small(path, "stop_words.file")?, &mut words);
    }
    words.sort();
    words.dedup();
    Ok(words)
}

fn add(list: &str, words: &mut Vec<String>) {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    words.extend(lines.flat_map(str::split_whitespace).map(str::to_owned));
}

/// Reads a list that a recipe names, whatever its encoding.
pub(super) fn read_small(path: &Path, setting: &str) -> Result<String> {
    const MOST: u64 = 64 << 20;
    let unreadable = |source| Error::unreadable(path, source);
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MOST {
        let cause = format!("{} has {bytes} bytes, the limit is {MOST}", path.display());
        return Err(Error::setting(setting, cause, "name a smaller file"));
    }
    let content = std::fs::read(path).map_err(unreadable)?;
    let decoded = decode(&content, OnBad::Stop).map_err(|error| match error {
        Error::Content {
            place,
            cause,
            remedy,
        } => Error::content(format!("{}, {place}", path.display()), cause, remedy),
        error => error,
    })?;
    Ok(decoded.text)
}
