//! One bundle behind HTTP.
//!
//! - `GET /v2/…`, `POST /v2/models/{name}/infer`: the Open Inference Protocol v2 over REST, in JSON and with the binary
//!   tensor data extension, for prepared numbers. Any client of that protocol works, Triton's with its defaults too.
//! - `POST /v1/predict`: raw pictures, rows or CSV, through the bundle's own preparation.
//!
//! In the order in which a request travels: `listener` accepts its connection, `connections` watches how long each takes
//! for what, `connection` speaks HTTP, [`app`] routes the request, `body` reads all of it, `admission` lets it wait for
//! its turn, `protocol` and `native` read it, run the model on a thread of its own, and write the answer. Every error is
//! JSON, `{"error": "…"}`, but for what is not even HTTP. There are no keys and no encryption: listen on loopback, or put
//! something in front that has them.

mod admission;
mod answer;
mod app;
mod body;
mod connection;
mod connections;
mod error;
mod listener;
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
