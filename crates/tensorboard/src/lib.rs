//! Event files that TensorBoard opens: scalars, histograms and the graph.
//!
//! An event file is a sequence of TFRecords (length, masked CRC-32C, payload, masked CRC-32C), each
//! holding one protocol buffer `Event`. The few messages that are needed are encoded by hand; their field numbers
//! come from TensorFlow's `event.proto`, `summary.proto` and `graph.proto`.
//!
//! Every start of a run writes a file of its own, never into an old one. A run that resumes at a step calls
//! [`cut_back`] before, so that later events of the run that was killed disappear.
//!
//! ```no_run
//! use jingwei_tensorboard::{EventWriter, Histogram, cut_back};
//!
//! let (folder, step) = (std::path::Path::new("run/events"), 500);
//! cut_back(folder, step)?;
//! let mut events = EventWriter::start(folder, step)?;
//! events.scalar(501, "train/loss", 0.25)?;
//! if let Some(histogram) = Histogram::new(&[0.1, -0.2]) {
//!     events.histogram(501, "weights/dense_1", &histogram)?;
//! }
//! events.flush()?;
//! # Ok::<(), jingwei_tensorboard::Error>(())
//! ```

mod cut_back;
mod error;
mod event;
mod graph;
mod histogram;
mod protobuf;
mod record;
mod writer;

pub use cut_back::cut_back;
pub use error::Error;
pub use graph::GraphNode;
pub use histogram::Histogram;
pub use writer::EventWriter;

/// What the name of every event file begins with.
const PREFIX: &str = "events.out.tfevents.";
