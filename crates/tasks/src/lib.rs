//! From files to a trained, measured, reusable model.
//!
//! 1. A [`recipe`] says what is trained on what; [`init`](mod@init) writes a first one, [`check`](mod@check) and
//!    [`estimate`](mod@estimate) tell beforehand whether it can be trained and what it takes.
//! 2. [`run`] trains it in a run folder, measures it and ends in a bundle with a report.
//! 3. A [`baseline`] says what an ordinary method makes of the same data.

pub mod baseline;
pub mod check;
mod error;
pub mod estimate;
pub mod init;
pub mod recipe;
pub mod run;

pub use error::Error;
