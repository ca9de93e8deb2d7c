//! Sizes that no machine can hold: refused with the layer, by `check`, `estimate` and training alike, never by an abort.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jingwei_engine::{Level, Runtime};
use jingwei_tasks::Error;
use jingwei_tasks::check::check;
use jingwei_tasks::estimate::estimate;
use jingwei_tasks::run::{Job, run_training};
use toml::Value;

/// What extreme recipes may take in these tests.
const LIMIT: u64 = 200_000_000;

fn runtime() -> Runtime {
    Runtime::new(Level::best(), 1).unwrap()
}

/// Writes some data of each kind.
fn data(folder: &Path) {
    let rows: String = (0..40)
        .map(|row| format!("{row}.5,{},{}\n", row % 7, ["a", "b"][row % 2]))
        .collect();
    fs::write(folder.join("rows.csv"), format!("x,y,kind\n{rows}")).unwrap();
    let lines: String = (0..40)
        .map(|row| format!("words of text number {row} here,{}\n", ["a", "b"][row % 2]))
        .collect();
    fs::write(folder.join("texts.csv"), format!("text,label\n{lines}")).unwrap();
    let header = |rank: u8, sizes: &[u32]| {
        let mut bytes = vec![0, 0, 8, rank];
        sizes
            .iter()
            .for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes
    };
    let mut images = header(3, &[40, 8, 8]);
    images.extend((0..40 * 64).map(|at| (at * 7 % 251) as u8));
    fs::write(folder.join("set-images-idx3-ubyte"), images).unwrap();
    let mut labels = header(1, &[40]);
    labels.extend((0..40).map(|at| at % 2));
    fs::write(folder.join("set-labels-idx1-ubyte"), labels).unwrap();
}

const ROWS: &str = r#"task = "tabular-classification"
[data]
train = "rows.csv"
target = "kind"
valid = { fraction = 0.2, stratify = true }
[model]
layers = [
  { dense = { units = 8, activation = "relu", kernel_regularizer = { l2 = 0.1 } } },
  { batch_norm = { momentum = 0.9, epsilon = 1e-3 } },
  { layer_norm = { epsilon = 1e-3 } },
  { dropout = { rate = 0.1 } },
]
[train]
epochs = 1
batch_size = 16
seed = 3
optimizer = { adamw = { learning_rate = 1e-3, weight_decay = 0.01, beta_1 = 0.9, beta_2 = 0.99, epsilon = 1e-7 } }
schedule = { one_cycle = { rise = 0.2 } }
clip = { global_norm = 1.0 }
ema = { decay = 0.9 }
early_stopping = { patience = 2, min_delta = 0.1 }
checkpoint = { every_epochs = 1, every_steps = 0 }
[report]
worst_images = 3
"#;

const PICTURES: &str = r#"task = "image-classification"
[data]
train = "set"
valid = { fraction = 0.2 }
[augment]
shift = 0.1
rotate = 8.0
scale = 0.1
mixup = 0.1
[model]
layers = [
  { conv2d = { filters = 4, kernel = 3, stride = 1, dilation = 1, groups = 1, padding = "same" } },
  { max_pool2d = { size = 2, stride = 2 } },
  { avg_pool2d = { size = 2, stride = 1 } },
  { flatten = {} },
  { reshape = { sizes = [3, 12] } },
  { flatten = {} },
  { dense = { units = 4 } },
]
[train]
epochs = 1
batch_size = 16
"#;

const TEXTS: &str = r#"task = "text-classification"
[data]
train = "texts.csv"
target = "label"
valid = { fraction = 0.2 }
[prepare.text]
length = 12
max_length = 20
tokenizer = { character = { max_vocabulary = 100, min_frequency = 1 } }
[augment]
drop = 0.1
[model]
layers = [
  { name = "one", inputs = ["input"], embedding = { units = 8 } },
  { name = "two", inputs = ["input"], embedding = { units = 4, ngrams = 2, buckets = 64 } },
  { name = "all", inputs = ["one", "two"], concat = {} },
  { conv1d = { filters = 8, kernel = 3, stride = 1, dilation = 1, padding = "same" } },
  { max_pool1d = { size = 2, stride = 1 } },
  { multi_head_attention = { num_heads = 2, key_dim = 4, dropout = 0.1 } },
  { lstm = { units = 4, return_sequences = true } },
  { spatial_dropout1d = { rate = 0.1 } },
  { gru = { units = 4 } },
]
[train]
epochs = 1
batch_size = 16
"#;

const BAYES: &str = r#"task = "text-classification"
[data]
train = "texts.csv"
target = "label"
valid = { fraction = 0.2 }
[prepare.text]
tokenizer = { character = {} }
[model]
layers = [{ ngram_bayes = { ngrams = 2, buckets = 64, gain = 20.0 } }]
[train]
epochs = 1
batch_size = 16
"#;

/// Every recipe that has one number of `value` replaced by an extreme one.
fn extremes(value: &Value) -> Vec<Value> {
    let numbers = [
        Value::Integer(1_000_000_000_000),
        Value::Integer(i64::MAX),
        Value::Integer(i64::from(i32::MAX)),
        Value::Integer(1 << 20),
        Value::Integer(0),
        Value::Integer(-1),
        Value::Float(f64::NAN),
        Value::Float(1e308),
        Value::Float(-1e30),
    ];
    match value {
        Value::Integer(_) | Value::Float(_) => numbers.to_vec(),
        Value::Array(values) => {
            let one = |index: usize| {
                let others = extremes(&values[index]).into_iter();
                others.map(move |other| {
                    let mut values = values.clone();
                    values[index] = other;
                    Value::Array(values)
                })
            };
            (0..values.len()).flat_map(one).collect()
        }
        Value::Table(table) => {
            let one = |(key, value): (&String, &Value)| {
                let others = extremes(value).into_iter();
                let with = |other| {
                    let mut table = table.clone();
                    table.insert(key.clone(), other);
                    Value::Table(table)
                };
                others.map(with).collect::<Vec<_>>()
            };
            table.iter().flat_map(one).collect()
        }
        _ => Vec::new(),
    }
}

