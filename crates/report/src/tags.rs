//! What the page shows of a tagger.

use jingwei_metrics::{SpanErrorKind, SpanSummary, TagSummary};
use serde::Serialize;

use crate::classification::named;
use crate::confusion::Confusion;
use crate::cut;
use crate::page::Stat;
use crate::text::{self, percent, score};

/// An evaluation as shown.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    rows: String,
    tokens: String,
    cut: Option<String>,
    accuracy: String,
    spans: Option<Spans>,
    confusion: Confusion,
    tags: Vec<ScoreRow>,
    /// Which tags are shown, where not all are.
    shown: String,
}

#[derive(Debug, Serialize)]
struct Spans {
    f1: String,
    support: String,
    broken: Option<String>,
    types: Vec<ScoreRow>,
    /// Which types are shown, where not all are.
    shown: String,
    errors: Vec<ErrorRow>,
}

/// The scores of a tag or a type.
#[derive(Debug, Serialize)]
struct ScoreRow {
    name: String,
    support: String,
    predicted: String,
    precision: String,
    recall: String,
    f1: String,
    /// Width of the bar beside F1, in percent.
    bar: u32,
}

#[derive(Debug, Serialize)]
struct ErrorRow {
    name: String,
    meaning: &'static str,
    count: String,
    share: String,
}

/// The figures at the top of the page.
pub(crate) fn stats(summary: &TagSummary) -> Vec<Stat> {
    let accuracy = Stat::new(
        "Token accuracy",
        percent(summary.accuracy),
        "tokens with the right tag",
    );
    match &summary.spans {
        Some(spans) => vec![
            Stat::new(
                "Span F1",
                score(spans.scores.f1),
                "bounds and type must be right",
            ),
            Stat::new(
                "Span precision",
                score(spans.scores.precision),
                "of what is found, so much is right",
            ),
            Stat::new(
                "Span recall",
                score(spans.scores.recall),
                "of what is there, so much is found",
            ),
            accuracy,
        ],
        None => vec![
            accuracy,
            Stat::new(
                "F1, macro",
                score(summary.f1.unweighted),
                "every tag counts alike",
            ),
        ],
    }
}

/// All single figures, by name.
pub(crate) fn scores(summary: &TagSummary) -> Vec<(String, String)> {
    let mut scores = vec![
        named("Texts", text::count(summary.rows as f64)),
        named("Tokens", text::count(summary.tokens as f64)),
    ];
    if let Some(spans) = &summary.spans {
        scores.extend([
            named("Spans", text::count(spans.scores.support as f64)),
            named("Span precision", score(spans.scores.precision)),
            named("Span recall", score(spans.scores.recall)),
            named("Span F1", score(spans.scores.f1)),
            named("Span F1, macro", score(spans.f1_macro)),
            named("Span F1, strict", score(spans.strict.f1)),
        ]);
    }
    scores.extend([
        named("Token accuracy", percent(summary.accuracy)),
        named("F1 of tags, macro", score(summary.f1.unweighted)),
        named("F1 of tags, weighted", score(summary.f1.weighted)),
    ]);
    scores
}

/// Everything else.
pub(crate) fn details(summary: &TagSummary) -> Details {
    let names: Vec<String> = summary.tags.iter().map(|tag| tag.name.clone()).collect();
    let f1_of = |tag: usize| {
        let tag = &summary.tags[tag];
        (tag.support + tag.predicted > 0).then_some(tag.f1)
    };
    let shown = cut::worst(summary.tags.len(), f1_of);
    let tags = shown.iter().map(|&tag| {
        let tag = &summary.tags[tag];
        let counts = [tag.support, tag.predicted];
        score_row(&tag.name, counts, [tag.precision, tag.recall, tag.f1])
    });
    Details {
        rows: text::count(summary.rows as f64),
        tokens: text::count(summary.tokens as f64),
        cut: (summary.cut > 0).then(|| text::count(summary.cut as f64)),
        accuracy: percent(summary.accuracy),
        spans: summary.spans.as_ref().map(spans),
        confusion: Confusion::new(&summary.confusion, &names),
        tags: tags.collect(),
        shown: cut::sentence(shown.len(), summary.tags.len(), "tags"),
    }
}

fn spans(summary: &SpanSummary) -> Spans {
    let f1_of = |kind: usize| {
        let scores = &summary.types[kind].scores;
        (scores.support + scores.predicted > 0).then_some(scores.f1)
    };
    let shown = cut::worst(summary.types.len(), f1_of);
    let types = shown.iter().map(|&kind| {
        let kind = &summary.types[kind];
        let scores = &kind.scores;
        let name = if kind.name.is_empty() {
            "span"
        } else {
            &kind.name
        };
        let counts = [scores.support, scores.predicted];
        score_row(name, counts, [scores.precision, scores.recall, scores.f1])
    });
    let all: usize = summary.errors.iter().map(|errors| errors.count).sum();
    let errors = summary.errors.iter().map(|errors| ErrorRow {
        name: errors.kind.to_string(),
        meaning: meaning(errors.kind),
        count: text::count(errors.count as f64),
        share: percent(errors.count as f64 / all.max(1) as f64),
    });
    Spans {
        f1: score(summary.scores.f1),
        support: text::count(summary.scores.support as f64),
        broken: (summary.broken > 0).then(|| text::count(summary.broken as f64)),
        types: types.collect(),
        shown: cut::sentence(shown.len(), summary.types.len(), "types"),
        errors: errors.collect(),
    }
}

fn score_row(name: &str, counts: [usize; 2], scores: [f64; 3]) -> ScoreRow {
    let [support, predicted] = counts.map(|count| text::count(count as f64));
    let bar = (scores[2] * 100.0).round() as u32;
    let [precision, recall, f1] = scores.map(score);
    ScoreRow {
        name: name.to_owned(),
        support,
        predicted,
        precision,
        recall,
        f1,
        bar,
    }
}

/// What a kind of error is.
fn meaning(kind: SpanErrorKind) -> &'static str {
    match kind {
        SpanErrorKind::Type => "the right tokens, taken for another type",
        SpanErrorKind::Boundary => "the right type, with too few, too many or other tokens",
        SpanErrorKind::Missed => "there, and not found",
        SpanErrorKind::Invented => "found, and not there",
    }
}
