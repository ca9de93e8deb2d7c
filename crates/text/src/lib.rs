//! From the bytes of text files to token ids.
//!
//! The modules stand in the order in which text travels:
//!
//! 1. [`encoding`] turns bytes into characters: UTF-8, UTF-16, GBK and GB18030, found out by themselves;
//! 2. [`read`] turns files into texts with labels or tags, and lists every row that it could not use;
//! 3. [`duplicates`] finds texts that come more than once, so that no split tears them apart;
//! 4. [`prepare`] cleans, segments and numbers texts; what it learnt from the training part travels with the model;
//! 5. [`vectors`] finds pretrained vectors for the vocabulary;
//! 6. [`augment`] changes the ids of training texts at random;
//! 7. [`statistics`] says what texts are like.
//!
//! Nothing here knows a model. Everything is deterministic, whatever the number of threads.
#![forbid(unsafe_code)]

pub mod augment;
pub mod duplicates;
pub mod encoding;
mod error;
pub mod prepare;
pub mod read;
pub mod statistics;
pub mod table;
pub mod vectors;

pub use error::{Error, OnBad, Quarantined, Result};
