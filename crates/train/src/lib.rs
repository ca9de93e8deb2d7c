//! Training: from a recipe to a fitted, measured, reusable model.
//!
//! In the order of the journey:
//!
//! 1. a [`recipe`] says what is trained on what; [`init`](mod@init) writes a first one, [`check`](mod@check) and
//!    [`estimate`](mod@estimate) tell beforehand whether it can be trained and what it takes, by the same [`forecast`] of
//!    memory that training begins with;
//! 2. [`fit`] runs steps and epochs, validates, stops; [`checkpoint`]s hold all that a resumed training needs to end in
//!    the same weights, bit for bit;
//! 3. [`metrics`] turns predictions into figures, [`history`] keeps one line an epoch, [`tensorboard`] writes the same
//!    for TensorBoard, and [`report`] renders everything as one HTML file that needs no network;
//! 4. [`run`] does all of it in a run folder and ends in a bundle; [`model`] is the same from Rust, without files.

mod error;
mod files;

pub mod baseline;
pub mod check;
pub mod checkpoint;
pub mod estimate;
pub mod fit;
pub mod forecast;
pub mod history;
mod inference;
pub mod init;
mod lock;
pub mod memory;
pub mod model;
pub mod pretrained;
mod priors;
pub mod recipe;
pub mod run;

pub use error::Error;
pub use lock::Lock;
pub use model::{Compile, Fit, History, Model, Outputs, Scores, load};
