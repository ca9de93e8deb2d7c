//! A preparation made ready for use.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rust_stemmers::Stemmer;

use crate::prepare::clean::{Cleaner, Scratch};
use crate::prepare::jieba::Segmenter;
use crate::prepare::markup::{EMAIL, URL};
use crate::prepare::segment::{self, Kind};
use crate::prepare::subword::{self, Subwords};
use crate::prepare::vocabulary::{Index, LEFT_OUT, SPECIAL, UNKNOWN_WORD};
use crate::prepare::{
    Language, Punctuation, Side, TextOptions, TextPreparation, Tokenizer, UNKNOWN, Unicode, jieba,
};
use crate::{Error, Result};

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token after cleaning and stemming; `<url>` and `<email>` stand for addresses.
    pub text: String,
    /// Where it begins in the original text, in bytes.
    pub start: usize,
    /// Where it ends in the original text, in bytes.
    pub end: usize,
    /// Its number.
    pub id: u32,
}

/// One word of a text with its part of speech.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The word after cleaning.
    pub text: String,
    /// Where it begins in the original text, in bytes.
    pub start: usize,
    /// Where it ends in the original text, in bytes.
    pub end: usize,
    /// Its part of speech as jieba's dictionary has it: `n` noun, `v` verb, `nr` person, `eng` Latin letters, `x` mark.
    pub part_of_speech: String,
}

/// What segments cleaned text.
enum Splitter {
    Words {
        segmenter: Arc<Segmenter>,
        guess: bool,
    },
    Characters,
    /// Words, each with its characters after it.
    Both {
        segmenter: Arc<Segmenter>,
        guess: bool,
    },
    Subwords(Box<Subwords>),
}

/// Cleaning and segmentation, before words have numbers.
pub(super) struct Pipeline {
    cleaner: Cleaner,
    splitter: Splitter,
    keeps_marks: bool,
    stemmer: Option<Stemmer>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

impl Pipeline {
    pub(super) fn new(options: &TextOptions, dictionary: &str) -> Result<Self> {
        let tokenizer = &options.tokenizer;
        let splitter = match tokenizer.words() {
            None => Splitter::Characters,
            Some(words) => {
                let guess = words.guess_new_words;
                let segmenter = if dictionary.is_empty() {
                    jieba::shared()
                } else {
                    jieba::with_dictionary(dictionary)?
                };
                match tokenizer.characters() {
                    None => Splitter::Words { segmenter, guess },
                    Some(_) => Splitter::Both { segmenter, guess },
                }
            }
        };
        let words = tokenizer.words().is_some();
        // A tokenizer from elsewhere has its own rules for characters.
        let given = matches!(options.tokenizer, Tokenizer::File(_));
        let cleaner = if given {
            Cleaner::new(&TextOptions {
                unicode: Unicode::None,
                simplify: false,
                lowercase: false,
                ..options.clone()
            })
        } else {
            Cleaner::new(options)
        };
        Ok(Self {
            cleaner,
            splitter,
            keeps_marks: options.punctuation == Punctuation::Keep,
            stemmer: options.stemming.filter(|_| words).map(stemmer),
        })
    }

    /// Cleans a text for a tokenizer that segments by itself.
    pub(super) fn cleaned(&self, text: &str) -> String {
        let mut scratch = Scratch::default();
        self.cleaner.clean(text, &mut scratch, false);
        scratch.text().to_owned()
    }

    /// Hands the tokens of a text to `emit`, each with its place in the cleaned text, and whether it is a word beside
    /// characters.
    fn each(
        &self,
        cleaned: &str,
        mut emit: impl FnMut(&str, Range<usize>, bool) -> ControlFlow<()>,
    ) {
        self.each_place(cleaned, true, |range, kind, is_word| {
            let token = &cleaned[range.clone()];
            let characters = matches!(self.splitter, Splitter::Both { .. }) && !is_word;
            match &self.stemmer {
                Some(stemmer) if kind == Kind::Word && !characters => {
                    emit(&stemmer.stem(shown(token)), range, is_word)
                }
                _ => emit(shown(token), range, is_word),
            }
        });
    }

