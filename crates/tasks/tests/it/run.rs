//! The whole journey, from files to a bundle.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jingwei_bundle::Bundle;
use jingwei_engine::{Level, Runtime};
use jingwei_metrics::Evaluation;
use jingwei_tasks::Error;
use jingwei_tasks::estimate::estimate;
use jingwei_tasks::init::init;
use jingwei_tasks::run::{Job, RunResult, run_training};
use jingwei_train::fit::Outcome;
use jingwei_train::{Lock, history};

use crate::support::StopAt;

/// A table of points around three centres.
fn table(rows: usize) -> String {
    let mut state = 7u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1 << 24) as f64
    };
    let mut text = "x,y,kind,size\n".to_owned();
    for row in 0..rows {
        let (kind, x, y) = [("ash", 0.0, 0.0), ("beech", 2.0, 0.0), ("cedar", 0.0, 2.0)][row % 3];
        let (x, y) = (x + random(), y + random());
        writeln!(text, "{x:.4},{y:.4},{kind},{:.4}", 3.0 * x - y).unwrap();
    }
    text
}

const CLASSES: &str = r#"task = "tabular-classification"
[data]
train = "trees.csv"
test = { fraction = 0.2 }
target = "kind"
columns = ["x", "y"]
[model]
layers = [{ dense = { units = 16, activation = "relu" } }, { dropout = { rate = 0.1 } }]
[train]
epochs = 6
batch_size = 16
seed = 5
optimizer = { adam = { learning_rate = 0.02 } }
class_weights = "balanced"
early_stopping = { patience = 6 }
checkpoint = { every_steps = 4 }
"#;

const NUMBERS: &str = r#"task = "tabular-regression"
[data]
train = "trees.csv"
test = { fraction = 0.2 }
target = "size"
columns = ["x", "y"]
[prepare]
target = "standardise"
[model]
layers = [{ dense = { units = 16, activation = "relu" } }]
[train]
epochs = 30
batch_size = 16
optimizer = { adam = { learning_rate = 0.01 } }
"#;

fn job(folder: &Path, recipe: &str) -> Job {
    fs::write(folder.join("trees.csv"), table(180)).unwrap();
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    Job::load(&folder.join("recipe.toml")).unwrap()
}

fn runtime() -> Runtime {
    Runtime::new(Level::best(), 2).unwrap()
}

fn run(job: &Job, folder: &Path, stop: u64) -> Result<RunResult, Error> {
    let cancel = AtomicBool::new(false);
    run_training(
        job,
        folder,
        &runtime(),
        &mut [&mut StopAt {
            step: stop,
            cancel: &cancel,
        }],
        &cancel,
    )
}

#[test]
fn a_recipe_becomes_a_bundle_with_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let result = run(&job(folder.path(), CLASSES), &path, u64::MAX).unwrap();
    assert_eq!(
        (result.outcome, result.history.len(), result.resumed_from),
        (Outcome::Finished, 6, None)
    );
    let Some(Evaluation::Classification(test)) = &result.test else {
        panic!("no test figures")
    };
    assert!(test.accuracy > 0.9, "{}", test.accuracy);
    let bundle = Bundle::load(result.bundle.unwrap()).unwrap();
    assert!(bundle.verify(&runtime()).unwrap().exact);
    assert!(
        bundle.states().is_empty(),
        "class weights belong to the loss, not to the model"
    );
    assert_eq!(bundle.manifest().task, "tabular-classification");
    assert_eq!(
        history::read(&path.join("history.jsonl")).unwrap(),
        result.history
    );
    let page = fs::read_to_string(path.join("bundle/report.html")).unwrap();
    assert!(
        page.contains("beech") && page.contains(&result.weights_hash[..12]),
        "the report shows classes and hash"
    );
    assert_eq!(
        fs::read_to_string(path.join("recipe.toml")).unwrap(),
        CLASSES
    );
}

#[test]
fn a_regression_is_measured_in_the_units_of_its_target() {
    let folder = tempfile::tempdir().unwrap();
    let result = run(
        &job(folder.path(), NUMBERS),
        &folder.path().join("run"),
        u64::MAX,
    )
    .unwrap();
    let Some(Evaluation::Regression(test)) = &result.test else {
        panic!("no test figures")
    };
    assert!(test.r2.unwrap() > 0.95 && test.mae < 0.5, "{test:?}");
    let last = result.history.last().unwrap();
    assert!(last.valid["r2"].unwrap() > 0.95, "{last:?}");
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), CLASSES);
    let whole = run(&job, &folder.path().join("whole"), u64::MAX).unwrap();
    let path = folder.path().join("stopped");
    let stopped = run(&job, &path, 13).unwrap();
    assert_eq!(
        (stopped.outcome, stopped.bundle),
        (Outcome::Interrupted, None)
    );
    let rest = run(&job, &path, u64::MAX).unwrap();
    assert_eq!(
        (rest.outcome, rest.resumed_from),
        (Outcome::Finished, Some(13))
    );
    assert_eq!(rest.weights_hash, whole.weights_hash);
    let series = |result: &RunResult| {
        result
            .history
            .iter()
            .map(|epoch| (epoch.train.clone(), epoch.valid.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(series(&rest), series(&whole));
    assert_eq!(
        history::read(&path.join("history.jsonl")).unwrap(),
        rest.history
    );
    let again = run(&job, &path, u64::MAX).unwrap();
    assert_eq!(
        again.weights_hash, whole.weights_hash,
        "a finished run trains no further"
    );
}

#[test]
fn logs_are_cut_back_to_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), CLASSES);
    let path = folder.path().join("run");
    run(&job, &path, 20).unwrap();
    // As if the process had been killed after writing its history and before its checkpoint.
    let mut epochs = history::read(&path.join("history.jsonl")).unwrap();
    let mut late = epochs.pop().unwrap();
    (late.epoch, late.step) = (late.epoch + 1, late.step + 9);
    history::append(&path.join("history.jsonl"), &late).unwrap();
    let result = run(&job, &path, u64::MAX).unwrap();
    assert_eq!(
        history::read(&path.join("history.jsonl")).unwrap(),
        result.history
    );
}

