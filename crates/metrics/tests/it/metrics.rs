//! Metrics against scikit-learn (`scripts/golden/metrics.py`), and what they refuse.

use jingwei_metrics::Error;
use jingwei_metrics::{
    Average, ClassificationSummary, Estimates, Metric, Predictions, RegressionSummary, accuracy,
    class_roc_auc, roc_auc, two_columns,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

const GOLDEN: &str = include_str!("../golden/metrics.json");

fn cases(kind: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    golden[kind].as_array().unwrap().clone()
}

fn floats(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}

fn optional(value: &Value) -> Option<Vec<f32>> {
    value.is_array().then(|| floats(value))
}

fn assert_same(place: &str, found: Option<f64>, expected: &Value) {
    match (found, expected.as_f64()) {
        (None, None) => {}
        (Some(found), Some(expected))
            if (found - expected).abs() <= 1e-6 * expected.abs().max(1e-3) => {}
        _ => panic!("{place}: expected {expected}, found {found:?}"),
    }
}

fn assert_all(place: &str, found: impl Iterator<Item = Option<f64>>, expected: &Value) {
    let expected = expected.as_array().unwrap();
    let found: Vec<_> = found.collect();
    assert_eq!(found.len(), expected.len(), "{place}");
    for (found, expected) in found.into_iter().zip(expected) {
        assert_same(place, found, expected);
    }
}

fn with_predictions(case: &Value, check: impl FnOnce(&Predictions)) {
    let probabilities = floats(&case["probabilities"]);
    let labels: Vec<u32> = case["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| label.as_u64().unwrap() as u32)
        .collect();
    let weights = optional(&case["weights"]);
    let classes = case["classes"].as_u64().unwrap() as usize;
    check(&Predictions::new(&probabilities, classes, &labels, weights.as_deref()).unwrap());
}

#[test]
fn named_metrics_equal_scikit_learn() {
    for case in cases("classification") {
        with_predictions(&case, |predictions| {
            let mut compared = 0;
            for (name, expected) in case["expected"].as_object().unwrap() {
                let Ok(metric) = name.parse::<Metric>() else {
                    continue;
                };
                let found = metric.of_classification(predictions).unwrap();
                assert_same(&format!("{}: {name}", case["name"]), found, expected);
                compared += 1;
            }
            assert!(compared >= 12, "{}: {compared} metrics", case["name"]);
        });
    }
}

#[test]
fn summaries_equal_scikit_learn() {
    for case in cases("classification") {
        with_predictions(&case, |predictions| {
            let summary = ClassificationSummary::compute(predictions);
            let expected = &case["expected"];
            let place = |what: &str| format!("{}: {what}", case["name"]);
            let classes = || summary.classes.iter();
            assert_all(
                &place("precision"),
                classes().map(|class| Some(class.precision)),
                &expected["precision_classes"],
            );
            assert_all(
                &place("recall"),
                classes().map(|class| Some(class.recall)),
                &expected["recall_classes"],
            );
            assert_all(
                &place("f1"),
                classes().map(|class| Some(class.f1)),
                &expected["f1_classes"],
            );
            assert_all(
                &place("roc"),
                classes().map(|class| class.roc_auc),
                &expected["roc_auc_classes"],
            );
            assert_all(
                &place("pr"),
                classes().map(|class| class.pr_auc),
                &expected["pr_auc_classes"],
            );
            for (truth, row) in expected["confusion"].as_array().unwrap().iter().enumerate() {
                let found = (0..predictions.classes())
                    .map(|column| Some(summary.confusion.count(truth, column)));
                assert_all(&place("confusion"), found, row);
            }
            for (bin, expected) in summary
                .reliability
                .iter()
                .zip(case["reliability"].as_array().unwrap())
            {
                let found = [bin.weight, bin.confidence, bin.accuracy]
                    .into_iter()
                    .map(Some);
                assert_all(&place("reliability"), found, expected);
            }
            for (name, found) in named(&summary) {
                if let Some(expected) = expected.get(name) {
                    assert_same(&place(name), found, expected);
                }
            }
        });
    }
}

fn named(summary: &ClassificationSummary) -> [(&'static str, Option<f64>); 12] {
    [
        ("accuracy", Some(summary.accuracy)),
        ("balanced_accuracy", Some(summary.balanced_accuracy)),
        ("log_loss", Some(summary.log_loss)),
        ("calibration_error", Some(summary.calibration_error)),
        ("precision_macro", Some(summary.precision.unweighted)),
        ("precision_weighted", Some(summary.precision.weighted)),
        ("recall_micro", Some(summary.recall.micro)),
        ("f1_weighted", Some(summary.f1.weighted)),
        ("roc_auc", summary.roc_auc),
        ("roc_auc_weighted", summary.roc_auc_weighted),
        ("pr_auc", summary.pr_auc),
        ("pr_auc_weighted", summary.pr_auc_weighted),
    ]
}

#[test]
fn regression_metrics_equal_scikit_learn() {
    for case in cases("regression") {
        let (predicted, targets) = (floats(&case["predicted"]), floats(&case["targets"]));
        let weights = optional(&case["weights"]);
        let outputs = case["outputs"].as_u64().unwrap() as usize;
        let estimates = Estimates::new(&predicted, &targets, outputs, weights.as_deref()).unwrap();
        for (name, expected) in case["expected"].as_object().unwrap() {
            let found = name
                .parse::<Metric>()
                .unwrap()
                .of_regression(&estimates)
                .unwrap();
            assert_same(&format!("{}: {name}", case["name"]), found, expected);
        }
        let summary = RegressionSummary::compute(&estimates);
        assert_same(
            "summary rmse",
            Some(summary.rmse),
            &case["expected"]["rmse"],
        );
        assert_same("summary r2", summary.r2, &case["expected"]["r2"]);
    }
}

#[test]
fn averages_leave_out_classes_that_no_row_has() {
    let probabilities = [0.6, 0.3, 0.1, 0.2, 0.7, 0.1, 0.5, 0.4, 0.1];
    let predictions = Predictions::new(&probabilities, 3, &[0, 1, 1], None).unwrap();
    assert_eq!(class_roc_auc(&predictions, 2), None);
    let mean =
        (class_roc_auc(&predictions, 0).unwrap() + class_roc_auc(&predictions, 1).unwrap()) / 2.0;
    assert_eq!(roc_auc(&predictions, Average::Macro), Some(mean));
}

#[test]
fn a_sigmoid_output_becomes_two_columns() {
    let columns = two_columns(&[0.9, 0.2, 0.6]);
    let predictions = Predictions::new(&columns, 2, &[1, 0, 0], None).unwrap();
    assert!((accuracy(&predictions) - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let message = |probabilities: &[f32], classes, labels: &[u32], weights: Option<&[f32]>| {
        Predictions::new(probabilities, classes, labels, weights)
            .unwrap_err()
            .to_string()
    };
    assert!(message(&[], 3, &[], None).contains("no rows"));
    assert!(message(&[0.5; 5], 2, &[0, 1], None).contains("expected 4 probabilities, found 5"));
    assert!(
        message(&[0.5, 0.5, f32::NAN, 0.5], 2, &[0, 1], None).contains("row 1, class 0 is NaN")
    );
    assert!(message(&[0.5, 3.5], 2, &[0], None).contains("logits"));
    assert!(
        message(&[0.5; 4], 2, &[0, 2], None)
            .contains("row 1 has label 2, but the model has 2 classes (0 to 1)")
    );
    assert!(
        message(&[0.5; 4], 2, &[0, 1], Some(&[1.0])).contains("expected 2 sample weights, found 1")
    );
    assert!(message(&[0.5; 4], 2, &[0, 1], Some(&[1.0, -1.0])).contains("row 1 is -1"));
    assert!(matches!(
        Predictions::new(&[0.5; 4], 2, &[0, 1], Some(&[0.0, 0.0])),
        Err(Error::NoWeight)
    ));
    let infinite = Estimates::new(&[1.0, f32::INFINITY], &[1.0, 1.0], 1, None).unwrap_err();
    assert!(infinite.to_string().contains("row 1"));
    assert!(Estimates::new(&[1.0; 3], &[1.0; 3], 2, None).is_err());
}

#[test]
fn names_are_read_back_and_wrong_ones_answered() {
    for metric in Metric::all() {
        let json = serde_json::to_string(&metric).unwrap();
        assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), metric);
    }
    assert_eq!("top_3_accuracy".parse::<Metric>().unwrap(), Metric::TopK(3));
    let error = "acuracy".parse::<Metric>().unwrap_err().to_string();
    assert!(error.contains("did you mean `accuracy`?"), "{error}");
    assert!("top_0_accuracy".parse::<Metric>().is_err());
    let misfit = Metric::F1(Average::Binary)
        .check(Some(3))
        .unwrap_err()
        .to_string();
    assert!(
        misfit.contains("`f1` needs two classes, found 3; use `f1_macro`"),
        "{misfit}"
    );
    assert!(Metric::Mse.check(Some(3)).is_err());
    assert!(Metric::Accuracy.check(None).is_err());
    assert!(Metric::R2.higher_is_better() && !Metric::LogLoss.higher_is_better());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn curves_are_thin_and_areas_agree(rows in proptest::collection::vec((0.0f32..=1.0, 0u32..2), 2..400)) {
        let positive: Vec<f32> = rows.iter().map(|row| row.0).collect();
        let labels: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let columns = two_columns(&positive);
        let summary = ClassificationSummary::compute(&Predictions::new(&columns, 2, &labels, None).unwrap());
        let scores = &summary.classes[1];
        if let (Some(area), Some(curve)) = (scores.roc_auc, &scores.roc_curve) {
            let points = &curve.points;
            prop_assert!(points.len() <= 202);
            prop_assert_eq!((points[0], points[points.len() - 1]), ((0.0, 0.0), (1.0, 1.0)));
            let trapezes = points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[1].1 + pair[0].1) / 2.0);
            prop_assert!((trapezes.sum::<f32>() - area as f32).abs() < 0.02);
        }
        let json = serde_json::to_string(&summary).unwrap();
        prop_assert!(serde_json::from_str::<ClassificationSummary>(&json).unwrap() == summary);
    }
}
