//! The one artifact of Jingwei: a trained model that can be read, checked, moved and run anywhere.
//!
//! A bundle is a folder: `model.safetensors` holds the numbers, `jingwei.json` everything that gives them meaning (see
//! `docs/bundle-format.md`). In the order in which a model travels:
//!
//! 1. [`write()`] puts a trained function, its preparation and some recorded predictions into a folder, whole or not at
//!    all;
//! 2. [`Bundle::load`] reads it back, runs no code of it, trusts nothing in it and bounds every size before it
//!    allocates;
//! 3. [`Bundle::verify`] prepares the recorded records and computes their predictions again, and compares them;
//! 4. a [`Predictor`] answers from prepared numbers or from raw [`Record`]s, on many threads at once.

mod answers;
mod bundle;
mod check;
mod error;
mod files;
mod foresee;
mod hash;
mod limits;
mod manifest;
mod predictor;
mod record;
mod recorded;
mod runner;
mod samples;
mod seal;
mod tensors;
mod verify;
mod write;

pub use jingwei_graph::Dim;

pub use answers::{Class, Column, Form, Labels, Prediction, TaggedToken, Tags, Values, short};
pub use bundle::Bundle;
pub use error::{Error, Result};
pub use foresee::foresee;
pub use hash::weights_hash;
pub use limits::Limits;
pub use manifest::{
    FORMAT, InputEntry, Manifest, OutputEntry, OutputKind, Reading, Recorded, RecordedRecords,
    RecordedText, TensorEntry, VERSION, WeightsEntry,
};
pub use predictor::Predictor;
pub use record::Record;
pub use runner::Runner;
pub use seal::seal;
pub use verify::Verified;
pub use write::{Existing, Parts, write};

/// The file of numbers in a bundle.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// The file of meaning in a bundle.
pub const MANIFEST_FILE: &str = "jingwei.json";
/// The report of the training in a bundle; it may be absent.
pub const REPORT_FILE: &str = "report.html";
/// The recipe of the training in a bundle; it may be absent.
pub const RECIPE_FILE: &str = "recipe.toml";
