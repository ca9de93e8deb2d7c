//! How a source is read.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::read::Scheme;
use crate::{Error, OnBad, Result};

/// The form of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Columns between commas, the first row naming them (`.csv`).
    Csv,
    /// Columns between tabs (`.tsv`, `.tab`).
    Tsv,
    /// One JSON object a line (`.jsonl`, `.ndjson`): a text and a label, or `tokens` and `tags`.
    JsonLines,
    /// A text a line, without labels (`.txt`).
    Lines,
    /// A folder with a folder for each class, with a text in each `.txt` file.
    Folders,
    /// A token and its tag a line, an empty line between sentences (`.conll`, `.bio`, `.bmes`).
    Conll,
    /// `word/tag word/tag` lines as in the People's Daily corpus, read as characters with names of persons, places and
    /// organisations in BIO tags.
    TaggedNames,
    /// The same lines, read as words with their parts of speech.
    TaggedWords,
}

/// How a source is read: a recipe's keys, with their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// The form of the source; by default the path's ending says it, and a folder holds class folders.
    pub format: Option<Format>,
    /// The column or key of the text.
    pub text: String,
    /// The column or key of the label; `None` reads texts alone.
    pub label: Option<String>,
    /// The character between several labels of one text; `None` means one label each.
    pub label_separator: Option<char>,
    /// How the tags of CoNLL files mark spans; by default it is found out.
    pub scheme: Option<Scheme>,
    /// The encoding's name; by default it is found out.
    pub encoding: Option<String>,
    /// What to do about a bad row.
    pub on_bad: OnBad,
    /// A text with more bytes of UTF-8 is bad.
    pub max_text_bytes: usize,
    /// Texts beyond these bytes go to a temporary file.
    pub memory_bytes: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            text: "text".to_owned(),
            label: Some("label".to_owned()),
            label_separator: None,
            scheme: None,
            encoding: None,
            on_bad: OnBad::Stop,
            max_text_bytes: 1 << 20,
            memory_bytes: 1 << 30,
        }
    }
}

impl ReadOptions {
    pub(super) fn check(&self) -> Result<()> {
        if let Some(name) = &self.encoding {
            crate::encoding::named(name)?;
        }
        if !(16..=1 << 30).contains(&self.max_text_bytes) {
            return Err(Error::setting(
                "max_text_bytes",
                format!(
                    "{} is not between 16 and 1,073,741,824",
                    self.max_text_bytes
                ),
                "leave it out for 1,048,576",
            ));
        }
        if self.label.as_ref() == Some(&self.text) {
            return Err(Error::setting(
                "label",
                format!("`{}` is the text's column too", self.text),
                "name two columns",
            ));
        }
        Ok(())
    }

    pub(super) fn format_of(&self, path: &Path) -> Result<Format> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        if path.is_dir() {
            return Ok(Format::Folders);
        }
        let ending = path.extension().and_then(|ending| ending.to_str());
        Ok(match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Format::Csv,
            Some("tsv" | "tab") => Format::Tsv,
            Some("jsonl" | "ndjson") => Format::JsonLines,
            Some("txt") => Format::Lines,
            Some("conll" | "bio" | "bioes" | "bmes" | "iob") => Format::Conll,
            _ => {
                return Err(Error::setting(
                    "format",
                    format!("{} does not tell it by its ending", path.display()),
                    "set it: csv, tsv, json_lines, lines, folders, conll, tagged_names or tagged_words",
                ));
            }
        })
    }
}
