//! Metrics against independent implementations.

mod metrics;
mod text_metrics;
