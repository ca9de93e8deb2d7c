//! Training: what is measured, logged and reported while a model is fitted.
//!
//! [`metrics`] turns predictions into figures, [`history`] keeps one line an epoch, [`tensorboard`] writes the same
//! for TensorBoard, and [`report`] renders everything as one HTML file that needs no network.

mod error;
mod files;

pub mod history;
pub mod metrics;
pub mod report;
pub mod tensorboard;

pub use error::Error;