#[test]
fn a_run_folder_belongs_to_one_process_and_one_training() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let first = job(folder.path(), CLASSES);
    run(&first, &path, 5).unwrap();
    let changed = job(
        folder.path(),
        &CLASSES.replace("batch_size = 16", "batch_size = 32"),
    );
    let error = run(&changed, &path, 5).unwrap_err().to_string();
    assert!(
        error.contains("`train.batch_size` (16 then, 32 now)"),
        "{error}"
    );
    let titled = job(
        folder.path(),
        &format!("{CLASSES}[report]\ntitle = \"Trees\"\n"),
    );
    run(&titled, &path, 9).unwrap();
    fs::write(folder.path().join("trees.csv"), table(183)).unwrap();
    let error = run(&first, &path, 9).unwrap_err().to_string();
    assert!(error.contains("the data"), "{error}");
    let _lock = Lock::take(&path).unwrap();
    assert!(matches!(
        run(&first, &path, 9).unwrap_err().training(),
        Some(jingwei_train::Error::Locked { .. })
    ));
}

#[test]
fn data_that_do_not_fit_the_task_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let error = run(
        &job(folder.path(), &CLASSES.replace("tabular", "image")),
        &path,
        1,
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("the data are rows of numbers with classes"),
        "{error}"
    );
    let weights = CLASSES.replace("\"balanced\"", "[1.0, 2.0]");
    let error = run(&job(folder.path(), &weights), &path, 1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("2 weights for 3 classes"), "{error}");
}

#[test]
fn an_estimate_tells_time_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let estimate = estimate(&job(folder.path(), CLASSES), &runtime(), 5).unwrap();
    assert_eq!(estimate.summary.parameters(), 2 * 16 + 16 + 16 * 3 + 3);
    assert!(estimate.training_memory > 4 * 99 && estimate.data_memory > 0);
    assert!(estimate.step.as_nanos() > 0 && estimate.total >= estimate.epoch);
}

#[test]
fn a_recipe_written_for_a_table_trains_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = table(180)
        .lines()
        .map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n")
        .collect();
    fs::write(folder.path().join("trees.csv"), rows).unwrap();
    let text = init(&folder.path().join("trees.csv"), folder.path()).unwrap();
    assert!(
        text.contains("train = \"trees.csv\"") && text.contains("target = \"kind\""),
        "{text}"
    );
    let path = folder.path().join("init.toml");
    fs::write(&path, &text).unwrap();
    let result = run(
        &Job::load(&path).unwrap(),
        &folder.path().join("run"),
        u64::MAX,
    )
    .unwrap();
    let Some(Evaluation::Classification(test)) = &result.test else {
        panic!("no test figures")
    };
    assert!(test.accuracy > 0.9, "{}", test.accuracy);
}

#[test]
fn a_recipe_written_for_a_table_with_gaps_trains_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows: Vec<String> = table(180)
        .lines()
        .map(|line| line.rsplit_once(',').unwrap().0.to_owned())
        .collect();
    let (_, rest) = rows[7].split_once(',').unwrap();
    rows[7] = format!(",{rest}");
    fs::write(folder.path().join("trees.csv"), rows.join("\n") + "\n").unwrap();
    let text = init(&folder.path().join("trees.csv"), folder.path()).unwrap();
    let path = folder.path().join("init.toml");
    fs::write(&path, &text).unwrap();
    let run_folder = folder.path().join("run");
    let result = run(&Job::load(&path).unwrap(), &run_folder, u64::MAX).unwrap();
    assert_eq!(result.quarantined, 1, "{text}");
    let first = result.first_quarantined.unwrap();
    assert!(first.origin.contains("trees.csv"), "{first:?}");
    let report = fs::read_to_string(run_folder.join("bundle/report.html")).unwrap();
    let warning = format!(
        "1 sample could not be read and was left out, the first: {}",
        first.origin
    );
    assert!(report.contains(&warning), "{warning}");
}

#[test]
fn no_recipe_is_written_for_a_table_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("header.csv");
    fs::write(&path, "text,label\n").unwrap();
    let error = init(&path, folder.path()).unwrap_err().to_string();
    assert!(error.contains("header.csv has no rows"), "{error}");
}
