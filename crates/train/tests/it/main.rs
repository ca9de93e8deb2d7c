//! Integration tests of jingwei-train.

mod history;
mod metrics;
mod report;
mod tensorboard;
