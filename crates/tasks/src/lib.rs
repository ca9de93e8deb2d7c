//! From files to a trained, measured, reusable model.
//!
//! 1. A [`recipe`] says what is trained on what; [`init`](mod@init) writes a first one, [`check`](mod@check) and
//!    [`estimate`](mod@estimate) tell beforehand whether it can be trained and what it takes.
//! 2. [`run`] trains it in a run folder, measures it and ends in a bundle with a report.
//! 3. What a task is, stands in a folder of its own: [`images`], [`tables`], [`texts`], [`tags`], each a [`Task`].

mod classes;
mod samples;

pub mod images;
pub mod tables;
pub mod tags;
pub mod texts;

pub mod check;
mod error;
pub mod estimate;
pub mod init;
pub mod recipe;
pub mod run;
pub mod task;

pub use error::Error;
pub use task::{Task, TaskRef};
