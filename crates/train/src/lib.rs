//! Training: steps, epochs, and all that makes them safe to stop and to repeat.
//!
//! 1. [`fit`] runs steps and epochs, validates, stops; a [`forecast`] of memory comes before the first step;
//! 2. [`checkpoint`]s hold all that a resumed training needs to end in the same weights, bit for bit, and a [`Lock`]
//!    keeps others out of its folder; [`history`] keeps one line an epoch;
//! 3. [`export`] makes of the trained network what a bundle holds;
//! 4. [`model`] is all of this from Rust, without files.
//!
//! What a task is, this crate does not know: samples are numbers here, and targets numbers, classes, labels or tags.

mod error;
mod files;

pub mod checkpoint;
pub mod export;
pub mod fit;
pub mod forecast;
pub mod history;
mod lock;
pub mod memory;
pub mod model;
pub mod pretrained;
mod priors;

pub use error::Error;
pub use lock::Lock;
pub use model::{Compile, Fit, History, Model, Outputs, Scores, load};
