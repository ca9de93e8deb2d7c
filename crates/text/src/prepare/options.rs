//! What a recipe's `[prepare.text]` says.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How texts become token ids. The defaults suit Chinese and English.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextOptions {
    /// The Unicode normal form; `nfkc` also makes full-width letters and digits half-width.
    pub unicode: Unicode,
    /// Whether traditional Chinese characters become simplified ones.
    pub simplify: bool,
    /// Whether letters become lower-case.
    pub lowercase: bool,
    /// Whether HTML's tags, comments, scripts and styles go, and its entities become characters.
    pub strip_html: bool,
    /// What becomes of URLs.
    pub urls: Addresses,
    /// What becomes of e-mail addresses.
    pub emails: Addresses,
    /// What becomes of punctuation and symbols.
    pub punctuation: Punctuation,
    /// Words that are left out.
    pub stop_words: StopWords,
    /// The language whose endings are cut off words (Snowball); `None` leaves words as they are.
    pub stemming: Option<Language>,
    /// What a token is, and how the vocabulary is chosen.
    pub tokenizer: Tokenizer,
    /// Tokens of a text that are kept; by default what 99 of 100 training texts need, at most 512, of words and characters
    /// 1,024.
    pub max_length: Option<usize>,
    /// The side on which a text that is too long is cut.
    pub truncate: Side,
    /// The side on which a text that is too short is filled with padding.
    pub pad: Side,
    /// The length that every text is padded or cut to; by default, the longest of its batch says it.
    pub length: Option<usize>,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            unicode: Unicode::Nfkc,
            simplify: true,
            lowercase: true,
            strip_html: true,
            urls: Addresses::Token,
            emails: Addresses::Token,
            punctuation: Punctuation::Keep,
            stop_words: StopWords::default(),
            stemming: None,
            tokenizer: Tokenizer::default(),
            max_length: None,
            truncate: Side::After,
            pad: Side::After,
            length: None,
        }
    }
}

/// A Unicode normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unicode {
    /// Characters stay as they are.
    None,
    /// Letters and their accents are joined.
    Nfc,
    /// The same, and full-width, circled, joined and other variants become the ordinary character.
    Nfkc,
}

/// What becomes of URLs or e-mail addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    /// They stay as they are.
    Keep,
    /// They go.
    Remove,
    /// Each becomes one token, `<url>` or `<email>`.
    Token,
}

/// What becomes of punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Punctuation {
    /// Each mark is a token.
    Keep,
    /// It goes.
    Remove,
}

/// Words that are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StopWords {
    /// Leave out Chinese function words. Negations and degrees stay: they decide what a review means.
    pub chinese: bool,
    /// Leave out English function words, negations excepted.
    pub english: bool,
    /// A file with a word a line to leave out, and lines that begin with `#`.
    pub file: Option<PathBuf>,
}

/// A language whose words can be stemmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    Arabic,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
}

/// A side of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Its beginning.
    Before,
    /// Its end.
    After,
}

/// What a token is, and how the vocabulary is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// Words: jieba's for Chinese, runs of letters and digits for the rest.
    Word(Words),
    /// Characters; spaces become one.
    Character(Characters),
    /// Each word, and after it its characters, as two kinds of tokens: one network can read both, or a branch each.
    WordsAndCharacters(WordsAndCharacters),
    /// Byte-pair encoding, trained on the training part.
    Bpe(Trained),
    /// WordPiece, trained on the training part.
    WordPiece(Trained),
    /// A unigram language model, trained on the training part.
    Unigram(Trained),
    /// A `tokenizer.json` of the `tokenizers` library. Its own rules for characters hold: `unicode`, `simplify` and
    /// `lowercase` are not applied, nor are tokens added at the ends.
    File(TokenizerFile),
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self::Word(Words::default())
    }
}

impl Tokenizer {
    /// The settings of words, if they are tokens.
    pub fn words(&self) -> Option<&Words> {
        match self {
            Self::Word(words) => Some(words),
            Self::WordsAndCharacters(both) => Some(&both.words),
            _ => None,
        }
    }

    /// The settings of characters, if they are tokens.
    pub fn characters(&self) -> Option<&Characters> {
        match self {
            Self::Character(characters) => Some(characters),
            Self::WordsAndCharacters(both) => Some(&both.characters),
            _ => None,
        }
    }
}

impl Tokenizer {
    fn files_mut(&mut self) -> Vec<(&'static str, &mut PathBuf)> {
        match self {
            Self::Word(words) => words.files_mut(),
            Self::WordsAndCharacters(WordsAndCharacters {
                words,
                characters:
                    Characters {
                        min_frequency: _,
                        max_vocabulary: _,
                    },
            }) => words.files_mut(),
            Self::Character(Characters {
                min_frequency: _,
                max_vocabulary: _,
            })
            | Self::Bpe(Trained {
                max_vocabulary: _,
                min_frequency: _,
            })
            | Self::WordPiece(Trained {
                max_vocabulary: _,
                min_frequency: _,
            })
            | Self::Unigram(Trained {
                max_vocabulary: _,
                min_frequency: _,
            }) => Vec::new(),
            Self::File(TokenizerFile { path }) => vec![("tokenizer", path)],
        }
    }
}

impl Words {
    fn files_mut(&mut self) -> Vec<(&'static str, &mut PathBuf)> {
        let Self {
            min_frequency: _,
            max_vocabulary: _,
            dictionary,
            guess_new_words: _,
        } = self;
        let dictionary = dictionary.as_mut().map(|path| ("dictionary", path));
        dictionary.into_iter().collect()
    }
}

