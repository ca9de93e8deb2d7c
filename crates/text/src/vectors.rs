//! Pretrained word vectors, for the words of a vocabulary.

mod npy;
mod text;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::prepare::Vocabulary;
use crate::{Error, Result};

/// Numbers a vector may have.
const WIDEST: usize = 8_192;
/// Numbers that all vectors of a vocabulary may have.
const MOST: usize = 1 << 31;

/// Where pretrained vectors are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorFile {
    /// A text file as word2vec and GloVe write it, or an `.npy` file of `[words, width]`.
    pub path: PathBuf,
    /// For an `.npy` file, the list of its words, one a line, in the order of its rows.
    #[serde(default)]
    pub vocabulary: Option<PathBuf>,
}

/// Vectors for the ids of a vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Numbers of a vector.
    pub width: usize,
    /// `ids × width`; rows of words that have no vector are zero.
    pub rows: Vec<f32>,
    /// Whether each id has a vector.
    pub found: Vec<bool>,
    /// The most frequent words that have none, at most 50.
    pub missing: Vec<String>,
}

impl Vectors {
    /// How many words of the vocabulary have a vector.
    pub fn found(&self) -> usize {
        self.found.iter().filter(|found| **found).count()
    }
}

impl VectorFile {
    /// Reads the vectors of the vocabulary's words; the rest of the file does not stay in memory.
    ///
    /// A word without a vector takes that of the same word in other case.
    ///
    /// # Errors
    /// If a file cannot be read, is cut short, or holds something else than finite numbers.
    pub fn load(&self, vocabulary: &Vocabulary) -> Result<Vectors> {
        let npy = self
            .path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("npy"));
        match (&self.vocabulary, npy) {
            (Some(words), true) => npy::load(&self.path, words, vocabulary),
            (None, true) => Err(Error::setting(
                "embedding.words",
                "an .npy file has no words",
                "name the file with its words, one a line",
            )),
            (Some(_), false) => Err(Error::setting(
                "embedding.words",
                "a text file of vectors has its words itself",
                "leave it out",
            )),
            (None, false) => text::load(&self.path, vocabulary),
        }
    }
}

/// Takes vectors as they come and keeps those that are wanted.
struct Gatherer<'a> {
    vocabulary: &'a Vocabulary,
    ids: HashMap<&'a str, usize, FxBuildHasher>,
    width: usize,
    rows: Vec<f32>,
    /// 0 for none, 1 for the same word in other case, 2 for the word itself.
    found: Vec<u8>,
}

impl<'a> Gatherer<'a> {
    fn new(vocabulary: &'a Vocabulary, width: usize, place: &Path) -> Result<Self> {
        if !(1..=WIDEST).contains(&width) || width * vocabulary.ids() > MOST {
            let cause = format!("vectors of {width} numbers for {} words", vocabulary.ids());
            return Err(Error::content(
                place.display(),
                cause,
                "take narrower vectors or fewer words",
            ));
        }
        let words = vocabulary.words().iter().enumerate();
        Ok(Self {
            vocabulary,
            ids: words
                .map(|(index, word)| (word.as_str(), index + 2))
                .collect(),
            width,
            rows: vec![0.0; vocabulary.ids() * width],
            found: vec![0; vocabulary.ids()],
        })
    }

    /// The row that a word's vector shall go to, if it is wanted.
    fn row(&mut self, word: &str) -> Option<&mut [f32]> {
        let (id, quality) = match self.ids.get(word) {
            Some(&id) => (id, 2),
            None => (*self.ids.get(word.to_lowercase().as_str())?, 1),
        };
        if self.found[id] >= quality {
            return None;
        }
        self.found[id] = quality;
        Some(&mut self.rows[id * self.width..(id + 1) * self.width])
    }

    fn finish(self) -> Vectors {
        let words = self.vocabulary.words().iter().zip(&self.found[2..]);
        let missing = words
            .filter(|(_, found)| **found == 0)
            .map(|(word, _)| word.clone());
        Vectors {
            width: self.width,
            missing: missing.take(50).collect(),
            found: self.found.iter().map(|found| *found > 0).collect(),
            rows: self.rows,
        }
    }
}
