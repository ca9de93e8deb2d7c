//! Moving elements without changing them: transposing, slicing, padding, concatenating, repeating,
//! and picking rows.

mod rows;
mod strided;

pub use rows::{gather, gather_backward};
pub use strided::StridedCopy;
