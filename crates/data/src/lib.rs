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
//! Everything random is a pure function of a seed, an epoch and a sample ([`jingwei_random`], [`Permutation`]), so results do
//! not depend on threads, timing or the order of calls.
//!
//! ```no_run
//! use jingwei_data::source::{ReadOptions, read};
//! use jingwei_data::split::{SplitOptions, by_fraction};
//! use jingwei_data::{Augment, BatchOptions, BatchSource, Limits, Preparation};
//!
//! let data = read("data/fashion-mnist/train".as_ref(), &ReadOptions::default(), &Limits::default())?;
//! let split = by_fraction(&data, &data.indices(), SplitOptions::default())?;
//! let preparation = Preparation::fit(&data, &split.train, &Default::default())?;
//! let augment = Augment { shift: 0.1, flip_horizontal: true, ..Augment::default() };
//! let options = BatchOptions { batch_size: 64, augment, ..BatchOptions::default() };
//! let batches = BatchSource::new(&data, &split.train, &preparation, options)?;
//! let mut features = vec![0.0; 64 * batches.sample_len()];
//! let mut targets = vec![0.0; 64 * batches.target_len()];
//! batches.fill(0, 0, 0..64, &mut features, &mut targets, &mut []);
//! # Ok::<(), jingwei_data::Error>(())
//! ```

mod dataset;
mod error;
mod limits;
mod sequences;

pub mod cifar10;
pub mod csv;
pub mod idx;
pub mod image;
pub mod image_folder;
pub mod source;
pub mod texts;

pub mod inspect;

mod permutation;
pub mod split;

pub mod prepare;

pub mod augment;

mod batches;

pub use augment::Augment;
pub use batches::{BatchOptions, BatchSource};
pub use dataset::{Dataset, Features, Origins, Targets, TextColumn};
pub use error::{Error, OnBad, Quarantined, Result};
pub use limits::Limits;
pub use permutation::Permutation;
pub use prepare::Preparation;
pub use sequences::Sequences;
