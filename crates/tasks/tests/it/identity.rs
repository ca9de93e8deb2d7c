//! Whatever a training reads is part of what it is: a changed file is noticed and named, whether the run was stopped or
//! is over, and a run that is over stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jingwei_bundle::{Bundle, RecordedRecords};
use jingwei_engine::{Level, Runtime};
use jingwei_tasks::Error;
use jingwei_tasks::run::{Job, RunResult, run_training};
use jingwei_train::checkpoint::{Checkpoint, Folder};
use jingwei_train::fit::{Header, Identity, Outcome};

use crate::support::StopAt;

const RECIPE: &str = r#"task = "text-classification"
[data]
train = "reviews.csv"
target = "label"
valid = "valid.csv"
test = "test.csv"
[prepare.text]
stop_words = { file = "stop.txt" }
tokenizer = { word = { min_frequency = 1, dictionary = "dict.txt" } }
[model]
layers = [{ embedding = { units = 2, vectors = "vectors.txt" } }, { global_avg_pool1d = {} }]
[train]
epochs = 2
batch_size = 8
optimizer = { adam = { learning_rate = 0.02 } }
"#;

/// Everything that the recipe names, as it is at first and as it may be changed.
const FILES: [(&str, &str, [&str; 2]); 6] = [
    ("the data", "reviews.csv", ["不错", "还行"]),
    ("the data", "valid.csv", ["位置", "早餐"]),
    ("the data", "test.csv", ["服务", "早餐"]),
    ("the list of stop words", "stop.txt", ["的", "不好"]),
    (
        "the dictionary",
        "dict.txt",
        ["下次还来 100 n", "房间很 100000 n"],
    ),
    (
        "the word vectors",
        "vectors.txt",
        ["房间 0.5 1.0", "房间 0.5 0.25"],
    ),
];

fn write(folder: &Path, file: &str, content: &str) {
    let rows = |count: usize| {
        let row = |row: usize| match row % 2 {
            0 => format!("房间很{content}，第{row}次,好\n"),
            _ => format!("房间不好，{content}的第{row}次,差\n"),
        };
        (0..count).map(row).collect::<String>()
    };
    let text = match file {
        "reviews.csv" => format!("text,label\n{}", rows(40)),
        "valid.csv" | "test.csv" => format!("text,label\n{}", rows(8)),
        _ => format!("{content}\n"),
    };
    fs::write(folder.join(file), text).unwrap();
}

/// A folder with the recipe and all files that it names.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (_, file, [content, _]) in FILES {
        write(folder.path(), file, content);
    }
    fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
    folder
}

fn train(folder: &Path, stop: u64) -> Result<RunResult, Error> {
    let job = Job::load(&folder.join("recipe.toml"))?;
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    let cancel = AtomicBool::new(false);
    let mut stop = StopAt {
        step: stop,
        cancel: &cancel,
    };
    run_training(
        &job,
        &folder.join("run"),
        &runtime,
        &mut [&mut stop],
        &cancel,
    )
}

