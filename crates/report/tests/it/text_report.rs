//! What reports tell of texts: complete, well-formed, and harmless whatever the texts are.

use jingwei_data::Sequences;
use jingwei_data::prepare::Pretrained;
use jingwei_metrics::Evaluation;
use jingwei_metrics::{
    ClassificationSummary, LabelSummary, Labelled, Predictions, SpanErrorKind, TagSummary, Tagged,
};
use jingwei_report::{
    BareTexts, BaselineScores, Counted, DuplicateText, DuplicateTexts, Explanation, Lengths,
    Report, TagError, TagSpan, TextData, TextPart, TextReport, TokenWeight, WorstText, occlusion,
    render, weigh, worth_explaining,
};

use crate::report::{HOSTILE, tags};

fn accuracy_of(right: usize) -> Evaluation {
    let labels = [0; 10];
    let row = |row: usize| if row < right { [0.9, 0.1] } else { [0.1, 0.9] };
    let probabilities: Vec<f32> = (0..10).flat_map(row).collect();
    let predictions = Predictions::new(&probabilities, 2, &labels, None).unwrap();
    Evaluation::Classification(Box::new(ClassificationSummary::compute(&predictions)))
}

/// A report with `text` wherever a user's text can stand.
fn report(text: &str) -> Report {
    let counted = || vec![Counted::new(text, 3), Counted::new("other", 1)];
    let span = |start, end| TagSpan {
        start,
        end,
        name: text.into(),
    };
    let error = |kind| TagError {
        kind,
        tokens: vec![text.into(), "b".into(), "c".into()],
        truth: vec![span(0, 2)],
        predicted: vec![span(1, 2), span(2, 3)],
        place: (0, 2),
        origin: text.into(),
    };
    let weight = |weight| TokenWeight {
        text: text.into(),
        weight,
    };
    Report {
        valid: Some(accuracy_of(9)),
        test: Some(accuracy_of(8)),
        text: TextReport {
            data: Some(TextData {
                bare: vec![BareTexts {
                    cause: text.into(),
                    count: 2,
                    first: text.into(),
                }],
                unit: text.into(),
                lengths: Lengths::of(0..100),
                length_limit: 50,
                vocabulary: 10,
                distinct: 20,
                once: 5,
                frequent: counted(),
                parts: vec![TextPart {
                    name: text.into(),
                    texts: 4,
                    ..TextPart::default()
                }],
                scripts: counted(),
                encodings: counted(),
                kept: 96,
                set_aside: counted(),
                changed: counted(),
            }),
            pretrained: vec![Pretrained {
                file: text.into(),
                parameter: text.into(),
                missing: vec![text.into()],
                ..Pretrained::default()
            }],
            duplicates: Some(DuplicateTexts {
                exact: 1,
                near: 2,
                groups: 2,
                examples: vec![vec![DuplicateText {
                    text: text.into(),
                    part: "train".to_owned(),
                    origin: text.into(),
                }]],
                ..DuplicateTexts::default()
            }),
            baseline: Some(BaselineScores {
                name: text.into(),
                valid: Some(accuracy_of(6)),
                test: Some(accuracy_of(7)),
                seconds: 2.5,
            }),
            worst: vec![
                WorstText {
                    text: text.into(),
                    truth: vec![0],
                    predicted: vec![1],
                    origin: text.into(),
                    ..WorstText::default()
                },
                WorstText {
                    text: text.repeat(60),
                    ..WorstText::default()
                },
            ],
            explanations: vec![Explanation {
                tokens: vec![weight(0.5), weight(-0.2), weight(0.0)],
                class: 1,
                probability: 0.8,
                truth: Some(0),
                origin: text.into(),
            }],
            tag_errors: SpanErrorKind::ALL.map(error).into(),
        },
        ..Report::default()
    }
}

#[test]
fn hostile_texts_stay_text() {
    let page = render(&report(HOSTILE)).unwrap();
    for tag in tags(&page) {
        let name = tag.split(' ').next().unwrap().to_lowercase();
        let refused = ["script", "/script", "iframe", "object", "link"];
        assert!(!refused.contains(&name.as_str()), "{tag}");
        assert!(!tag.contains(" on"), "{tag}");
    }
    assert!(!page.contains('\u{0}'));
    assert!(page.contains("&lt;script") && page.contains("{{ 7*7 }}"));
}

