//! Many classes: what is measured, stored and reported grows with the data, not with the square of the classes.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jingwei_bundle::Bundle;
use jingwei_data::{Dataset, Features, Preparation, Targets};
use jingwei_engine::{Level, Runtime};
use jingwei_metrics::Evaluation;
use jingwei_metrics::{
    ClassificationSummary, ConfusionMatrix, Kept, LabelSummary, Metric, Outcome, Predictions,
    keeps_probabilities,
};
use jingwei_nn::{Sequential, SparseCategoricalCrossEntropy};
use jingwei_report::{DataDescription, Part, Report, render};
use jingwei_tasks::Error;
use jingwei_tasks::run::{Job, RunResult, run_training};
use jingwei_train::fit::{FitOptions, Functions, Objective, Trainer, TrainingData};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Numbers that look random.
fn random(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    }
}

/// Rows × classes of probabilities, with ties, and a label for each row.
fn predictions(rows: usize, classes: usize, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut random = random(seed);
    let probabilities = (0..rows * classes).map(|_| (random() % 8) as f32 / 8.0);
    let probabilities = probabilities.collect();
    (
        probabilities,
        (0..rows).map(|_| (random() % classes) as u32).collect(),
    )
}

fn summary(outcomes: &[Outcome], classes: usize) -> ClassificationSummary {
    ClassificationSummary::compute(&Predictions::of_outcomes(outcomes, classes).unwrap())
}

/// The outcomes of rows of which every tenth is wrong.
fn outcomes(rows: usize, classes: usize) -> Vec<Outcome> {
    let outcome = |row: usize| {
        let label = (row % classes) as u32;
        let predicted = if row.is_multiple_of(10) {
            (label + 1) % classes as u32
        } else {
            label
        };
        Outcome {
            label,
            predicted,
            confidence: 0.5,
            truth: if predicted == label { 0.5 } else { 0.25 },
            rank: u32::from(predicted != label),
        }
    };
    (0..rows).map(outcome).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn outcomes_give_the_same_figures_as_all_probabilities(rows in 1usize..40, classes in 2usize..9, seed: u64) {
        let (probabilities, labels) = predictions(rows, classes, seed);
        let whole = Predictions::new(&probabilities, classes, &labels, None).unwrap();
        let mut whole = ClassificationSummary::compute(&whole);
        let each = probabilities.chunks(classes).zip(&labels);
        let outcomes: Vec<Outcome> = each.map(|(row, label)| Outcome::new(row, *label)).collect();
        let alone = summary(&outcomes, classes);
        prop_assert_eq!((alone.roc_auc, alone.pr_auc), (None, None));
        (whole.roc_auc, whole.roc_auc_weighted, whole.pr_auc, whole.pr_auc_weighted) = (None, None, None, None);
        for scores in &mut whole.classes {
            (scores.roc_auc, scores.pr_auc, scores.roc_curve, scores.pr_curve) = (None, None, None, None);
        }
        prop_assert_eq!(whole, alone);
    }

    #[test]
    fn counted_labels_give_the_same_figures_as_all_probabilities(rows in 1usize..20, classes in 1usize..7, seed: u64) {
        let (probabilities, _) = predictions(rows, classes, seed);
        let mut random = random(seed ^ 1);
        let mut labels = jingwei_data::Sequences::default();
        for _ in 0..rows {
            let own: Vec<u32> = (0..classes as u32).filter(|_| random().is_multiple_of(3)).collect();
            labels.push(&own);
        }
        let whole = Kept::Values(probabilities.clone());
        let mut whole = LabelSummary::compute(&whole.labelled(classes, &labels).unwrap());
        let mut counts = jingwei_metrics::LabelCounts::new(rows, classes);
        for (row, probabilities) in probabilities.chunks(classes).enumerate() {
            counts.see(row, probabilities, labels.get(row)).unwrap();
        }
        let counted = Kept::Counts(counts);
        let mut counted = LabelSummary::compute(&counted.labelled(classes, &labels).unwrap());
        prop_assert!((whole.log_loss - counted.log_loss).abs() < 1e-12);
        counted.log_loss = whole.log_loss;
        (whole.roc_auc, whole.roc_auc_weighted, whole.pr_auc, whole.pr_auc_weighted) = (None, None, None, None);
        for scores in &mut whole.labels {
            (scores.roc_auc, scores.pr_auc, scores.roc_curve, scores.pr_curve) = (None, None, None, None);
        }
        prop_assert_eq!(whole, counted);
    }

    #[test]
    fn a_matrix_survives_json(classes in 1usize..150, pairs in proptest::collection::vec((0usize..150, 0usize..150), 0..30)) {
        let pairs = pairs.into_iter().map(|(truth, said)| (truth % classes, said % classes));
        let matrix = ConfusionMatrix::of(classes, pairs);
        let json = serde_json::to_string(&matrix).unwrap();
        prop_assert_eq!(serde_json::from_str::<ConfusionMatrix>(&json).unwrap(), matrix);
    }
}

#[test]
fn a_matrix_that_does_not_fit_its_classes_is_refused() {
    for wrong in [
        r#"{"classes":2,"counts":[1.0]}"#,
        r#"{"classes":200,"cells":[[200,0,1.0]]}"#,
        r#"{"classes":18446744073709551615,"counts":[1.0]}"#,
    ] {
        assert!(
            serde_json::from_str::<ConfusionMatrix>(wrong).is_err(),
            "{wrong}"
        );
    }
    let huge = r#"{"classes":18446744073709551615,"cells":[[5,0,1.0]]}"#;
    let huge: ConfusionMatrix = serde_json::from_str(huge).unwrap();
    assert_eq!((huge.support(5), huge.total()), (1.0, 1.0));
}

