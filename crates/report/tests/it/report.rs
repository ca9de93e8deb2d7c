//! The report: complete, self-contained, well-formed, and harmless whatever the names are.

use jingwei_metrics::Epoch;
use jingwei_metrics::Evaluation;
use jingwei_metrics::{ClassificationSummary, Estimates, Predictions, RegressionSummary};
use jingwei_report::{
    DataDescription, Fact, Layer, ModelDescription, Part, QuarantinedRow, Report, Section, diagram,
    render,
};

pub const HOSTILE: &str =
    "</style></svg><script src=\"//x\">alert('1')</script>&\u{0}\u{202e}{{ 7*7 }}";

fn evaluation(classes: usize) -> Evaluation {
    let labels: Vec<u32> = (0..classes as u32 * 4)
        .map(|row| row % classes as u32)
        .collect();
    let probability = |row: usize, class: usize| {
        let guess = if row.is_multiple_of(5) {
            (labels[row] as usize + 1) % classes
        } else {
            labels[row] as usize
        };
        if class == guess {
            0.7
        } else {
            0.3 / (classes - 1) as f32
        }
    };
    let rows = (0..labels.len()).flat_map(|row| (0..classes).map(move |class| (row, class)));
    let probabilities: Vec<f32> = rows.map(|(row, class)| probability(row, class)).collect();
    let predictions = Predictions::new(&probabilities, classes, &labels, None).unwrap();
    Evaluation::Classification(Box::new(ClassificationSummary::compute(&predictions)))
}

fn epoch(number: u64) -> Epoch {
    Epoch {
        epoch: number,
        step: number * 10,
        learning_rate: 1e-3,
        seconds: 1.0,
        train: [
            ("loss".into(), Some(1.0 / number as f64)),
            (HOSTILE.into(), Some(0.5)),
        ]
        .into(),
        valid: [
            ("loss".into(), (number != 2).then_some(0.5)),
            ("roc_auc".into(), Some(f64::NAN)),
        ]
        .into(),
    }
}

/// A report with `text` wherever a user's text can stand.
fn report(text: &str, classes: usize) -> Report {
    let layer = |name: &str, inputs: &[&str]| Layer {
        name: name.into(),
        kind: text.into(),
        output: text.into(),
        parameters: 12,
        inputs: inputs.iter().map(|input| input.to_string()).collect(),
    };
    Report {
        title: text.into(),
        task: text.into(),
        created: text.into(),
        recipe: text.into(),
        data: DataDescription {
            classes: (0..classes).map(|class| format!("{text}{class}")).collect(),
            parts: vec![Part {
                name: text.into(),
                rows: 7,
                counts: vec![1; classes],
            }],
            target: text.into(),
            facts: vec![Fact::new(text, text)],
        },
        model: ModelDescription {
            layers: vec![
                layer("a", &[]),
                layer(text, &["a"]),
                layer("c", &[text, "a", "missing"]),
            ],
            facts: vec![Fact::new(text, text)],
        },
        history: (1..=3).map(epoch).collect(),
        best_epoch: Some(3),
        valid: Some(evaluation(classes)),
        test: Some(evaluation(classes)),
        sections: vec![
            Section::render(
                "own",
                text,
                "\n<section><h2 id=\"own\">{{ name }}</h2></section>",
                &serde_json::json!({ "name": text }),
            )
            .unwrap(),
        ],
        warnings: vec![text.into()],
        quarantined: 1,
        quarantined_rows: vec![QuarantinedRow {
            origin: text.into(),
            reason: text.into(),
        }],
        ..Report::default()
    }
}

/// Panics unless every element of the page is closed in order; returns all tags.
pub fn tags(page: &str) -> Vec<String> {
    const EMPTY: [&str; 3] = ["meta", "img", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece
            .split_once('>')
            .unwrap_or_else(|| panic!("a tag is not closed: {piece}"));
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        all.push(tag.to_owned());
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in {tag}");
        } else if !tag.ends_with('/') && !EMPTY.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    all
}

