//! Training: what is measured, logged and reported while a model is fitted.
//!
//! [`metrics`] turns predictions into figures, [`history`] keeps one line an epoch, [`tensorboard`] writes the same
//! for TensorBoard, and [`report`] renders everything as one HTML file that needs no network.

mod error;
mod files;

pub mod checkpoint;
pub mod fit;
pub mod history;
mod lock;
pub mod memory;
pub mod metrics;
pub mod recipe;
pub mod report;
pub mod run;
pub mod tensorboard;

pub use error::Error;
pub use lock::Lock;
