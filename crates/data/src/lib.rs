//! The way of the data in Jingwei, from files to the batches that training reads. It knows no model.
//!
//! In the order in which data travels:
//!
//! 1. a reader ([`idx`], [`cifar10`], [`image_folder`], [`csv`], or [`source::read`] for any of them) turns untrusted
//!    files into a [`Dataset`] in memory, bounding every size before it allocates; [`inspect`] looks before reading;
//! 2. [`split`] cuts it into parts by lists of indices, without copying;
//! 3. [`Preparation`] learns from the training part how to turn raw records into numbers, and travels with the model;
//! 4. [`BatchSource`] writes shuffled, prepared, randomly changed ([`Augment`]) batches into buffers of the caller, from several threads at once,
//!    without allocating.
//!
//! Everything random is a pure function of a seed, an epoch and a sample ([`random`], [`Permutation`]), so results do
//! not depend on threads, timing or the order of calls.

mod dataset;
mod error;
mod limits;

pub mod cifar10;
pub mod csv;
pub mod idx;
pub mod image;
pub mod image_folder;
pub mod source;

pub mod inspect;

pub mod random;

mod permutation;
pub mod split;

pub mod prepare;

pub mod augment;

mod batches;

pub use augment::Augment;
pub use batches::{BatchOptions, BatchSource};
pub use dataset::{Dataset, Features, Origins, Targets};
pub use error::{Error, OnBad, Quarantined, Result};
pub use limits::Limits;
pub use permutation::Permutation;
pub use prepare::Preparation;