#[test]
fn what_is_kept_of_100_000_classes_is_small() {
    let summary = summary(&outcomes(300_000, 100_000), 100_000);
    assert!((summary.accuracy - 0.9).abs() < 1e-9);
    assert_eq!(summary.confusion.cells().len(), 100_000);
    let evaluation = Evaluation::Classification(Box::new(summary));
    let kept = serde_json::to_string(&evaluation.abridged()).unwrap();
    assert!(kept.len() < 20_000, "{} bytes", kept.len());
    let Evaluation::Classification(kept) = evaluation.abridged() else {
        panic!("another kind")
    };
    assert_eq!((kept.classes.len(), kept.confusion.cells().len()), (0, 100));
}

#[test]
fn what_is_kept_of_few_classes_is_everything() {
    let evaluation = Evaluation::Classification(Box::new(summary(&outcomes(500, 100), 100)));
    assert_eq!(evaluation.abridged(), evaluation);
}

#[test]
fn a_report_of_many_classes_is_cut_and_says_so() {
    let classes = 20_000;
    let summary = summary(&outcomes(40_000, classes), classes);
    let report = Report {
        data: DataDescription {
            classes: (0..classes).map(|class| format!("kind {class}")).collect(),
            parts: vec![Part {
                name: "train".to_owned(),
                rows: 40_000,
                counts: vec![2; classes],
            }],
            ..DataDescription::default()
        },
        test: Some(Evaluation::Classification(Box::new(summary))),
        ..Report::default()
    };
    let page = render(&report).unwrap();
    assert!(page.len() < 200_000, "{} bytes", page.len());
    for sentence in [
        "Shown are the 100 classes with the lowest F1 of those that occur, of 20,000 in all.",
        "Shown are the 100 classes with the most rows of 20,000 in all.",
        "A matrix of 20,000 classes is too large to draw.",
        "Areas under curves are left out",
    ] {
        assert!(page.contains(sentence), "{sentence}");
    }
}

fn runtime() -> Runtime {
    Runtime::new(Level::best(), 1).unwrap()
}

fn train(folder: &Path, table: &str) -> Result<RunResult, Error> {
    fs::write(folder.join("table.csv"), table).unwrap();
    let recipe = r#"task = "tabular-classification"
[data]
train = "table.csv"
target = "y"
valid = { fraction = 0.1 }
test = { fraction = 0.1 }
[model]
layers = [{ dense = { units = 4, activation = "relu" } }]
[train]
epochs = 1
batch_size = 512
"#;
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    let job = Job::load(&folder.join("recipe.toml")).unwrap();
    let cancel = AtomicBool::new(false);
    run_training(&job, &folder.join("run"), &runtime(), &mut [], &cancel)
}

#[test]
fn two_thousand_classes_train_to_a_bundle_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "a,b,y\n".to_owned();
    for row in 0..6_000 {
        writeln!(table, "{},{},c{}", row % 2_000, row % 7, row % 2_000).unwrap();
    }
    let result = train(folder.path(), &table).unwrap();
    let bundle = Bundle::load(result.bundle.unwrap()).unwrap();
    assert_eq!(bundle.outputs()[0].len(), 2_000);
    let metrics = bundle.manifest().metrics.to_string();
    assert!(metrics.len() < 50_000, "{} bytes", metrics.len());
    let Some(Evaluation::Classification(test)) = result.test else {
        panic!("no test figures")
    };
    assert_eq!((test.rows, test.classes.len()), (600, 2_000));
}

#[test]
fn a_bundle_that_could_not_be_read_is_refused_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let long = "long".repeat(300_000);
    let mut table = "a,b,y\n".to_owned();
    for row in 0..60 {
        writeln!(table, "{row},1,{long}{}", row % 20).unwrap();
    }
    let error = train(folder.path(), &table).unwrap_err().to_string();
    assert!(
        error.contains("manifest") && error.contains("shorter names"),
        "{error}"
    );
    assert!(!folder.path().join("run/history.jsonl").exists());
}

#[test]
fn areas_of_too_many_classes_are_refused_before_the_first_step() {
    let (classes, rows) = (20_001, 5_000);
    assert!(!keeps_probabilities(rows / 2, classes));
    let features = Features::Rows {
        columns: vec!["x".to_owned()],
        values: (0..rows).map(|row| row as f32).collect(),
    };
    let targets = Targets::Classes {
        names: (0..classes).map(|class| class.to_string()).collect(),
        labels: (0..rows as u32).collect(),
    };
    let data = Dataset::new(features, targets).unwrap();
    let (train, valid): (Vec<usize>, Vec<usize>) =
        data.indices().into_iter().partition(|index| index % 2 == 0);
    let preparation = Preparation::fit(&data, &train, &Default::default()).unwrap();
    let network = Sequential::new([1]).dense(classes);
    let loss = SparseCategoricalCrossEntropy::from_logits();
    let functions = Functions::new(&network.into(), &Objective::new(loss)).unwrap();
    let runtime = runtime();
    let options = |metric: &str| FitOptions {
        metrics: vec![metric.parse::<Metric>().unwrap()],
        ..FitOptions::default()
    };
    let start = |options: &FitOptions| {
        let data = TrainingData {
            dataset: &data,
            train: &train,
            valid: Some((&data, &valid)),
            preparation: &preparation,
        };
        Trainer::new(&runtime, &functions, options, data).map(|_| ())
    };
    start(&options("accuracy")).unwrap();
    let error = start(&options("roc_auc")).unwrap_err().to_string();
    assert!(
        error.contains("20001 classes") && error.contains("top_5_accuracy"),
        "{error}"
    );
}