#[test]
fn hostile_names_stay_text() {
    for classes in [2, 3, 30] {
        let page = render(&report(HOSTILE, classes)).unwrap();
        for tag in tags(&page) {
            let name = tag.split(' ').next().unwrap().to_lowercase();
            assert!(
                !["script", "/script", "iframe", "object", "link"].contains(&name.as_str()),
                "{tag}"
            );
            assert!(!tag.contains(" on"), "{tag}");
        }
        assert!(!page.contains('\u{0}'));
        assert!(page.contains("&lt;script"));
        assert!(page.contains("{{ 7*7 }}"));
    }
}

#[test]
fn a_page_needs_nothing_from_outside() {
    let page = render(&report("name", 3)).unwrap();
    for tag in tags(&page) {
        for attribute in ["src=\"", "href=\""] {
            if let Some((_, value)) = tag.split_once(attribute) {
                assert!(
                    value.starts_with("data:image/png;base64,") || value.starts_with('#'),
                    "{tag}"
                );
            }
        }
    }
    assert!(!page.contains("@import") && !page.contains("url(h"));
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn links_lead_to_sections_and_plots_have_words() {
    let page = render(&report("name", 12)).unwrap();
    let tags = tags(&page);
    for target in tags.iter().filter_map(|tag| tag.strip_prefix("a href=\"#")) {
        let id = format!("id=\"{}\"", target.trim_end_matches('"'));
        assert_eq!(
            tags.iter().filter(|tag| tag.contains(&id)).count(),
            1,
            "{id}"
        );
    }
    let plots: Vec<_> = tags
        .iter()
        .filter(|tag| tag.starts_with("svg class=\"plot\""))
        .collect();
    assert_eq!(plots.len(), 4 + 4);
    assert!(
        plots
            .iter()
            .all(|tag| tag.contains("role=\"img\"") && tag.contains("aria-label=\""))
    );
}

#[test]
fn a_class_is_taken_for_another_once_or_so_many_times() {
    // Of three classes' rows, each fifth is wrong, and of another class; of five classes' rows, of the same.
    let page = render(&report("name", 3)).unwrap();
    assert!(page.contains(": once,") && !page.contains("1 times"));
    assert!(render(&report("name", 5)).unwrap().contains(": 4 times,"));
}

#[test]
fn every_part_of_a_report_may_be_missing() {
    tags(&render(&Report::default()).unwrap());
    let one = Report {
        history: vec![epoch(1)],
        valid: Some(evaluation(4)),
        ..Report::default()
    };
    let page = render(&one).unwrap();
    assert!(page.contains("which steered the training") && page.contains("class 3"));
    assert!(page.contains("<details open>"));
}

#[test]
fn a_regression_has_its_own_plots() {
    let estimates = Estimates::new(&[1.0, 2.5, 2.0], &[1.0, 2.0, 3.0], 1, None).unwrap();
    let summary = Evaluation::Regression(Box::new(RegressionSummary::compute(&estimates)));
    let page = render(&Report {
        test: Some(summary),
        ..Report::default()
    })
    .unwrap();
    tags(&page);
    assert!(page.contains("Residuals") && page.contains("predictions are off by 0.5000"));
}

#[test]
fn reports_that_do_not_fit_together_are_refused() {
    let refused = |report: &Report| render(report).unwrap_err().to_string();
    let mut wrong = report("name", 3);
    wrong.data.classes.pop();
    assert!(refused(&wrong).contains("evaluation of the test part: expected 2 classes, found 3"));
    let mut wrong = report("name", 3);
    wrong.data.parts[0].counts.push(1);
    assert!(refused(&wrong).contains("counts of part `name`"));
}

#[test]
fn a_report_survives_json() {
    let mut report = report("name", 3);
    report.history.clear();
    let json = serde_json::to_string(&report).unwrap();
    assert!(serde_json::from_str::<Report>(&json).unwrap() == report);
}

#[test]
fn diagrams_draw_branches_once_and_ignore_what_is_not_there() {
    tags(&diagram(&[]));
    let layers = report(HOSTILE, 3).model.layers;
    let drawing = diagram(&layers);
    tags(&drawing);
    assert_eq!(drawing.matches("class=\"wire\"").count(), 3);
    assert_eq!(drawing.matches("class=\"box\"").count(), 3);
}
