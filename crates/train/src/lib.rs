//! Training: what is measured, logged and reported while a model is fitted.
//!
//! [`metrics`] turns predictions into figures, [`history`] keeps one line an epoch, [`tensorboard`] writes the same
//! for TensorBoard, and [`report`] renders everything as one HTML file that needs no network.

mod error;
mod files;

pub mod checkpoint;
pub mod estimate;
pub mod fit;
pub mod history;
mod inference;
pub mod init;
mod lock;
pub mod memory;
pub mod metrics;
pub mod model;
pub mod recipe;
pub mod report;
pub mod run;
pub mod tensorboard;

pub use error::Error;
pub use lock::Lock;
pub use model::{Compile, Fit, History, Model, Outputs, Scores, load};
