//! What was learnt from the training part: it travels in the bundle.

use serde::{Deserialize, Serialize};

use crate::prepare::options::{MOST_TOKENS, TextOptions, Tokenizer};
use crate::prepare::{Vocabulary, jieba, subword};
use crate::{Error, Result};

/// How texts of the training part turned out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learnt {
    /// Texts of the training part.
    pub texts: u64,
    /// Their tokens, before truncation.
    pub tokens: u64,
    /// Tokens among them that the vocabulary does not know.
    pub unknown: u64,
    /// Different tokens among them.
    pub distinct: u64,
    /// Texts among them without a single token.
    pub empty: u64,
    /// Texts among them that are longer than `max_length`.
    pub cut: u64,
}

/// A fitted preparation of texts: settings, vocabulary, and everything else that encoding needs, files included.
///
/// It is plain data. [`crate::prepare::Encoder`] makes it ready for use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextPreparation {
    /// The settings it was fitted with.
    pub options: TextOptions,
    /// Tokens of a text that are kept.
    pub max_length: usize,
    /// The known tokens.
    pub vocabulary: Vocabulary,
    /// Words that are left out, cleaned as texts are.
    pub stop_words: Vec<String>,
    /// The content of the own dictionary, empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dictionary: String,
    /// The trained or given `tokenizer.json`, empty if tokens are words or characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tokenizer: String,
    /// How the training part turned out.
    pub learnt: Learnt,
}

/// Bytes that a dictionary or a `tokenizer.json` may have.
const MOST_BYTES: usize = 256 << 20;

impl TextPreparation {
    /// Checks a preparation that was read from a file that anybody may have written.
    ///
    /// # Errors
    /// Names what is out of its bounds.
    pub fn check(&self) -> Result<()> {
        let wrong =
            |cause: String| Error::content("text preparation", cause, "make the bundle anew");
        self.options.check()?;
        let kinds = matches!(self.options.tokenizer, Tokenizer::WordsAndCharacters(_));
        if kinds != self.vocabulary.first_word().is_some() {
            return Err(wrong(
                "its vocabulary is not of its tokenizer's kinds".to_owned(),
            ));
        }
        self.vocabulary.check()?;
        if !(1..=MOST_TOKENS).contains(&self.max_length) {
            return Err(wrong(format!("`max_length` is {}", self.max_length)));
        }
        if self.dictionary.len() > MOST_BYTES || self.tokenizer.len() > MOST_BYTES {
            return Err(wrong(format!(
                "a dictionary or tokenizer of more than {MOST_BYTES} bytes"
            )));
        }
        if self.stop_words.len() > 1_000_000 {
            return Err(wrong(format!("{} stop words", self.stop_words.len())));
        }
        let subwords = self.is_subword();
        if subwords == self.tokenizer.is_empty() {
            return Err(wrong(
                "its tokenizer is missing, or is there without need".to_owned(),
            ));
        }
        if subwords {
            subword::load(&self.tokenizer, &self.vocabulary)?;
        }
        jieba::entries(&self.dictionary, "dictionary").map(|_| ())
    }

    /// How many ids there are, padding and unknown included.
    pub fn ids(&self) -> usize {
        self.vocabulary.ids()
    }

    /// The share of the training part's tokens that the vocabulary does not know.
    pub fn unknown_share(&self) -> f64 {
        self.learnt.unknown as f64 / self.learnt.tokens.max(1) as f64
    }

    pub(super) fn is_subword(&self) -> bool {
        let tokenizer = &self.options.tokenizer;
        tokenizer.words().is_none() && tokenizer.characters().is_none()
    }
}
