//! The crate from outside.

mod arbitrary;
mod encodings;
mod extras;
mod linear;
mod preparing;
mod reading;
mod segmenting;
mod subwords;
