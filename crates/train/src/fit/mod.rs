//! The engine of training: steps, epochs, validation, stopping.
//!
//! [`Functions`] are what a network compiles to; a [`Trainer`] runs them over batches and updates the parameters;
//! [`Observer`]s look on. Everything that a training comes to is a pure function of its options, data and SIMD level:
//! never of the number of threads, of timing, or of how often it was stopped and resumed.

mod agreement;
mod early_stopping;
mod evaluate;
mod fill;
mod functions;
mod gradients;
mod observer;
mod observers;
mod options;
mod plans;
mod progress;
mod resume;
mod run;
mod slots;
mod snapshot;
mod trainer;

pub use agreement::check_texts;
pub use early_stopping::{EarlyStopping, Monitor, Watch};
pub use evaluate::{EVALUATION_BATCH, Evaluator};
pub use functions::{Functions, Objective, TARGETS};
pub use functions::{OUTPUTS, for_loss};
pub use observer::{Observer, Outcome};
pub use observers::{CheckpointWriter, EventLog, HistoryWriter};
pub use options::{FitOptions, MOST_SIZE};
pub use progress::{Progress, Running};
pub use resume::{Header, Identity};
pub use run::StepEnd;
pub use slots::Slots;
pub use trainer::foresee;
pub use trainer::{Trainer, TrainingData, Weights};
