//! Cleaning, segmenting and numbering texts; what was learnt from the training part travels with the model.
//!
//! The order is always the same: HTML, addresses, Unicode and traditional characters and case, segmentation, punctuation
//! and stop words, stemming, numbers, truncation.

mod alignment;
mod characters;
mod clean;
mod dictionary;
mod encoder;
mod fit;
mod jieba;
mod markup;
mod options;
mod padding;
mod pipeline;
mod preparation;
mod segment;
mod stop_words;
mod subword;
mod vocabulary;

pub use encoder::{Encoder, Tagged, Token};
pub use options::{
    Addresses, Characters, Language, Punctuation, Side, StopWords, TextOptions, Tokenizer,
    TokenizerFile, Trained, Unicode, Words, WordsAndCharacters,
};
pub use padding::place;
pub use preparation::{Learnt, TextPreparation};
pub use vocabulary::{PADDING, UNKNOWN, Vocabulary, unknown_like};

/// The result of work that ends early if its budget does.
type Within<T = ()> = std::result::Result<T, jingwei_bounds::Exceeded>;
