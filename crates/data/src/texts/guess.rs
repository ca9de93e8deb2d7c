//! Whether a file or folder looks like texts to be classified or tagged, and where in it texts and labels stand.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use jingwei_text::OnBad;
use jingwei_text::encoding::decode;
use jingwei_text::table::{Fields, Table};

use super::Format;
use crate::image_folder::{entries, name_of};
use crate::{Error, Result};

/// Bytes that are looked at.
const LOOKED_AT: u64 = 1 << 20;
/// Rows that are looked at.
const ROWS: usize = 2000;
/// A table of more columns is one of numbers and categories, in which texts are remarks.
const MOST_COLUMNS: usize = 5;

/// Where texts and labels stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The form of the data.
    pub format: Format,
    /// The column or key of the text, where there are any.
    pub column: Option<String>,
    /// The column or key of the class, where there are any.
    pub target: Option<String>,
    /// What stands between several labels of one text.
    pub separator: Option<char>,
    /// Whether tokens have tags.
    pub tagged: bool,
}

impl Guess {
    fn of(format: Format, tagged: bool) -> Self {
        Self {
            format,
            column: None,
            target: None,
            separator: None,
            tagged,
        }
    }
}

/// Looks at the beginning of what lies at a path; `None` if it does not look like texts with labels or tags.
///
/// # Errors
/// If it cannot be read.
pub fn guess(path: &Path) -> Result<Option<Guess>> {
    if path.is_dir() {
        return Ok(is_folder_of_texts(path)?.then(|| Guess::of(Format::Folders, false)));
    }
    if !path.is_file() {
        return Ok(None);
    }
    let ending = path.extension().unwrap_or_default();
    Ok(match ending.to_string_lossy().to_lowercase().as_str() {
        "conll" | "bio" | "bioes" | "bmes" | "iob" => Some(Guess::of(Format::Conll, true)),
        "jsonl" | "ndjson" => json_lines(&beginning(path)?),
        "csv" => table(&beginning(path)?, b',', Format::Csv),
        "tsv" | "tab" => table(&beginning(path)?, b'\t', Format::Tsv),
        "txt" => plain(&beginning(path)?),
        _ => None,
    })
}

/// Class folders with text files, and nothing but them.
fn is_folder_of_texts(folder: &Path) -> Result<bool> {
    let classes: Vec<_> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    let is_text = |path: &Path| name_of(path).to_lowercase().ends_with(".txt");
    for class in &classes {
        if !entries(class)?.iter().take(10).all(|path| is_text(path)) {
            return Ok(false);
        }
    }
    let has_files =
        |class: &&std::path::PathBuf| entries(class).is_ok_and(|files| !files.is_empty());
    Ok(classes.iter().filter(has_files).count() > 1)
}

/// The first whole lines of a file, whatever their encoding.
fn beginning(path: &Path) -> Result<String> {
    let unreadable = |error| Error::unreadable(path, error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LOOKED_AT)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 == LOOKED_AT {
        let end = bytes.iter().rposition(|&byte| byte == b'\n');
        bytes.truncate(end.unwrap_or(0));
    }
    Ok(decode(&bytes, OnBad::Quarantine)?.text)
}

fn json_lines(text: &str) -> Option<Guess> {
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = text
        .lines()
        .take(ROWS)
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let first = rows.first()?;
    if first.get("tokens").is_some_and(serde_json::Value::is_array) {
        return Some(Guess::of(Format::JsonLines, true));
    }
    let names: Vec<String> = first.keys().cloned().collect();
    if names.len() > MOST_COLUMNS {
        return None;
    }
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let columns = names.iter().map(|name| {
        let values = rows.iter().filter_map(|row| row.get(name).map(cell));
        values.collect::<Vec<_>>()
    });
    let columns: Vec<_> = columns.collect();
    columns_of(&names, &columns, Format::JsonLines)
}

