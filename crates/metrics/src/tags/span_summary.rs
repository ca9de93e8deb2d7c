use serde::{Deserialize, Serialize};

use super::{
    Scheme, SpanError, SpanErrorKind, Tagged, span_errors, span_tallies, strict_span_tallies,
};
use crate::{Average, Tally};

/// How many examples of each kind of error are kept.
const EXAMPLES: usize = 20;

/// Everything that an evaluation of spans shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanSummary {
    /// Over the spans of all types together (micro), read leniently: see [`Scheme::spans`].
    pub scores: SpanScores,
    /// The same over spans that keep to the scheme only: see [`Scheme::is_strict`].
    pub strict: SpanScores,
    /// The plain mean of the F1 of the types that occur.
    pub f1_macro: f64,
    /// Predicted spans that do not keep to the scheme, such as one that begins with `I`.
    pub broken: usize,
    /// The scores of each type.
    pub types: Vec<TypeScores>,
    /// The errors of each kind, see [`span_errors`].
    pub errors: Vec<ErrorKindSummary>,
}

/// Scores of some spans.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SpanScores {
    /// Number of true spans.
    pub support: usize,
    /// Number of predicted spans.
    pub predicted: usize,
    /// Number of predicted spans with the bounds and type of a true one.
    pub correct: usize,
    /// See [`Tally::precision`].
    pub precision: f64,
    /// See [`Tally::recall`].
    pub recall: f64,
    /// See [`Tally::f1`].
    pub f1: f64,
}

/// The scores of one type of spans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeScores {
    /// The type, empty if the tags have none.
    pub name: String,
    /// Its scores.
    pub scores: SpanScores,
}

/// The errors of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorKindSummary {
    /// The kind.
    pub kind: SpanErrorKind,
    /// How many there are.
    pub count: usize,
    /// At most 20 of them, evenly taken.
    pub examples: Vec<SpanError>,
}

impl SpanSummary {
    /// Computes everything; `None` if the tags mark no spans.
    pub fn compute(tagged: &Tagged) -> Option<Self> {
        let scheme = tagged.scheme()?;
        let tallies = span_tallies(tagged)?;
        let occurring: Vec<Tally> = tallies.iter().copied().filter(Tally::occurs).collect();
        let named = tallies.iter().zip(scheme.types());
        let errors = span_errors(tagged);
        Some(Self {
            scores: SpanScores::of(&Tally::sum(&tallies)),
            strict: SpanScores::of(&Tally::sum(&strict_span_tallies(tagged)?)),
            f1_macro: Tally::average(&occurring, Average::Macro, Tally::f1),
            broken: broken(tagged, scheme),
            types: named
                .map(|(tally, name)| TypeScores {
                    name: name.clone(),
                    scores: SpanScores::of(tally),
                })
                .collect(),
            errors: SpanErrorKind::ALL.map(|kind| of_kind(kind, &errors)).into(),
        })
    }
}

impl SpanScores {
    fn of(tally: &Tally) -> Self {
        Self {
            support: tally.support as usize,
            predicted: tally.predicted as usize,
            correct: tally.correct as usize,
            precision: tally.precision(),
            recall: tally.recall(),
            f1: tally.f1(),
        }
    }
}

fn broken(tagged: &Tagged, scheme: &Scheme) -> usize {
    let of_row = |row| {
        let tags = tagged.predicted(row);
        let spans = scheme.spans(tags).into_iter();
        spans.filter(|span| !scheme.is_strict(tags, *span)).count()
    };
    (0..tagged.rows()).map(of_row).sum()
}

fn of_kind(kind: SpanErrorKind, errors: &[SpanError]) -> ErrorKindSummary {
    let all: Vec<SpanError> = errors
        .iter()
        .copied()
        .filter(|error| error.kind == kind)
        .collect();
    let kept = all.len().min(EXAMPLES);
    ErrorKindSummary {
        kind,
        count: all.len(),
        examples: (0..kept)
            .map(|index| all[index * all.len() / kept])
            .collect(),
    }
}