#[test]
fn every_part_has_its_section_and_may_be_missing() {
    let page = render(&report("文字")).unwrap();
    let all = tags(&page);
    for id in ["spans", "worst-texts", "tokens", "data", "duplicates"] {
        let section = format!("id=\"{id}\"");
        assert_eq!(
            all.iter().filter(|tag| tag.contains(&section)).count(),
            1,
            "{id}"
        );
        assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
    }
    for word in [
        "Lengths",
        "Kept and set aside",
        "Most frequent",
        "cut here",
        "文字",
    ] {
        assert!(page.contains(word), "{word}");
    }
    assert_eq!(
        page.matches("<details><summary>").count(),
        1,
        "short texts are not folded, but words without vectors are"
    );
    let bare = Report {
        text: TextReport {
            data: Some(TextData::default()),
            worst: vec![WorstText::default()],
            explanations: vec![Explanation::default()],
            ..TextReport::default()
        },
        ..Report::default()
    };
    tags(&render(&bare).unwrap());
}

#[test]
fn long_texts_are_folded_and_whole() {
    let text = "很长的评论。".repeat(100);
    let mut long = report("x");
    long.text.worst[0].text = text.clone();
    let page = render(&long).unwrap();
    assert!(page.contains("all 600 letters") && page.contains(&text));
}

#[test]
fn the_baseline_stands_beside_the_model() {
    let page = render(&report("plain method")).unwrap();
    assert!(page.contains("Baseline, validation") && page.contains("Baseline, test"));
    assert!(page.contains("The baseline (plain method, fitted in 2.50"));
    assert!(page.contains("the network is 10.00 points better"));
    let mut worse = report("x");
    worse.test = Some(accuracy_of(5));
    let page = render(&worse).unwrap();
    assert!(page.contains("20.00 points worse") && page.contains("verdict behind"));
    worse.test = Some(accuracy_of(7));
    assert!(render(&worse).unwrap().contains("the network is no better"));
}