    /// Hands the places of tokens in the cleaned text to `emit`, and whether each is a word beside characters; `kinds` as
    /// [`segment::words`] takes it.
    fn each_place(
        &self,
        cleaned: &str,
        kinds: bool,
        mut emit: impl FnMut(Range<usize>, Kind, bool) -> ControlFlow<()>,
    ) {
        let mut each = |range: Range<usize>, kind: Kind, is_word: bool| {
            if kind == Kind::Mark && !self.keeps_marks {
                return ControlFlow::Continue(());
            }
            emit(range, kind, is_word)
        };
        // Whether it went to its end does not matter here.
        let _ = match &self.splitter {
            Splitter::Words { segmenter, guess } => {
                segment::words(cleaned, segmenter, *guess, kinds, |range, kind| {
                    each(range, kind, false)
                })
            }
            Splitter::Both { segmenter, guess } => {
                segment::words_and_characters(cleaned, segmenter, *guess, each)
            }
            _ => segment::characters(cleaned, |range, kind| each(range, kind, false)),
        };
    }

    /// Hands the tokens of a text to `emit`, in the thread's own buffers, and whether each is a word beside characters.
    pub(super) fn tokens_of(&self, text: &str, mut emit: impl FnMut(&str, bool)) {
        with_scratch(|scratch| {
            self.cleaner.clean(text, scratch, false);
            self.each(scratch.text(), |token, _, is_word| {
                emit(token, is_word);
                ControlFlow::Continue(())
            });
        });
    }

    /// Cleans one token of a text that came in tokens; its place stays, whatever becomes of it.
    pub(super) fn token<R>(&self, token: &str, read: impl FnOnce(&str) -> R) -> R {
        with_scratch(|scratch| {
            self.cleaner.clean_word(token, scratch);
            match &self.stemmer {
                Some(stemmer) => read(&stemmer.stem(scratch.text().trim())),
                None => read(scratch.text().trim()),
            }
        })
    }
}

/// A thread's buffers; `emit` may itself encode, so they are taken out meanwhile.
fn with_scratch<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.take();
    let result = work(&mut scratch);
    scratch.shrink();
    SCRATCH.set(scratch);
    result
}

