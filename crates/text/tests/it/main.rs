//! The crate from outside.

mod arbitrary;
mod encodings;
mod extras;
mod preparing;
mod reading;
mod segmenting;
mod subwords;