#[test]
fn tokens_are_signed_and_only_strong_ones_are_marked() {
    let page = render(&report("word")).unwrap();
    assert!(page.contains(r#"<span class="for" style="--tint:60%" title="+50.0">word</span>"#));
    assert!(
        page.contains(r#"<span class="against" style="--tint:24%" title="−20.0">word</span>word"#)
    );
    assert!(page.contains("For: <bdi>word +50.0</bdi>. Against: <bdi>word −20.0</bdi>."));
}

fn lists(lists: &[&[u32]]) -> Sequences {
    let mut sequences = Sequences::default();
    lists.iter().for_each(|list| sequences.push(list));
    sequences
}

#[test]
fn errors_of_a_tagger_are_shown_in_their_texts() {
    let names = ["O", "B-人名", "I-人名"].map(str::to_owned);
    let truth = lists(&[&[0, 1, 2, 0], &[0; 40], &[1, 2, 0, 0]]);
    let mut long = [0; 40];
    long[30] = 1;
    let said = lists(&[&[0, 1, 0, 0], &long, &[1, 2, 0, 0]]);
    let tagged = Tagged::new(said, &truth, &names).unwrap();
    let summary = TagSummary::compute(&tagged);
    let spans = summary.spans.as_ref().unwrap();
    let errors = TagError::examples(spans, &tagged, |row| {
        let tokens = (0..truth.get(row).len()).map(|token| format!("字{token}"));
        (tokens.collect(), format!("row {row}"))
    });
    let kinds: Vec<_> = errors.iter().map(|error| error.kind).collect();
    assert_eq!(kinds, [SpanErrorKind::Boundary, SpanErrorKind::Invented]);
    assert_eq!((errors[0].place, errors[0].truth[0].end), ((1, 3), 3));
    assert_eq!(errors[1].tokens.first().unwrap(), "…字16");
    assert_eq!(errors[1].predicted[0].start, 14);
    let page = render(&Report {
        test: Some(Evaluation::Tags(Box::new(summary))),
        text: TextReport {
            tag_errors: errors,
            ..TextReport::default()
        },
        ..Report::default()
    })
    .unwrap();
    tags(&page);
    assert!(page.contains("Errors by kind") && page.contains("Confusion of tags"));
    assert!(page.contains("true: 字1字2 (人名); predicted: 字1 (人名)"));
}

#[test]
fn labels_have_a_table() {
    let labels = lists(&[&[0, 1], &[], &[1]]);
    let labelled = Labelled::new(&[0.9, 0.6, 0.2, 0.1, 0.4, 0.8], 2, &labels).unwrap();
    let evaluation = Evaluation::Labels(Box::new(LabelSummary::compute(&labelled)));
    let page = render(&Report {
        valid: Some(evaluation),
        ..Report::default()
    })
    .unwrap();
    tags(&page);
    assert!(page.contains("By label") && page.contains("Hamming loss"));
}

#[test]
fn lengths_are_counted_whole() {
    assert_eq!(Lengths::of([]), Lengths::default());
    for lengths in [vec![0], vec![7; 3], (0..5000).collect(), vec![1, 1_000_000]] {
        let counted = Lengths::of(lengths.iter().copied());
        let all = counted.bins.iter().sum::<u64>() + counted.beyond;
        assert_eq!(all, lengths.len() as u64);
        assert!(counted.bins.len() <= 41 && counted.beyond * 100 <= all);
        assert_eq!(counted.longest as usize, *lengths.iter().max().unwrap());
    }
}

#[test]
fn hiding_a_token_tells_what_it_weighs() {
    // The second class gets a tenth for every token 7, and loses one for every 9.
    let predict = |texts: &Sequences| {
        let score = |text: &[u32]| {
            let count = |id: u32| text.iter().filter(|other| **other == id).count() as f32;
            0.5 + 0.1 * (count(7) - count(9))
        };
        Ok::<_, jingwei_metrics::Error>(
            texts
                .iter()
                .flat_map(|text| [1.0 - score(text), score(text)])
                .collect(),
        )
    };
    let pieces = [0..1, 1..2, 2..3, 3..4];
    let weights = occlusion(&[7, 4, 9, 7], &pieces, |_| 1, 1, 2, predict).unwrap();
    for (found, expected) in weights.iter().zip([0.1, 0.0, -0.1, 0.1]) {
        assert!((found - expected).abs() < 1e-6, "{weights:?}");
    }
    // A word and its characters are hidden together, each by the unknown token of its kind.
    let pieces = [0..2, 2..4];
    let unknown = |id| if id >= 9 { 9 } else { 1 };
    let weights = occlusion(&[7, 7, 8, 20], &pieces, unknown, 1, 2, predict).unwrap();
    for (found, expected) in weights.iter().zip([0.2, 0.1]) {
        assert!((found - expected).abs() < 1e-6, "{weights:?}");
    }
    assert!(occlusion(&[7], &[], |_| 1, 0, 3, predict).is_err());
}

#[test]
fn pieces_of_a_text_join_to_the_text() {
    let text = "很好, good hotel。";
    // Two tokens share the place of one character, as the bytes of a rare one do; one place is cut inside a letter.
    let places = [0..3, 3..6, 3..6, 8..12, 9..12, 13..18, 19..20];
    let weights = [0.1, 0.2, 0.3, -0.4, -0.1, 0.5, 1.0];
    let pieces = weigh(text, &places, &weights);
    let joined: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(joined, text);
    let marked: Vec<_> = pieces.iter().filter(|piece| piece.weight != 0.0).collect();
    assert_eq!(marked[1].text, "好");
    assert!((marked[1].weight - 0.5).abs() < 1e-6 && (marked[2].weight + 0.5).abs() < 1e-6);
    assert_eq!(weigh("", &[], &[]), []);
}

#[test]
fn texts_of_three_kinds_are_explained() {
    let probabilities = [0.9, 0.1, 0.2, 0.8, 0.55, 0.45, 0.99, 0.01, 0.05, 0.95];
    let predictions = Predictions::new(&probabilities, 2, &[0, 0, 0, 0, 0], None).unwrap();
    assert_eq!(worth_explaining(&predictions, 3), [4, 2, 3]);
    assert_eq!(worth_explaining(&predictions, 100).len(), 5);
}

#[test]
fn worst_texts_of_several_labels_say_what_their_numbers_are() {
    let mut several = report("文字");
    several.text.worst = vec![WorstText {
        truth: vec![0, 1],
        truth_probability: 0.125,
        ..WorstText::default()
    }];
    let page = render(&several).unwrap();
    assert!(page.contains("<b><bdi>nothing</bdi></b>  · true"), "{page}");
    assert!(page.contains("12.50") && page.contains("surest label"));
    several.text.worst[0].truth = vec![0];
    several.text.worst[0].predicted = vec![1];
    assert!(!render(&several).unwrap().contains("surest label"));
}
