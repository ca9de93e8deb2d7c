//! One bundle behind HTTP.
//!
//! - `GET /v2/…`, `POST /v2/models/{name}/infer`: the Open Inference Protocol v2 over REST, in JSON and with the binary
//!   tensor data extension, for prepared numbers. Any client of that protocol works, Triton's with its defaults too.
//! - `POST /v1/predict`: raw pictures, rows or CSV, through the bundle's own preparation.
//!
//! In the order in which a request travels: [`app`] routes it, [`State`] bounds its body and its share of the machine,
//! `protocol` and `native` read it, run the model on a thread of its own, and write the answer. Every error is JSON,
//! `{"error": "…"}`. There are no keys and no encryption: listen on loopback, or put something in front that has them.

mod app;
mod error;
mod native;
mod numbers;
mod options;
mod protocol;
mod server;
mod state;

pub use app::app;
pub use error::Error;
pub use options::ServeOptions;
pub use server::{serve, serve_until};
pub use state::State;

/// Samples or records that one request may hold.
pub const MOST_SAMPLES: usize = 16_384;