/// All files below a folder with their content, but for the lock, which tells who trains.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(content(&path));
        } else if !path.ends_with("lock") {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

fn every_changed_file_is_named(stop: u64) {
    let folder = place();
    train(folder.path(), stop).unwrap();
    let before = content(&folder.path().join("run"));
    for (what, file, [content_then, content_now]) in FILES {
        write(folder.path(), file, content_now);
        let error = train(folder.path(), u64::MAX).unwrap_err();
        assert!(
            matches!(
                error.training(),
                Some(jingwei_train::Error::OtherTraining { .. })
            ),
            "{error}"
        );
        let expected = format!("{what} `{file}`, which changed since");
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(content(&folder.path().join("run")) == before, "{file}");
        write(folder.path(), file, content_then);
    }
    let rest = train(folder.path(), u64::MAX).unwrap();
    assert_eq!(rest.outcome, Outcome::Finished);
}

#[test]
fn a_stopped_run_notices_every_changed_file() {
    every_changed_file_is_named(3);
}

#[test]
fn a_finished_run_notices_every_changed_file() {
    every_changed_file_is_named(u64::MAX);
}

#[test]
fn a_finished_run_is_measured_again_and_not_written() {
    let folder = place();
    let first = train(folder.path(), u64::MAX).unwrap();
    let before = content(&folder.path().join("run"));
    let again = train(folder.path(), u64::MAX).unwrap();
    assert!(content(&folder.path().join("run")) == before);
    assert_eq!(again.weights_hash, first.weights_hash);
    assert_eq!(again.bundle, first.bundle);
    assert!(again.test.is_some() && again.test == first.test);
    assert!(again.valid.is_some() && again.valid == first.valid);

    // Without its bundle it is finished once more, to the same bytes but for the report with its times.
    fs::remove_dir_all(folder.path().join("run/bundle")).unwrap();
    train(folder.path(), u64::MAX).unwrap();
    let after = content(&folder.path().join("run"));
    for file in ["bundle/model.safetensors", "bundle/jingwei.json"] {
        let path = folder.path().join("run").join(file);
        assert!(after[&path] == before[&path], "{file}");
    }
}

#[test]
fn a_finished_run_does_not_take_a_foreign_bundle_for_its_own() {
    let (folder, other) = (place(), place());
    let longer = RECIPE.replace("epochs = 2", "epochs = 3");
    fs::write(other.path().join("recipe.toml"), longer).unwrap();
    for folder in [&folder, &other] {
        train(folder.path(), u64::MAX).unwrap();
    }
    let bundle = folder.path().join("run/bundle");
    fs::remove_dir_all(&bundle).unwrap();
    fs::rename(other.path().join("run/bundle"), &bundle).unwrap();
    let error = train(folder.path(), u64::MAX).unwrap_err();
    assert!(
        matches!(
            error.training(),
            Some(jingwei_train::Error::OtherTraining { .. })
        ),
        "{error}"
    );
    fs::write(bundle.join("jingwei.json"), "{}").unwrap();
    let error = train(folder.path(), u64::MAX).unwrap_err();
    assert!(
        matches!(error.training(), Some(jingwei_train::Error::Damaged { .. })),
        "{error}"
    );
}

/// The same files elsewhere are the same training, and no path of this machine gets into the bundle.
#[test]
fn a_run_can_move_with_its_files() {
    let (folder, other) = (place(), place());
    train(folder.path(), 3).unwrap();
    fs::rename(folder.path().join("run"), other.path().join("run")).unwrap();
    let rest = train(other.path(), u64::MAX).unwrap();
    assert_eq!(rest.resumed_from, Some(3));
    let manifest = fs::read_to_string(other.path().join("run/bundle/jingwei.json")).unwrap();
    let path = other.path().to_str().unwrap();
    assert!(!manifest.contains(path));
}

/// A vocabulary that came out differently, by whatever cause, does not meet the weights of another one.
#[test]
fn weights_belong_to_their_preparation() {
    let folder = place();
    train(folder.path(), 3).unwrap();
    let checkpoints = Folder::open(folder.path().join("run/checkpoints")).unwrap();
    let (newest, _) = checkpoints.latest().unwrap();
    let header: Header = newest.unwrap().header().unwrap();
    assert_eq!(header.identity.preparation.len(), 64);
    let other = Identity {
        preparation: "0".repeat(64),
        ..header.identity.clone()
    };
    assert_eq!(
        other.differences(&header.identity),
        ["the preparation that was fitted"]
    );
    assert_eq!(header.identity.files.len(), FILES.len());
}

#[test]
fn checkpoints_of_an_earlier_format_are_refused() {
    let folder = place();
    train(folder.path(), 3).unwrap();
    let checkpoints = folder.path().join("run/checkpoints");
    for entry in fs::read_dir(checkpoints).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let format = b"\"format\":\"2\"";
        let at = bytes
            .windows(format.len())
            .position(|window| window == format);
        let mut earlier = bytes.clone();
        earlier[at.unwrap() + format.len() - 2] = b'1';
        fs::write(&path, earlier).unwrap();
        let error = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(error.contains("it has the format 1"), "{error}");
    }
    assert!(train(folder.path(), u64::MAX).is_err());
}

/// The recorded records of a bundle are made up: no text of the data is among them.
#[test]
fn no_record_of_the_data_gets_into_the_bundle() {
    let folder = place();
    let result = train(folder.path(), u64::MAX).unwrap();
    let bundle = Bundle::load(result.bundle.unwrap()).unwrap();
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    assert!(bundle.verify(&runtime).unwrap().exact);
    let Some(RecordedRecords::Texts(texts)) = &bundle.manifest().recorded.records else {
        panic!("{:?}", bundle.manifest().recorded)
    };
    let recorded = format!("{texts:?}");
    for (_, file, _) in &FILES[..3] {
        let data = fs::read_to_string(folder.path().join(file)).unwrap();
        for line in data.lines().skip(1) {
            let text = line.rsplit_once(',').unwrap().0;
            assert!(!recorded.contains(text), "{text}");
        }
    }
}

const TABLE: &str = r#"task = "tabular-classification"
[data]
train = "table.csv"
target = "kind"
test = "test.csv"
on_bad = "ON_BAD"
[model]
layers = [{ dense = { units = 4, activation = "relu" } }]
[train]
epochs = 2
batch_size = 8
"#;

/// A row that is finite in its file and infinite once it is scaled is a bad row.
#[test]
fn rows_that_scaling_makes_infinite() {
    let folder = tempfile::tempdir().unwrap();
    let row = |row: usize| format!("{},{}\n", row as f64 * 1e-3, ["a", "b"][row % 2]);
    let rows: String = (0..40).map(row).collect();
    fs::write(folder.path().join("table.csv"), format!("x,kind\n{rows}")).unwrap();
    fs::write(
        folder.path().join("test.csv"),
        "x,kind\n0.01,a\n3e38,b\n0.02,b\n",
    )
    .unwrap();
    let recipe = |on_bad: &str| {
        let recipe = TABLE.replace("ON_BAD", on_bad);
        fs::write(folder.path().join("recipe.toml"), recipe).unwrap();
    };
    recipe("stop");
    let error = train(folder.path(), u64::MAX).unwrap_err().to_string();
    for part in [
        "test.csv, line 3",
        "`x` is 3e38",
        "infinite once it is scaled",
    ] {
        assert!(error.contains(part), "{error}");
    }
    recipe("quarantine");
    let result = train(folder.path(), u64::MAX).unwrap();
    assert_eq!(result.quarantined, 1);
    let first = result.first_quarantined.unwrap();
    assert!(first.origin.contains("test.csv, line 3"), "{first:?}");
}