/// Whatever one number of a recipe is, it is refused in words, or can be trained.
fn whatever_a_number_is(recipe: &str) {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let path = folder.path().join("recipe.toml");
    let load = |text: &str| -> Result<Job, Error> {
        fs::write(&path, text).unwrap();
        let mut job = Job::load(&path)?;
        job.memory_limit = LIMIT;
        Ok(job)
    };
    let base: Value = Value::Table(recipe.parse().unwrap());
    let job = load(recipe).unwrap();
    check(&job, &runtime()).unwrap();
    let mut accepted = 0;
    for extreme in extremes(&base) {
        let text = toml::to_string(&extreme).unwrap();
        let Ok(job) = load(&text) else { continue };
        let Ok(checked) = check(&job, &runtime()) else {
            continue;
        };
        assert!(
            checked.read_data && checked.forecast.unwrap().total() <= LIMIT,
            "{text}"
        );
        match estimate(&job, &runtime(), 1) {
            // Only training shows that a learning rate is too large.
            Ok(_) => {}
            Err(error) => assert!(
                matches!(
                    error.training(),
                    Some(jingwei_train::Error::Diverged { .. })
                ),
                "{error}, though it was fine before: {text}"
            ),
        }
        accepted += 1;
    }
    assert!(accepted > 0);
}

#[test]
fn whatever_a_number_is_of_rows() {
    whatever_a_number_is(ROWS);
}

#[test]
fn whatever_a_number_is_of_pictures() {
    whatever_a_number_is(PICTURES);
}

#[test]
fn whatever_a_number_is_of_texts() {
    whatever_a_number_is(TEXTS);
    whatever_a_number_is(BAYES);
}

fn job(folder: &Path, recipe: &str) -> Result<Job, Error> {
    data(folder);
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    Job::load(&folder.join("recipe.toml"))
}

#[test]
fn a_size_beyond_all_bounds_is_named_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for size in ["1000000000000", "9223372036854775807"] {
        let recipe = ROWS.replace("units = 8", &format!("units = {size}"));
        let error = job(folder.path(), &recipe).unwrap_err().to_string();
        assert!(
            error.contains(size) && error.contains("recipe.toml:8:"),
            "{error}"
        );
    }
    for (number, place) in [("nan", "rate = nan"), ("1e308", "rate = 1e308")] {
        let recipe = ROWS.replace("rate = 0.1", place);
        let error = job(folder.path(), &recipe).unwrap_err().to_string();
        assert!(error.contains("recipe.toml:11:"), "{number}: {error}");
    }
}

#[test]
fn check_estimate_and_training_refuse_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // 8 × 1 GB of weights, gradients, Adam's memory and an average.
    let mut job = job(
        folder.path(),
        &ROWS.replace("units = 8", "units = 80000000"),
    )
    .unwrap();
    job.memory_limit = 2_000_000_000;
    let cancel = AtomicBool::new(false);
    let run = folder.path().join("run");
    let errors = [
        check(&job, &runtime()).map(|_| ()).unwrap_err(),
        estimate(&job, &runtime(), 1).map(|_| ()).unwrap_err(),
        run_training(&job, &run, &runtime(), &mut [], &cancel)
            .map(|_| ())
            .unwrap_err(),
    ];
    for error in errors.map(|error| error.to_string()) {
        assert!(
            error.contains("the limit is 2.0 GB; the largest tensor is that of `"),
            "{error}"
        );
        assert!(error.contains("--max-memory"), "{error}");
    }
    job.memory_limit = 1_000_000;
    assert!(check(&job, &runtime()).is_err());
}

#[test]
fn networks_are_refused_before_their_data_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = PICTURES
        .replace("train = \"set\"", "train = \"nowhere\"")
        .replace("layers = [", "input = [8, 8, 1]\nlayers = [")
        .replace(
            "{ dense = { units = 4 } }",
            "{ dense = { units = 100000000 } }",
        );
    let mut job = job(folder.path(), &recipe).unwrap();
    job.memory_limit = 1_000_000_000;
    let error = check(&job, &runtime()).unwrap_err().to_string();
    assert!(
        error.contains("`dense_1/kernel`, [36, 100000000], with 14.4 GB"),
        "{error}"
    );
}

#[test]
fn ten_billion_epochs_are_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = ROWS.replace("epochs = 1\n", "epochs = 9223372036854775807\n");
    let job = job(folder.path(), &recipe).unwrap();
    let estimate = estimate(&job, &runtime(), 1).unwrap();
    assert!(estimate.total >= estimate.epoch);
}

#[test]
fn one_class_is_refused_by_check_and_training() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), ROWS).unwrap();
    let rows: String = (0..30).map(|row| format!("{row},1,red\n")).collect();
    fs::write(folder.path().join("rows.csv"), format!("x,y,kind\n{rows}")).unwrap();
    let cancel = AtomicBool::new(false);
    let run = folder.path().join("run");
    let errors = [
        check(&job, &runtime()).map(|_| ()).unwrap_err(),
        run_training(&job, &run, &runtime(), &mut [], &cancel)
            .map(|_| ())
            .unwrap_err(),
    ];
    for error in errors.map(|error| error.to_string()) {
        assert!(
            error.contains("only one class (red)") && error.contains("at least two"),
            "{error}"
        );
    }
}
