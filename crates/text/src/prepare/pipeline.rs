//! Cleaning and segmentation, before tokens have numbers.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use jingwei_bounds::Budget;
use rust_stemmers::Stemmer;

use crate::Result;
use crate::prepare::clean::{Cleaner, Scratch};
use crate::prepare::jieba::Segmenter;
use crate::prepare::markup::{EMAIL, URL};
use crate::prepare::segment::{self, Flow, Kind};
use crate::prepare::subword::Subwords;
use crate::prepare::{Language, Punctuation, TextOptions, Tokenizer, Unicode, Within, jieba};

/// Bytes of a word that is stemmed: rules copy the word for each letter that they change.
const LONGEST_STEMMED: usize = 256;

/// What segments cleaned text.
pub(super) enum Splitter {
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
    pub(super) cleaner: Cleaner,
    pub(super) splitter: Splitter,
    pub(super) keeps_marks: bool,
    pub(super) stemmer: Option<Stemmer>,
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
        // Nothing exceeds a budget without an end.
        let _ = self
            .cleaner
            .clean(text, &mut scratch, false, &Budget::unlimited());
        scratch.text().to_owned()
    }

    /// Hands the tokens of a text to `emit`, each with its place in the cleaned text, and whether it is a word beside
    /// characters.
    pub(super) fn each(
        &self,
        cleaned: &str,
        mut emit: impl FnMut(&str, Range<usize>, bool) -> Flow,
    ) -> Within {
        self.each_place(cleaned, true, |range, kind, is_word| {
            let token = &cleaned[range.clone()];
            let characters = matches!(self.splitter, Splitter::Both { .. }) && !is_word;
            match self.stemmer_of(token) {
                Some(stemmer) if kind == Kind::Word && !characters => {
                    emit(&stemmer.stem(shown(token)), range, is_word)
                }
                _ => emit(shown(token), range, is_word),
            }
        })
    }

    fn stemmer_of(&self, token: &str) -> Option<&Stemmer> {
        self.stemmer
            .as_ref()
            .filter(|_| token.len() <= LONGEST_STEMMED)
    }

    /// Hands the places of tokens in the cleaned text to `emit`, and whether each is a word beside characters; `kinds` as
    /// [`segment::words`] takes it.
    pub(super) fn each_place(
        &self,
        cleaned: &str,
        kinds: bool,
        mut emit: impl FnMut(Range<usize>, Kind, bool) -> Flow,
    ) -> Within {
        let mut each = |range: Range<usize>, kind: Kind, is_word: bool| {
            if kind == Kind::Mark && !self.keeps_marks {
                return Flow::Continue(());
            }
            emit(range, kind, is_word)
        };
        let flow = match &self.splitter {
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
        finished(flow)
    }

    /// Hands the tokens of a text to `emit`, in the thread's own buffers, and whether each is a word beside characters.
    pub(super) fn tokens_of(&self, text: &str, mut emit: impl FnMut(&str, bool)) {
        let budget = Budget::unlimited();
        // Nothing exceeds a budget without an end.
        let _ = with_scratch(|scratch| -> Within {
            let _loans = self.cleaner.clean(text, scratch, false, &budget)?;
            self.each(scratch.text(), |token, _, is_word| {
                emit(token, is_word);
                Flow::Continue(())
            })
        });
    }

    /// Cleans one token of a text that came in tokens; its place stays, whatever becomes of it.
    pub(super) fn token<R>(
        &self,
        token: &str,
        budget: &Budget,
        read: impl FnOnce(&str) -> R,
    ) -> Within<R> {
        with_scratch(|scratch| -> Within<R> {
            self.cleaner.clean_word(token, scratch, budget)?;
            let word = scratch.text().trim();
            Ok(match self.stemmer_of(word) {
                Some(stemmer) => read(&stemmer.stem(word)),
                None => read(word),
            })
        })
    }
}

/// What became of a text that went to its end or was broken off.
pub(super) fn finished(flow: Flow) -> Within {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(result) => result,
    }
}

/// A thread's buffers; `emit` may itself encode, so they are taken out meanwhile.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.take();
    let result = work(&mut scratch);
    scratch.shrink();
    SCRATCH.set(scratch);
    result
}

/// What a word is called: addresses have names.
pub(super) fn shown(word: &str) -> &str {
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (Some(URL), None) => "<url>",
        (Some(EMAIL), None) => "<email>",
        _ => word,
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
