//! Files that are written whole or not at all, and their hashes.

mod hash;
mod write;

pub use hash::{hash, hexadecimal};
pub use write::{create, replace};
