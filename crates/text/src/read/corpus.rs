//! What reading gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Quarantined;
use crate::read::Texts;

/// What the texts of a corpus shall be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// Nothing: they are there to be predicted.
    None,
    /// One of several classes each.
    Classes {
        /// The classes in the order of their numbers: ascending by name.
        names: Vec<String>,
        /// A class number for each text.
        labels: Vec<u32>,
    },
    /// Any number of several classes each.
    Many {
        /// The classes in the order of their numbers: ascending by name.
        names: Vec<String>,
        /// The class numbers of each text, ascending, without repetition.
        labels: Vec<Vec<u32>>,
    },
    /// A tag for each token; the text then is the tokens with a line feed between them.
    Tags {
        /// The tags in the order of their numbers: ascending by name, `O` first if there is one.
        names: Vec<String>,
        /// The tag numbers of each text, as many as it has tokens.
        tags: Vec<Vec<u32>>,
    },
}

impl Labels {
    /// The names of classes or tags, in the order of their numbers.
    pub fn classes(&self) -> Option<&[String]> {
        match self {
            Self::None => None,
            Self::Classes { names, .. } | Self::Many { names, .. } | Self::Tags { names, .. } => {
                Some(names)
            }
        }
    }
}

/// Where the texts came from: a file and a line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// The files, each with the index of its first text, ascending.
    pub(super) files: Vec<(usize, PathBuf)>,
    /// The line on which each text begins, the first being 1.
    pub(super) lines: Vec<u32>,
}

impl Origins {
    /// The file of the text at `index`, and the line on which it begins.
    pub fn place(&self, index: usize) -> (&Path, u32) {
        let file = self.files.partition_point(|file| file.0 <= index) - 1;
        (&self.files[file].1, self.lines[index])
    }

    /// The same in words: `reviews.csv, line 7`.
    pub fn describe(&self, index: usize) -> String {
        let (file, line) = self.place(index);
        format!("{}, line {line}", file.display())
    }
}

/// Every row of a source, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counts {
    /// Rows that the source has: `kept + set_aside`.
    pub rows: u64,
    /// Rows that became texts.
    pub kept: u64,
    /// Rows that were set aside.
    pub set_aside: u64,
    /// The same by cause.
    pub causes: BTreeMap<String, u64>,
    /// Labels that had spaces around them, which were cut off.
    pub trimmed_labels: u64,
    /// Tags that were spelled in another way and were rewritten (`M-` as `I-`, IOB1 as BIO).
    pub rewritten_tags: u64,
}

/// Texts with their labels, origins, and an account of every row.
#[derive(Debug)]
pub struct Corpus {
    /// The texts.
    pub texts: Texts,
    /// Their labels, as many.
    pub labels: Labels,
    /// Where they came from.
    pub origins: Origins,
    /// The rows that were set aside; at most [`Corpus::LISTED`] of them, [`Counts::set_aside`] counts all.
    pub quarantine: Vec<Quarantined>,
    /// Every row, counted.
    pub counts: Counts,
    /// The encodings of the files, in the order of reading, each once.
    pub encodings: Vec<String>,
    /// What a person should know: a class with one example, text that is nothing but emoji.
    pub notes: Vec<String>,
}

impl Corpus {
    /// At most so many rows are listed one by one.
    pub const LISTED: usize = 10_000;

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}
