//! The crate from outside.

mod encodings;
mod preparing;
mod reading;
mod subwords;