fn table(text: &str, delimiter: u8, format: Format) -> Option<Guess> {
    let bytes = text.as_bytes().to_vec();
    let mut table = Table::of(bytes, Path::new(""), delimiter, text.len()).ok()?;
    let names = table.header().to_vec();
    if names.is_empty() || names.len() > MOST_COLUMNS {
        return None;
    }
    let mut columns = vec![Vec::new(); names.len()];
    let mut fields = Fields::default();
    for _ in 0..ROWS {
        let Ok(Some(row)) = table.next(&mut fields) else {
            break;
        };
        if row.bad.is_none() {
            for (column, field) in columns.iter_mut().zip(fields.iter()) {
                column.push(field.trim().to_owned());
            }
        }
    }
    columns_of(&names, &columns, format)
}

/// The column of texts, and the one of their classes.
fn columns_of(names: &[String], columns: &[Vec<String>], format: Format) -> Option<Guess> {
    let text = (0..names.len())
        .filter(|&column| holds_texts(&columns[column]))
        .max_by_key(|&column| columns[column].iter().map(String::len).sum::<usize>())?;
    let others: Vec<usize> = (0..names.len()).filter(|&column| column != text).collect();
    const TELLING: [&str; 8] = [
        "label",
        "labels",
        "class",
        "category",
        "sentiment",
        "target",
        "标签",
        "类别",
    ];
    let target = others
        .iter()
        .copied()
        .find(|&column| TELLING.contains(&names[column].to_lowercase().as_str()))
        .or_else(|| {
            others
                .iter()
                .copied()
                .rfind(|&column| has_classes(&columns[column]))
        })?;
    Some(Guess {
        column: Some(names[text].clone()),
        target: Some(names[target].clone()),
        separator: separator(&columns[target]),
        ..Guess::of(format, false)
    })
}

/// Whether most values are different, and have several words or Chinese characters.
fn holds_texts(values: &[String]) -> bool {
    let is_chinese = |letter: char| ('\u{3400}'..='\u{9fff}').contains(&letter);
    let is_text = |value: &&String| {
        value.split_whitespace().count() > 2
            || value.chars().filter(|&letter| is_chinese(letter)).count() > 3
    };
    let different = values.iter().collect::<HashSet<_>>().len();
    !values.is_empty()
        && values.iter().filter(is_text).count() * 2 > values.len()
        && different * 2 > values.len()
}

fn has_classes(values: &[String]) -> bool {
    let different = values.iter().collect::<HashSet<_>>().len();
    different > 1 && different <= (values.len() / 5).clamp(2, 200)
}

/// What stands between labels, if the values are lists of few different ones.
fn separator(values: &[String]) -> Option<char> {
    let whole = values.iter().collect::<HashSet<_>>().len();
    [';', '|', '、', ','].into_iter().find(|&mark| {
        let pieces = values
            .iter()
            .flat_map(|value| value.split(mark).map(str::trim));
        let joined = values.iter().filter(|value| value.contains(mark)).count();
        joined * 20 > values.len() && pieces.collect::<HashSet<_>>().len() < whole
    })
}

/// `word/tag` lines, or a token and its tag a line.
fn plain(text: &str) -> Option<Guess> {
    let lines: Vec<&str> = text
        .lines()
        .take(ROWS)
        .filter(|line| !line.trim().is_empty())
        .collect();
    let words: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .collect();
    let is_tag = |tag: &str| {
        !tag.is_empty() && tag.len() < 6 && tag.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let slashed = |word: &&&str| {
        word.rsplit_once('/')
            .is_some_and(|(_, tag)| is_tag(tag.split(']').next().unwrap_or("")))
    };
    if words.len() > 10 && words.iter().filter(slashed).count() * 10 > words.len() * 9 {
        return Some(Guess::of(Format::TaggedNames, true));
    }
    let is_mark =
        |tag: &str| tag == "O" || tag.split_once('-').is_some_and(|(mark, _)| mark.len() == 1);
    let pair = |line: &&&str| {
        let mut parts = line.split_whitespace();
        parts.next().is_some() && parts.next_back().is_some_and(is_mark)
    };
    (lines.len() > 5 && lines.iter().filter(pair).count() * 10 > lines.len() * 9)
        .then(|| Guess::of(Format::Conll, true))
}
