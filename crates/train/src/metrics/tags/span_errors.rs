use serde::{Deserialize, Serialize};

use super::{Span, Tagged};

/// In which way a span is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanErrorKind {
    /// The right tokens, of another type.
    Type,
    /// The right type, and some but not exactly the right tokens.
    Boundary,
    /// A true span that nothing of these was said of.
    Missed,
    /// A span that was said where nothing of these is true.
    Invented,
}

impl SpanErrorKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Type, Self::Boundary, Self::Missed, Self::Invented];
}

impl std::fmt::Display for SpanErrorKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Type => "type",
            Self::Boundary => "boundary",
            Self::Missed => "missed",
            Self::Invented => "invented",
        })
    }
}

/// One wrong span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanError {
    /// In which way it is wrong.
    pub kind: SpanErrorKind,
    /// In which text.
    pub row: usize,
    /// What is true; `None` if invented.
    pub truth: Option<Span>,
    /// What was said; `None` if missed.
    pub predicted: Option<Span>,
}

/// All wrong spans, text by text; nothing if the tags mark no spans.
///
/// Every wrong span is counted once: a true and a predicted span are joined to one error if they have the same bounds
/// (type), otherwise if they have the same type and overlap, those first that share most tokens (boundary). What
/// remains, spans of another type and other bounds among them, is missed or invented. So missed, type and boundary
/// errors together are the false negatives; invented, type and boundary errors the false positives.
pub fn span_errors(tagged: &Tagged) -> Vec<SpanError> {
    let Some(scheme) = tagged.scheme() else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    for row in 0..tagged.rows() {
        let mut truth = scheme.spans(tagged.truth(row));
        let mut said = scheme.spans(tagged.predicted(row));
        let right: Vec<Span> = truth
            .iter()
            .copied()
            .filter(|span| said.contains(span))
            .collect();
        truth.retain(|span| !right.contains(span));
        said.retain(|span| !right.contains(span));
        join(row, truth, said, &mut errors);
    }
    errors
}

fn join(row: usize, mut truth: Vec<Span>, mut said: Vec<Span>, errors: &mut Vec<SpanError>) {
    let start = errors.len();
    let mut add = |kind, truth, predicted| {
        errors.push(SpanError {
            kind,
            row,
            truth,
            predicted,
        });
    };
    truth.retain(|span| {
        let same = |other: &Span| (other.start, other.end) == (span.start, span.end);
        let Some(index) = said.iter().position(same) else {
            return true;
        };
        add(SpanErrorKind::Type, Some(*span), Some(said.remove(index)));
        false
    });
    while let Some((left, right)) = largest_overlap(&truth, &said) {
        let (span, other) = (truth.remove(left), said.remove(right));
        add(SpanErrorKind::Boundary, Some(span), Some(other));
    }
    truth
        .iter()
        .for_each(|span| add(SpanErrorKind::Missed, Some(*span), None));
    said.iter()
        .for_each(|span| add(SpanErrorKind::Invented, None, Some(*span)));
    let place = |error: &SpanError| error.truth.or(error.predicted).map(|span| span.start);
    errors[start..].sort_by_key(place);
}

/// The positions of the two spans of one type that share most tokens, the first of equals.
fn largest_overlap(truth: &[Span], said: &[Span]) -> Option<(usize, usize)> {
    let mut best = None;
    let mut most = 0;
    for (left, span) in truth.iter().enumerate() {
        for (right, other) in said.iter().enumerate() {
            let shared = span
                .end
                .min(other.end)
                .saturating_sub(span.start.max(other.start));
            if span.kind == other.kind && shared > most {
                (best, most) = (Some((left, right)), shared);
            }
        }
    }
    best
}
