//! Metrics of labels and tags against scikit-learn and seqeval (`scripts/golden/text_metrics.py`), and what they
//! refuse.

use jingwei_data::Sequences;
use jingwei_metrics::Error;
use jingwei_metrics::{
    LabelSummary, Labelled, MISSING_TAG, Metric, Scheme, Span, SpanErrorKind, SpanScores,
    TagSummary, Tagged, span_errors,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("../golden/text_metrics.json");

fn cases(kind: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    golden[kind].as_array().unwrap().clone()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn sequences(value: &Value) -> Sequences {
    let mut sequences = Sequences::default();
    for list in read::<Vec<Vec<u32>>>(value) {
        sequences.push(&list);
    }
    sequences
}

fn assert_near(place: &str, found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-6 * expected.abs().max(1e-3),
        "{place}: expected {expected}, found {found}"
    );
}

fn assert_all(place: &str, found: impl Iterator<Item = f64>, expected: &Value) {
    let found: Vec<f64> = found.collect();
    let expected: Vec<f64> = read(expected);
    assert_eq!(found.len(), expected.len(), "{place}");
    for (found, expected) in found.into_iter().zip(expected) {
        assert_near(place, found, expected);
    }
}

/// Compares every expected value whose name is that of a metric; tells how many there were.
fn compare_named(case: &Value, of: impl Fn(Metric) -> Option<f64>) -> usize {
    let mut compared = 0;
    for (name, expected) in case["expected"].as_object().unwrap() {
        let Ok(metric) = name.parse::<Metric>() else {
            continue;
        };
        let place = format!("{}: {name}", case["name"]);
        assert_near(&place, of(metric).unwrap(), expected.as_f64().unwrap());
        compared += 1;
    }
    compared
}

#[test]
fn metrics_of_labels_equal_scikit_learn() {
    for case in cases("labels") {
        let probabilities: Vec<f32> = read(&case["probabilities"]);
        let classes = read(&case["classes"]);
        let labels = sequences(&case["labels"]);
        let labelled = Labelled::new(&probabilities, classes, &labels).unwrap();
        let compared = compare_named(&case, |metric| metric.of_labels(&labelled).unwrap());
        assert!(compared >= 12, "{}: {compared} metrics", case["name"]);
        let summary = LabelSummary::compute(&labelled);
        let expected = &case["expected"];
        let each =
            |score: fn(&jingwei_metrics::ClassScores) -> f64| summary.labels.iter().map(score);
        assert_all(
            "precision",
            each(|label| label.precision),
            &expected["precision_labels"],
        );
        assert_all(
            "recall",
            each(|label| label.recall),
            &expected["recall_labels"],
        );
        assert_all("F1", each(|label| label.f1), &expected["f1_labels"]);
        assert_near(
            "macro F1",
            summary.f1.unweighted,
            read(&expected["f1_macro"]),
        );
        if expected["roc_auc_labels"].is_array() {
            let area = |label: &jingwei_metrics::ClassScores| label.roc_auc.unwrap();
            assert_all("ROC AUC", each(area), &expected["roc_auc_labels"]);
            assert_all(
                "PR AUC",
                each(|label| label.pr_auc.unwrap()),
                &expected["pr_auc_labels"],
            );
            assert_near(
                "ROC AUC",
                summary.roc_auc.unwrap(),
                read(&expected["roc_auc"]),
            );
        }
    }
}

#[test]
fn metrics_of_tags_equal_scikit_learn_and_seqeval() {
    for case in cases("tags") {
        let place = case["name"].as_str().unwrap();
        let names: Vec<String> = read(&case["names"]);
        let truth = sequences(&case["truth"]);
        let tagged = Tagged::new(sequences(&case["said"]), &truth, &names).unwrap();
        let compared = compare_named(&case, |metric| metric.of_tags(&tagged).unwrap());
        let expected = &case["expected"];
        let summary = TagSummary::compute(&tagged);
        assert_all(
            place,
            summary.tags.iter().map(|tag| tag.f1),
            &expected["f1_tags"],
        );
        assert_near(place, summary.accuracy, read(&expected["accuracy"]));
        let Some(spans) = summary.spans else {
            assert!(compared == 10 && !place.contains("BIO"), "{place}");
            continue;
        };
        assert_eq!(compared, 13, "{place}");
        assert_scores(place, &spans.strict, "strict", expected);
        assert_scores(place, &spans.scores, "span", expected);
        for kind in &spans.types {
            let Some(scores) = expected["types"].get(&kind.name) else {
                assert_eq!(
                    (kind.scores.support, kind.scores.predicted),
                    (0, 0),
                    "{place}"
                );
                continue;
            };
            let scores: Vec<f64> = read(scores);
            assert_near(place, kind.scores.precision, scores[0]);
            assert_near(place, kind.scores.recall, scores[1]);
            assert_near(place, kind.scores.f1, scores[2]);
            assert_eq!(kind.scores.support as f64, scores[3], "{place}");
        }
    }
}

fn assert_scores(place: &str, scores: &SpanScores, prefix: &str, expected: &Value) {
    assert_near(
        place,
        scores.precision,
        read(&expected[format!("{prefix}_precision")]),
    );
    assert_near(
        place,
        scores.recall,
        read(&expected[format!("{prefix}_recall")]),
    );
    assert_near(place, scores.f1, read(&expected[format!("{prefix}_f1")]));
}

#[test]
fn spans_are_read_as_seqeval_reads_them() {
    for case in cases("tags") {
        let names: Vec<String> = read(&case["names"]);
        let Some(scheme) = Scheme::of(&names) else {
            continue;
        };
        let shown = |span: &Span| json!([span.start, span.end, scheme.types()[span.kind]]);
        let truth = sequences(&case["truth"]);
        let tagged = Tagged::new(sequences(&case["said"]), &truth, &names).unwrap();
        for row in 0..truth.len() {
            let tags = tagged.predicted(row);
            let spans = scheme.spans(tags);
            let strict = spans.iter().filter(|span| scheme.is_strict(tags, **span));
            let expected = &case["expected"];
            let all: Vec<Value> = spans.iter().map(shown).collect();
            assert_eq!(
                json!(all),
                expected["spans"][row],
                "{}: {row}",
                case["name"]
            );
            let strict: Vec<Value> = strict.map(shown).collect();
            assert_eq!(
                json!(strict),
                expected["strict_spans"][row],
                "{}: {row}",
                case["name"]
            );
        }
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn schemes_are_told_from_other_tags() {
    assert_eq!(Scheme::of(&strings(&["n", "v", "B"])), None);
    assert_eq!(Scheme::of(&strings(&["O"])), None);
    assert_eq!(Scheme::of(&strings(&["O", "B-"])), None);
    let words = Scheme::of(&strings(&["B", "M", "E", "S"])).unwrap();
    let spans = words.spans(&[0, 1, 2, 3, 3, 0, 2]);
    let bounds: Vec<_> = spans.iter().map(|span| (span.start, span.end)).collect();
    assert_eq!(bounds, [(0, 3), (3, 4), (4, 5), (5, 7)]);
    let hyphens = Scheme::of(&strings(&["B-work-of-art", "I-work-of-art", "O"])).unwrap();
    assert_eq!(hyphens.types(), ["work-of-art"]);
}

#[test]
fn errors_have_kinds() {
    let names = strings(&["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]);
    let mut truth = Sequences::default();
    let mut said = Sequences::default();
    truth.push(&[1, 2, 0, 3, 4, 0, 1, 2, 0, 0, 1, 2]);
    said.push(&[1, 2, 0, 1, 2, 0, 1, 0, 0, 3, 0, 0]);
    let tagged = Tagged::new(said, &truth, &names).unwrap();
    let kinds: Vec<_> = span_errors(&tagged)
        .iter()
        .map(|error| error.kind)
        .collect();
    use SpanErrorKind::{Boundary, Invented, Missed, Type};
    assert_eq!(kinds, [Type, Boundary, Invented, Missed]);
    let spans = TagSummary::compute(&tagged).spans.unwrap();
    assert_eq!(
        (
            spans.scores.support,
            spans.scores.predicted,
            spans.scores.correct
        ),
        (4, 4, 1)
    );
    assert_eq!(spans.errors.iter().map(|kind| kind.count).sum::<usize>(), 4);
    assert_eq!(spans.errors[3].examples[0].predicted.unwrap().start, 9);
}

#[test]
fn metrics_that_do_not_fit_say_what_to_use() {
    let parts = strings(&["n", "v"]);
    let refused = Metric::SpanF1.check_tags(&parts).unwrap_err().to_string();
    assert!(
        refused.contains("B-PER") && refused.contains("f1_macro"),
        "{refused}"
    );
    let refused = Metric::Accuracy.check_labels().unwrap_err().to_string();
    assert!(refused.contains("exact_match"), "{refused}");
    for metric in Metric::all() {
        let several = metric.check_labels().is_ok();
        assert!(!(several && metric.is_regression()), "{metric}");
        let own = matches!(metric, Metric::ExactMatch | Metric::HammingLoss);
        assert_eq!(
            metric.check(Some(2)).is_ok(),
            !own && !metric.is_regression() && !metric.to_string().starts_with("span")
        );
    }
    assert!(!Metric::HammingLoss.higher_is_better() && Metric::SpanF1.higher_is_better());
}

#[test]
fn bad_labels_and_tags_are_refused() {
    let mut labels = Sequences::default();
    labels.push(&[0, 3]);
    let refused = Labelled::new(&[0.5; 3], 3, &labels).unwrap_err();
    assert!(matches!(
        refused,
        Error::LabelOutOfRange {
            row: 0,
            label: 3,
            classes: 3
        }
    ));
    assert!(matches!(
        Labelled::new(&[], 3, &Sequences::default()),
        Err(Error::NoRows)
    ));
    assert!(matches!(
        Labelled::new(&[0.5], 3, &labels),
        Err(Error::Length { .. })
    ));
    assert!(matches!(
        Labelled::new(&[0.5, f32::NAN, 0.5], 3, &labels),
        Err(Error::NotProbability { column: 1, .. })
    ));
    let names = strings(&["O", "B-X"]);
    let mut truth = Sequences::default();
    truth.push(&[0, 1]);
    let mut longer = Sequences::default();
    longer.push(&[0, 1, 0]);
    assert!(matches!(
        Tagged::new(longer, &truth, &names),
        Err(Error::Length { .. })
    ));
    let mut beyond = Sequences::default();
    beyond.push(&[0, 2]);
    assert!(matches!(
        Tagged::new(beyond, &truth, &names),
        Err(Error::LabelOutOfRange { .. })
    ));
    assert!(matches!(
        Tagged::new(Sequences::default(), &truth, &names),
        Err(Error::Length { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn errors_of_all_kinds_add_up(
        texts in prop::collection::vec(prop::collection::vec((0u32..9, 0u32..9), 0..20), 1..6)
    ) {
        let names = strings(&["O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B", "S-B"]);
        let (mut truth, mut said) = (Sequences::default(), Sequences::default());
        for text in &texts {
            truth.push(&text.iter().map(|pair| pair.0).collect::<Vec<_>>());
            said.push(&text.iter().map(|pair| pair.1).collect::<Vec<_>>());
        }
        prop_assume!(!truth.values().is_empty());
        let tagged = Tagged::new(said, &truth, &names).unwrap();
        let spans = TagSummary::compute(&tagged).spans.unwrap();
        let count = |kind: SpanErrorKind| spans.errors.iter().find(|errors| errors.kind == kind).unwrap().count;
        let joined = count(SpanErrorKind::Type) + count(SpanErrorKind::Boundary);
        let scores = spans.scores;
        prop_assert_eq!(joined + count(SpanErrorKind::Missed), scores.support - scores.correct);
        prop_assert_eq!(joined + count(SpanErrorKind::Invented), scores.predicted - scores.correct);
        prop_assert!(spans.strict.correct <= scores.correct);
    }
}

#[test]
fn tags_may_be_missing_anywhere() {
    let names = strings(&["n", "v"]);
    let (mut truth, mut said) = (Sequences::default(), Sequences::default());
    truth.push(&[0, 1, 1]);
    said.push(&[MISSING_TAG, 1]);
    let summary = TagSummary::compute(&Tagged::new(said, &truth, &names).unwrap());
    assert_eq!((summary.cut, summary.tokens), (2, 3));
    assert!((summary.accuracy - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(
        (summary.tags[1].precision, summary.tags[1].recall),
        (1.0, 0.5)
    );
    let mut unknown = Sequences::default();
    unknown.push(&[0, MISSING_TAG]);
    let refused = Tagged::new(unknown.clone(), &unknown, &names).unwrap_err();
    assert!(matches!(refused, Error::LabelOutOfRange { .. }));
}
