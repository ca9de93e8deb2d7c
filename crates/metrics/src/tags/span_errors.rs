use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

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
        let all: HashSet<Span> = said.iter().copied().collect();
        let right: HashSet<Span> = truth
            .iter()
            .copied()
            .filter(|span| all.contains(span))
            .collect();
        truth.retain(|span| !right.contains(span));
        said.retain(|span| !right.contains(span));
        join(row, truth, said, &mut errors);
    }
    errors
}

/// Sorts the wrong spans of one text into errors; the spans of a list are apart and in order.
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
    let mut places: HashMap<(usize, usize), Span> =
        said.iter().map(|span| (span.bounds(), *span)).collect();
    truth.retain(|span| match places.remove(&span.bounds()) {
        None => true,
        Some(other) => {
            add(SpanErrorKind::Type, Some(*span), Some(other));
            false
        }
    });
    said.retain(|span| places.contains_key(&span.bounds()));
    let (mut truth_left, mut said_left) = (vec![true; truth.len()], vec![true; said.len()]);
    for (left, right) in overlaps(&truth, &said) {
        if truth_left[left] && said_left[right] {
            (truth_left[left], said_left[right]) = (false, false);
            let (span, other) = (truth[left], said[right]);
            add(SpanErrorKind::Boundary, Some(span), Some(other));
        }
    }
    let left = |spans: &[Span], left: &[bool]| {
        let spans = spans.iter().zip(left).filter(|(_, left)| **left);
        spans.map(|(span, _)| *span).collect::<Vec<_>>()
    };
    left(&truth, &truth_left)
        .iter()
        .for_each(|span| add(SpanErrorKind::Missed, Some(*span), None));
    left(&said, &said_left)
        .iter()
        .for_each(|span| add(SpanErrorKind::Invented, None, Some(*span)));
    let place = |error: &SpanError| error.truth.or(error.predicted).map(|span| span.start);
    errors[start..].sort_by_key(place);
}

/// The positions of all pairs of spans of one type that share tokens: those first that share most, then in the order of
/// the text. Spans of a list are apart and in order, so that there are fewer pairs than spans.
fn overlaps(truth: &[Span], said: &[Span]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let (mut left, mut right) = (0, 0);
    while let (Some(span), Some(other)) = (truth.get(left), said.get(right)) {
        let shared = span
            .end
            .min(other.end)
            .saturating_sub(span.start.max(other.start));
        if span.kind == other.kind && shared > 0 {
            pairs.push((shared, left, right));
        }
        if span.end <= other.end {
            left += 1;
        } else {
            right += 1;
        }
    }
    pairs.sort_by_key(|&(shared, left, right)| (Reverse(shared), left, right));
    let positions = pairs.into_iter().map(|(_, left, right)| (left, right));
    positions.collect()
}