/// Settings of words as tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// Rarer words are unknown.
    pub min_frequency: u64,
    /// The most frequent words are known: so many ids in all, padding and unknown included.
    pub max_vocabulary: usize,
    /// An own dictionary beside jieba's: `word`, `word frequency` or `word frequency tag` a line.
    pub dictionary: Option<PathBuf>,
    /// Whether words that are in no dictionary are guessed from their characters.
    pub guess_new_words: bool,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            min_frequency: 2,
            max_vocabulary: 20_000,
            dictionary: None,
            guess_new_words: true,
        }
    }
}

/// Settings of characters as tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Characters {
    /// Rarer characters are unknown.
    pub min_frequency: u64,
    /// The most frequent characters are known: so many ids in all, padding and unknown included.
    pub max_vocabulary: usize,
}

impl Default for Characters {
    fn default() -> Self {
        Self {
            min_frequency: 2,
            max_vocabulary: 10_000,
        }
    }
}

/// Settings of words and characters as tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WordsAndCharacters {
    /// The words.
    pub words: Words,
    /// The characters.
    pub characters: Characters,
}

/// Settings of a tokenizer that is trained on the spot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trained {
    /// Pieces in all, padding and unknown included.
    pub max_vocabulary: usize,
    /// Rarer pairs are not joined (not for unigram).
    pub min_frequency: u64,
}

impl Default for Trained {
    fn default() -> Self {
        Self {
            max_vocabulary: 8_000,
            min_frequency: 2,
        }
    }
}

/// A tokenizer from elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerFile {
    /// The `tokenizer.json`.
    pub path: PathBuf,
}

/// No vocabulary has more ids.
pub(crate) const MOST_IDS: usize = 5_000_000;
/// No text is longer after preparation.
pub(crate) const MOST_TOKENS: usize = 1 << 20;

impl TextOptions {
    /// Joins the paths of files to the folder that they begin at.
    pub fn begin_paths_at(&mut self, folder: &Path) {
        for (_, path) in self.files_mut() {
            *path = folder.join(&*path);
        }
    }

    /// The files that the settings name, each with what it is. Every field is spelled out, so that one that names a file
    /// cannot be forgotten.
    pub fn files_mut(&mut self) -> Vec<(&'static str, &mut PathBuf)> {
        let Self {
            unicode: _,
            simplify: _,
            lowercase: _,
            strip_html: _,
            urls: _,
            emails: _,
            punctuation: _,
            stop_words,
            stemming: _,
            tokenizer,
            max_length: _,
            truncate: _,
            pad: _,
            length: _,
        } = self;
        let StopWords {
            chinese: _,
            english: _,
            file,
        } = stop_words;
        let stop_words = file.as_mut().map(|file| ("list of stop words", file));
        tokenizer
            .files_mut()
            .into_iter()
            .chain(stop_words)
            .collect()
    }

    /// The most tokens of a text that are kept where the settings do not say it.
    pub(super) fn longest(&self) -> usize {
        match self.tokenizer {
            Tokenizer::WordsAndCharacters(_) => 1024,
            _ => 512,
        }
    }

    /// Tokens of a text that are kept, as far as the settings say it.
    pub(super) fn most_tokens(&self) -> Option<usize> {
        match (self.max_length, self.length) {
            (Some(most), Some(length)) => Some(most.min(length)),
            (most, length) => most.or(length),
        }
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// Names the setting that is out of its bounds.
    pub fn check(&self) -> Result<()> {
        let trained = match &self.tokenizer {
            Tokenizer::Bpe(trained)
            | Tokenizer::WordPiece(trained)
            | Tokenizer::Unigram(trained) => Some(trained),
            _ => None,
        };
        let words = self.tokenizer.words();
        let characters = self.tokenizer.characters();
        let chosen = [
            words.map(|words| (words.max_vocabulary, words.min_frequency)),
            characters.map(|characters| (characters.max_vocabulary, characters.min_frequency)),
            trained.map(|trained| (trained.max_vocabulary, trained.min_frequency)),
        ];
        for (vocabulary, frequency) in chosen.into_iter().flatten() {
            if !(3..=MOST_IDS).contains(&vocabulary) {
                return Err(Error::setting(
                    "max_vocabulary",
                    format!("{vocabulary} is not between 3 and {MOST_IDS}"),
                    "20000 is usual for words",
                ));
            }
            if frequency == 0 {
                return Err(Error::setting(
                    "min_frequency",
                    "0 means nothing",
                    "write 1 to know every word",
                ));
            }
        }
        let (words, whole) = (words.is_some(), words.is_some() || characters.is_some());
        for (name, asked, possible) in [
            ("stemming", self.stemming.is_some(), words),
            ("stop_words", self.stop_words != StopWords::default(), whole),
            (
                "punctuation",
                self.punctuation == Punctuation::Remove,
                whole,
            ),
        ] {
            if asked && !possible {
                let cause = "it needs whole words, and the tokenizer has pieces";
                return Err(Error::setting(
                    name,
                    cause,
                    "leave it out, or use words as tokens",
                ));
            }
        }
        let bounded = |length: usize| (1..=MOST_TOKENS).contains(&length);
        if let Some(length) = self.length.filter(|&length| !bounded(length)) {
            return Err(Error::setting(
                "length",
                format!("{length} is not between 1 and {MOST_TOKENS}"),
                "leave it out to pad each batch to its longest text",
            ));
        }
        match self.max_length {
            Some(length) if !(1..=MOST_TOKENS).contains(&length) => Err(Error::setting(
                "max_length",
                format!("{length} is not between 1 and {MOST_TOKENS}"),
                "leave it out to fit it to the training part",
            )),
            _ => Ok(()),
        }
    }
}
