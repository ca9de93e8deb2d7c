//! Metrics of tags, one a token: of the tags themselves, and of the spans that they mark (names, words).

mod accuracy;
mod metric;
mod scheme;
mod span_errors;
mod span_summary;
mod summary;
mod tagged;
mod tallies;

pub use accuracy::token_accuracy;
pub use scheme::{Scheme, Span};
pub use span_errors::{SpanError, SpanErrorKind, span_errors};
pub use span_summary::{ErrorKindSummary, SpanScores, SpanSummary, TypeScores};
pub use summary::{TagScores, TagSummary};
pub use tagged::{MISSING_TAG, Tagged};
pub use tallies::{span_tallies, strict_span_tallies, tag_confusion, tag_tallies};
