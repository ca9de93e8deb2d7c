//! Wrong spans in their texts, truth above and prediction below.

use jingwei_metrics::{Scheme, Span, SpanError, SpanErrorKind, SpanSummary, Tagged};
use serde::Serialize;

use crate::{TagError, TagSpan};

/// How many errors of each kind are shown.
const SHOWN: usize = 5;
/// How many tokens are shown on either side of an error.
const AROUND: usize = 14;

impl TagError {
    /// Up to five errors of each kind in their texts.
    ///
    /// # Arguments
    ///
    /// - `summary`: the spans of the evaluation.
    /// - `text`: the tokens of a text, by its number among those evaluated, and where it came from.
    pub fn examples(
        summary: &SpanSummary,
        tagged: &Tagged,
        mut text: impl FnMut(usize) -> (Vec<String>, String),
    ) -> Vec<Self> {
        let Some(scheme) = tagged.scheme() else {
            return Vec::new();
        };
        let shown = summary
            .errors
            .iter()
            .flat_map(|errors| errors.examples.iter().take(SHOWN));
        let example = |error: &SpanError| {
            let (tokens, origin) = text(error.row);
            in_context(error, scheme, tagged, tokens, origin)
        };
        shown.map(example).collect()
    }
}

fn in_context(
    error: &SpanError,
    scheme: &Scheme,
    tagged: &Tagged,
    tokens: Vec<String>,
    origin: String,
) -> TagError {
    let spans = [error.truth, error.predicted];
    let first = spans
        .iter()
        .flatten()
        .map(|span| span.start)
        .min()
        .unwrap_or(0);
    let last = spans
        .iter()
        .flatten()
        .map(|span| span.end)
        .max()
        .unwrap_or(0);
    let from = first.saturating_sub(AROUND);
    let to = (last + AROUND).min(tokens.len());
    let cut = |tags: &[u32]| -> Vec<TagSpan> {
        let spans = scheme.spans(tags).into_iter();
        let inside = spans.filter(|span: &Span| span.start < to && span.end > from);
        inside
            .map(|span| TagSpan {
                start: span.start.max(from) - from,
                end: span.end.min(to) - from,
                name: scheme.types()[span.kind].clone(),
            })
            .collect()
    };
    let mut shown: Vec<String> = tokens[from.min(to)..to].to_vec();
    if let (Some(first), true) = (shown.first_mut(), from > 0) {
        first.insert(0, '…');
    }
    if let (Some(last), true) = (shown.last_mut(), to < tokens.len()) {
        last.push('…');
    }
    TagError {
        kind: error.kind,
        truth: cut(tagged.truth(error.row)),
        predicted: cut(tagged.predicted(error.row)),
        tokens: shown,
        place: (first - from, last - from),
        origin,
    }
}

/// The errors of one kind as shown.
#[derive(Debug, Serialize)]
pub(crate) struct Examples {
    kind: String,
    list: Vec<Example>,
}

#[derive(Debug, Serialize)]
struct Example {
    pieces: Vec<Piece>,
    truth: String,
    predicted: String,
    origin: String,
}

/// Neighbouring tokens that belong to the same spans.
#[derive(Debug, Default, Serialize)]
struct Piece {
    text: String,
    /// The name of the true span, at its beginning.
    above: String,
    below: String,
    /// Whether there is a true span.
    over: bool,
    under: bool,
    /// Whether it is the error itself.
    wrong: bool,
}

/// The errors by kind, in the order of the kinds.
pub(crate) fn examples(errors: &[TagError]) -> Vec<Examples> {
    let of_kind = |kind: SpanErrorKind| Examples {
        kind: kind.to_string(),
        list: errors
            .iter()
            .filter(|error| error.kind == kind)
            .map(example)
            .collect(),
    };
    let all = SpanErrorKind::ALL.into_iter().map(of_kind);
    all.filter(|examples| !examples.list.is_empty()).collect()
}

fn example(error: &TagError) -> Example {
    Example {
        pieces: pieces(error),
        truth: words(&error.truth, &error.tokens),
        predicted: words(&error.predicted, &error.tokens),
        origin: error.origin.clone(),
    }
}

fn pieces(error: &TagError) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut before = (None, None, false);
    for token in 0..error.tokens.len() {
        let (over, under) = (
            span_at(&error.truth, token),
            span_at(&error.predicted, token),
        );
        let wrong = (error.place.0..error.place.1).contains(&token);
        let place = (
            over.map(|span| span.start),
            under.map(|span| span.start),
            wrong,
        );
        if pieces.is_empty() || place != before {
            let starts = |span: Option<&TagSpan>| match span {
                Some(span) if span.start == token => name(span),
                _ => String::new(),
            };
            pieces.push(Piece {
                above: starts(over),
                below: starts(under),
                over: over.is_some(),
                under: under.is_some(),
                wrong,
                ..Piece::default()
            });
        }
        before = place;
        if let Some(piece) = pieces.last_mut() {
            piece.text.push_str(blank(&error.tokens, token));
            piece.text.push_str(&error.tokens[token]);
        }
    }
    pieces
}

fn span_at(spans: &[TagSpan], token: usize) -> Option<&TagSpan> {
    spans
        .iter()
        .find(|span| (span.start..span.end).contains(&token))
}

/// A type, or a word for spans that have none.
fn name(span: &TagSpan) -> String {
    if span.name.is_empty() {
        "span".to_owned()
    } else {
        span.name.clone()
    }
}

/// The spans in words, for those who do not see the lines.
fn words(spans: &[TagSpan], tokens: &[String]) -> String {
    let text = |span: &TagSpan| {
        let inside = span.start..span.end.min(tokens.len());
        let pieces = inside.map(|token| match token > span.start {
            true => format!("{}{}", blank(tokens, token), tokens[token]),
            false => tokens[token].clone(),
        });
        format!("{} ({})", pieces.collect::<String>(), name(span))
    };
    let all: Vec<String> = spans.iter().map(text).collect();
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join(", ")
    }
}

/// What stands before a token: nothing between Chinese characters and around punctuation, otherwise a blank.
fn blank(tokens: &[String], token: usize) -> &'static str {
    let letter = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() && (letter as u32) < 0x2e80)
    };
    let left = token
        .checked_sub(1)
        .and_then(|before| tokens[before].chars().next_back());
    let right = tokens[token].chars().next();
    if letter(right) && (letter(left) || left.is_some_and(|left| ",.;:!?)%".contains(left))) {
        " "
    } else {
        ""
    }
}