fn go_on(yes: bool) -> ControlFlow<()> {
    if yes {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

fn shown(word: &str) -> &str {
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (Some(URL), None) => "<url>",
        (Some(EMAIL), None) => "<email>",
        _ => word,
    }
}

/// A preparation with its dictionary loaded: turns texts into ids, on any number of threads at once.
pub struct Encoder {
    pipeline: Pipeline,
    preparation: Arc<TextPreparation>,
    index: Index,
    /// The words beside characters, and the id of unknown ones.
    words: Option<(Index, u32)>,
}

impl Encoder {
    /// Makes a preparation ready; the first that needs jieba's dictionary loads it, all share it.
    ///
    /// # Errors
    /// If the preparation's dictionary or tokenizer is wrong.
    pub fn new(preparation: impl Into<Arc<TextPreparation>>) -> Result<Self> {
        let preparation = preparation.into();
        let mut pipeline = Pipeline::new(&preparation.options, &preparation.dictionary)?;
        if preparation.is_subword() {
            let subwords = subword::load(&preparation.tokenizer, &preparation.vocabulary)?;
            pipeline.splitter = Splitter::Subwords(Box::new(subwords));
        }
        let placeholders = [URL, EMAIL].map(String::from);
        let aliases = placeholders
            .each_ref()
            .map(|placeholder| (placeholder.as_str(), shown(placeholder)));
        let vocabulary = &preparation.vocabulary;
        let (tokens, words) = vocabulary.kinds();
        let index = |tokens, first| Index::new(tokens, first, &preparation.stop_words, &aliases);
        let unknown = vocabulary.first_word();
        Ok(Self {
            index: index(tokens, SPECIAL),
            words: unknown.map(|unknown| (index(words, unknown as usize + 1), unknown)),
            pipeline,
            preparation,
        })
    }

    /// The preparation that it was made from.
    pub fn preparation(&self) -> &TextPreparation {
        &self.preparation
    }

    /// Replaces `ids` by the ids of a text, at most `max_length`. A text of which nothing is left has one, unknown.
    pub fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        ids.clear();
        let most = match self.preparation.options.truncate {
            Side::After => self.preparation.max_length,
            Side::Before => usize::MAX,
        };
        with_scratch(|scratch| {
            self.pipeline.cleaner.clean(text, scratch, false);
            if let Splitter::Subwords(subwords) = &self.pipeline.splitter {
                subwords.encode(scratch.text(), |id, _| ids.push(id));
            } else {
                self.encode_words(scratch, most, ids);
            }
        });
        self.cut(ids);
    }

    /// The id of a token that was cleaned.
    fn id(&self, token: &str, is_word: bool) -> u32 {
        match &self.words {
            Some((index, unknown)) if is_word => match index.id(token) {
                UNKNOWN => *unknown,
                id => id,
            },
            _ => self.index.id(token),
        }
    }

    fn encode_words(&self, scratch: &mut Scratch, most: usize, ids: &mut Vec<u32>) {
        if self.pipeline.stemmer.is_some() || self.words.is_some() {
            self.pipeline.each(scratch.text(), |token, _, is_word| {
                let id = self.id(token, is_word);
                if id != LEFT_OUT {
                    ids.push(id);
                }
                go_on(ids.len() < most)
            });
            return;
        }
        // Which words are left out is not known before they are looked up.
        let most = if self.preparation.stop_words.is_empty() {
            most
        } else {
            usize::MAX
        };
        let mut places = std::mem::take(&mut scratch.places);
        places.clear();
        self.pipeline
            .each_place(scratch.text(), !self.pipeline.keeps_marks, |range, _, _| {
                places.push((range.start as u32, range.end as u32));
                go_on(places.len() < most)
            });
        self.index.ids(scratch.text(), &places, ids);
        scratch.places = places;
    }

    /// Replaces `ids` by the ids of a text that came in tokens: one for each, at most `max_length`.
    pub fn encode_tokens<S: AsRef<str>>(&self, tokens: &[S], ids: &mut Vec<u32>) {
        ids.clear();
        ids.extend(tokens.iter().map(|token| {
            let id = self
                .pipeline
                .token(token.as_ref(), |word| self.index.id(word));
            if id == LEFT_OUT { UNKNOWN } else { id }
        }));
        self.cut(ids);
    }

    fn cut(&self, ids: &mut Vec<u32>) {
        let most = self.preparation.max_length;
        if ids.len() > most {
            match self.preparation.options.truncate {
                Side::After => ids.truncate(most),
                Side::Before => drop(ids.drain(..ids.len() - most)),
            }
        }
        if ids.is_empty() {
            ids.push(UNKNOWN);
        }
    }

    /// All tokens of a text with their places in it, before truncation, for reports and for tagging.
    pub fn tokens(&self, text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        with_scratch(|scratch| {
            self.pipeline.cleaner.clean(text, scratch, true);
            let mut push = |text: &str, range: Range<usize>, id: u32| {
                let source = scratch.source(range);
                tokens.push(Token {
                    text: text.to_owned(),
                    start: source.start,
                    end: source.end,
                    id,
                });
            };
            if let Splitter::Subwords(subwords) = &self.pipeline.splitter {
                let cleaned = scratch.text();
                subwords.encode(cleaned, |id, range| {
                    push(&cleaned[range.clone()], range, id)
                });
            } else {
                self.pipeline.each(scratch.text(), |token, range, is_word| {
                    let id = self.id(token, is_word);
                    if id != LEFT_OUT {
                        push(token, range, id);
                    }
                    ControlFlow::Continue(())
                });
            }
        });
        tokens
    }

    /// The words of a text with their parts of speech, nothing left out.
    ///
    /// # Errors
    /// If tokens are not words.
    pub fn parts_of_speech(&self, text: &str) -> Result<Vec<Tagged>> {
        let (Splitter::Words { segmenter, guess } | Splitter::Both { segmenter, guess }) =
            &self.pipeline.splitter
        else {
            let cause = "parts of speech are of words, and the tokens are not";
            return Err(Error::setting("tokenizer", cause, "use words as tokens"));
        };
        let mut words = Vec::new();
        with_scratch(|scratch| {
            self.pipeline.cleaner.clean(text, scratch, true);
            let cleaned = scratch.text();
            let known: HashMap<(usize, usize), &str> = segmenter
                .jieba()
                .tag(cleaned, *guess)
                .into_iter()
                .map(|tag| ((tag.byte_start, tag.byte_end), tag.tag))
                .collect();
            let _ = segment::words(cleaned, segmenter, *guess, true, |range, kind| {
                let word = &cleaned[range.clone()];
                let other = || match kind {
                    Kind::Word if word.chars().any(char::is_alphabetic) => "eng",
                    Kind::Word => "m",
                    Kind::Mark | Kind::Space => "x",
                };
                let part = known
                    .get(&(range.start, range.end))
                    .copied()
                    .unwrap_or_else(other);
                let source = scratch.source(range);
                words.push(Tagged {
                    text: shown(word).to_owned(),
                    start: source.start,
                    end: source.end,
                    part_of_speech: part.to_owned(),
                });
                ControlFlow::Continue(())
            });
        });
        Ok(words)
    }

    /// The tokens of ids, padding left out, with what parts words in their language between them; of words and
    /// characters, the words if there are any.
    pub fn decode(&self, ids: &[u32]) -> String {
        if let Splitter::Subwords(subwords) = &self.pipeline.splitter {
            return subwords.decode(ids);
        }
        let vocabulary = &self.preparation.vocabulary;
        let first_word = vocabulary.first_word().unwrap_or(u32::MAX);
        let first = match ids.iter().any(|&id| id >= first_word) {
            true => first_word,
            false => UNKNOWN,
        };
        let spaced = matches!(self.pipeline.splitter, Splitter::Words { .. }) || first > UNKNOWN;
        let mut text = String::new();
        for &id in ids.iter().filter(|&&id| id >= first) {
            let word = vocabulary.word(id).unwrap_or(UNKNOWN_WORD);
            let latin = |c: Option<char>| c.is_some_and(|c| c < '\u{2e80}');
            if spaced && latin(text.chars().last()) && latin(word.chars().next()) {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }
}

fn stemmer(language: Language) -> Stemmer {
    use rust_stemmers::Algorithm;
    Stemmer::create(match language {
        Language::Arabic => Algorithm::Arabic,
        Language::Danish => Algorithm::Danish,
        Language::Dutch => Algorithm::Dutch,
        Language::English => Algorithm::English,
        Language::Finnish => Algorithm::Finnish,
        Language::French => Algorithm::French,
        Language::German => Algorithm::German,
        Language::Greek => Algorithm::Greek,
        Language::Hungarian => Algorithm::Hungarian,
        Language::Italian => Algorithm::Italian,
        Language::Norwegian => Algorithm::Norwegian,
        Language::Portuguese => Algorithm::Portuguese,
        Language::Romanian => Algorithm::Romanian,
        Language::Russian => Algorithm::Russian,
        Language::Spanish => Algorithm::Spanish,
        Language::Swedish => Algorithm::Swedish,
        Language::Tamil => Algorithm::Tamil,
        Language::Turkish => Algorithm::Turkish,
    })
}
