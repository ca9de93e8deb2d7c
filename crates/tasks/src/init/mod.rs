//! A first recipe for some data, commented, that trains well as it is.

mod text;

use std::fmt::Write;
use std::path::Path;

use jingwei_data::Limits;
use jingwei_data::inspect::{ColumnSummary, Summary, inspect};
use jingwei_data::source::{Found, SourceKind, detect};
use jingwei_data::texts::guess;

use jingwei_engine::{Level, Runtime};

use crate::Error;
use crate::check::{check, one_class};
use crate::run::Job;

/// Looks at data and writes a recipe for them, which trains as it is. Paths in it are relative to `folder`, where the
/// recipe will stand, if they lie below it.
///
/// The recipe is [checked](check()) as `jingwei check` does it, so that no recipe is written that training refuses.
///
/// # Errors
/// If the data cannot be read, are of no known kind, or are too few or too much alike to be trained on.
pub fn init(data: &Path, folder: &Path) -> Result<String, Error> {
    let text = written(data, folder)?;
    let error = match verify(&text, folder) {
        Ok(()) => return Ok(text),
        Err(error) => error,
    };
    // Where only single samples cannot be read, the others make a recipe.
    let without_bad = text.replacen(STOP_ON_BAD, LEAVE_BAD_OUT, 1);
    match without_bad != text && verify(&without_bad, folder).is_ok() {
        true => Ok(without_bad),
        false => Err(error),
    }
}

/// Checks a recipe that is about to be written.
fn verify(text: &str, folder: &Path) -> Result<(), Error> {
    let job = Job::read(text.to_owned(), "the recipe for these data", folder)?;
    check(&job, &Runtime::new(Level::best(), 1)?).map(|_| ())
}

const STOP_ON_BAD: &str = "on_bad = \"stop\"                         # or \"quarantine\": leave bad samples out and list them\n";
const LEAVE_BAD_OUT: &str = "on_bad = \"quarantine\"                   # some samples cannot be read: leaves them out and lists them\n";

/// The text of a recipe for data.
fn written(data: &Path, folder: &Path) -> Result<String, Error> {
    if let Some(guess) = guess(data)? {
        let parts = [None, None];
        return text::texts(data, parts, &guess, folder);
    }
    let found = detect(data)?;
    // A folder may hold a table of texts.
    if let (SourceKind::Csv, Some(guess)) = (found.kind, guess(&found.train)?) {
        let parts = [found.valid.as_deref(), found.test.as_deref()];
        return text::texts(&found.train, parts, &guess, folder);
    }
    let summary = inspect(data, &Limits::default())?;
    if found.kind != SourceKind::Csv {
        let names: Vec<String> = summary.classes.iter().map(|own| own.name.clone()).collect();
        one_class(&names, ("class", "classes"))?;
    }
    let mut text = heading(&summary);
    match found.kind {
        SourceKind::Csv => table(&mut text, &found, &summary, folder)?,
        _ => images(&mut text, &found, &summary, folder),
    }
    Ok(text)
}

fn heading(summary: &Summary) -> String {
    let mut text = format!(
        "# Written by `jingwei init` after a look at {} ({}).\n",
        summary.path.display(),
        summary.kind
    );
    let _ = writeln!(
        text,
        "# Train it with `jingwei train` and this file; every key is optional but those of [data].\n"
    );
    for note in &summary.notes {
        let _ = writeln!(text, "# Note: {note}");
    }
    text
}

/// A path as the recipe writes it.
fn path_text(path: &Path, folder: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // The folder of a bare file name is empty.
    let folder = absolute(&Path::new(".").join(folder));
    let path = absolute(path);
    let relative = path.strip_prefix(&folder).unwrap_or(&path);
    toml::Value::String(relative.display().to_string()).to_string()
}

fn data_section(text: &mut String, found: &Found, summary: &Summary, folder: &Path) {
    let _ = writeln!(text, "[data]\ntrain = {}", path_text(&found.train, folder));
    match &found.valid {
        Some(valid) => {
            let _ = writeln!(text, "valid = {}", path_text(valid, folder));
        }
        None => text.push_str("valid = { fraction = 0.1 }              # measured after each epoch; each class gives its share\n"),
    }
    match &found.test {
        Some(test) => {
            let _ = writeln!(
                text,
                "{:<39} # measured once at the end, steers nothing",
                format!("test = {}", path_text(test, folder))
            );
        }
        None => text.push_str(
            "test = { fraction = 0.1 }               # measured once at the end, steers nothing\n",
        ),
    }
    let gaps = |column: &&ColumnSummary| column.text == 0 && column.missing > 0;
    let gaps: usize = summary
        .columns
        .iter()
        .filter(gaps)
        .map(|column| column.missing)
        .sum();
    let _ = match gaps {
        0 => write!(text, "{STOP_ON_BAD}"),
        _ => writeln!(
            text,
            "on_bad = \"quarantine\"                   # {gaps} values are missing: leaves their rows out and lists them"
        ),
    };
}

fn images(text: &mut String, found: &Found, summary: &Summary, folder: &Path) {
    text.push_str("task = \"image-classification\"\n\n");
    data_section(text, found, summary, folder);
    let size = image_size(summary);
    if found.kind == SourceKind::ImageFolder {
        let [height, width, channels] = size;
        let _ = writeln!(
            text,
            "image = {{ height = {height}, width = {width}, channels = {channels} }}   # all pictures are brought to this size"
        );
    }
    text.push_str("\n[prepare]\nimages = \"standardise\"                   # mean 0 and deviation 1, learnt from the training part\n");
    let smallest = size[0].min(size[1]);
    text.push_str(
        "\n[model]                                 # the output layer follows from the task\n",
    );
    text.push_str(match smallest {
        0..2 => FLAT_IMAGES,
        2..14 => TINY_IMAGES,
        14..48 => SMALL_IMAGES,
        _ => LARGE_IMAGES,
    });
    let few = summary.samples < 5000;
    text.push_str(if few { AUGMENT_FEW } else { AUGMENT_MANY });
    let _ = write!(
        text,
        "{}",
        if few { TRAIN_FEW_IMAGES } else { TRAIN_IMAGES }
    );
}

/// The size of the pictures, or one near their middle.
fn image_size(summary: &Summary) -> [usize; 3] {
    if let Some(&[height, width, channels]) = summary.shape.as_deref() {
        return [height, width, channels];
    }
    match &summary.sizes {
        Some(sizes) => {
            let side = |middle: usize| middle.clamp(8, 96);
            [
                side(sizes.heights[1]),
                side(sizes.widths[1]),
                if sizes.coloured > 0 { 3 } else { 1 },
            ]
        }
        None => [32, 32, 3],
    }
}

const FLAT_IMAGES: &str = r#"layers = [
  { flatten = {} },
  { dense = { units = 128, activation = "relu" } },
  { dropout = { rate = 0.2 } },
]
"#;

const TINY_IMAGES: &str = r#"layers = [
  { conv2d = { filters = 32, kernel = 3, padding = "same", activation = "relu" } },
  { conv2d = { filters = 64, kernel = 3, padding = "same", activation = "relu" } },
  { max_pool2d = { size = 2 } },
  { dropout = { rate = 0.25 } },
  { flatten = {} },
  { dense = { units = 128, activation = "relu" } },
  { dropout = { rate = 0.4 } },
]
"#;

const SMALL_IMAGES: &str = r#"layers = [
  { conv2d = { filters = 32, kernel = 3, activation = "relu" } },
  { max_pool2d = { size = 2 } },
  { conv2d = { filters = 64, kernel = 3, activation = "relu" } },
  { max_pool2d = { size = 2 } },
  { flatten = {} },
  { dropout = { rate = 0.3 } },
  { dense = { units = 128, activation = "relu" } },
  { dropout = { rate = 0.3 } },
]
"#;

const LARGE_IMAGES: &str = r#"layers = [
  { conv2d = { filters = 32, kernel = 3, stride = 2, padding = "same", use_bias = false } },
  { batch_norm = {} },
  { activation = "relu" },
  { conv2d = { filters = 64, kernel = 3, padding = "same", use_bias = false } },
  { batch_norm = {} },
  { activation = "relu" },
  { max_pool2d = { size = 2 } },
  { conv2d = { filters = 128, kernel = 3, padding = "same", use_bias = false } },
  { batch_norm = {} },
  { activation = "relu" },
  { max_pool2d = { size = 2 } },
  { conv2d = { filters = 128, kernel = 3, padding = "same", use_bias = false } },
  { batch_norm = {} },
  { activation = "relu" },
  { global_avg_pool2d = {} },
  { dropout = { rate = 0.3 } },
]
"#;

const AUGMENT_FEW: &str = r#"
[augment]                               # small random changes, in training alone; they replace missing samples
shift = 0.1
rotate = 8
scale = 0.08
# flip_horizontal = true                # where left and right do not matter
"#;

const AUGMENT_MANY: &str = r#"
# [augment]                             # small random changes, in training alone
# shift = 0.08
# flip_horizontal = true                # where left and right do not matter
"#;

const TRAIN_IMAGES: &str = r#"
[train]
epochs = 10
batch_size = 64
seed = 0
optimizer = { adamw = { learning_rate = 2e-3, weight_decay = 0.02 } }
schedule = { one_cycle = { rise = 0.2 } }   # the learning rate rises, then falls to nearly nothing
loss = { sparse_categorical_cross_entropy = { label_smoothing = 0.05 } }
# early_stopping = { monitor = "valid.loss", patience = 3 }   # not with one_cycle, whose last epochs are the best
checkpoint = { every_epochs = 1 }
"#;

const TRAIN_FEW_IMAGES: &str = r#"
[train]
epochs = 60
batch_size = 32
seed = 0
optimizer = { adamw = { learning_rate = 2e-3, weight_decay = 0.02 } }
schedule = { one_cycle = { rise = 0.2 } }   # the learning rate rises, then falls to nearly nothing
loss = { sparse_categorical_cross_entropy = { label_smoothing = 0.05 } }
checkpoint = { every_epochs = 10 }
"#;

fn table(text: &mut String, found: &Found, summary: &Summary, folder: &Path) -> Result<(), Error> {
    let lacks = |what: &str| Error::Setting {
        name: "data".to_owned(),
        reason: format!("{} has no {what}", summary.path.display()),
        remedy: "give a table with a header, at least two columns, and rows below it".to_owned(),
    };
    if summary.samples == 0 {
        return Err(lacks("rows"));
    }
    let target = target(summary).ok_or_else(|| lacks("columns"))?;
    let classes = has_classes(target);
    if classes && !target.is_crowded() {
        let names: Vec<String> = target.values.keys().take(2).cloned().collect();
        one_class(&names, ("class", "classes"))?;
    }
    let task = if classes {
        "tabular-classification"
    } else {
        "tabular-regression"
    };
    let _ = writeln!(text, "task = \"{task}\"\n");
    data_section(text, found, summary, folder);
    let name = toml::Value::String(target.name.clone());
    let _ = writeln!(
        text,
        "{:<39} # a guess: the column to predict",
        format!("target = {name}")
    );
    let texts: Vec<_> = summary
        .columns
        .iter()
        .filter(|column| column.name != target.name && column.text > 0)
        .collect();
    if !texts.is_empty() {
        let numbers = summary
            .columns
            .iter()
            .filter(|column| column.name != target.name && column.text == 0);
        let names: Vec<_> = numbers
            .map(|column| toml::Value::String(column.name.clone()))
            .collect();
        let left: Vec<_> = texts.iter().map(|column| column.name.as_str()).collect();
        let _ = writeln!(
            text,
            "columns = {}   # without {}, which hold text",
            toml::Value::Array(names),
            left.join(", ")
        );
    }
    text.push_str("\n[prepare]\ncolumns = \"standardise\"                  # mean 0 and deviation 1, learnt from the training part\n");
    if !classes {
        text.push_str("target = \"standardise\"\n");
    }
    text.push_str(
        "\n[model]                                 # the output layer follows from the task\n",
    );
    text.push_str(TABLE_LAYERS);
    text.push_str(TRAIN_TABLE);
    if classes {
        text.push_str(
            "# class_weights = \"balanced\"            # where some classes are rare and matter\n",
        );
    }
    Ok(())
}

/// The column to predict: the last one, or one with a telling name.
fn target(summary: &Summary) -> Option<&ColumnSummary> {
    const NAMES: [&str; 5] = ["target", "label", "class", "churn", "status"];
    let telling = |column: &&ColumnSummary| NAMES.contains(&column.name.to_lowercase().as_str());
    summary
        .columns
        .iter()
        .find(telling)
        .or_else(|| summary.columns.last())
}

/// Whether the values of a column look like classes: text, or few different whole numbers.
fn has_classes(column: &ColumnSummary) -> bool {
    column.text > 0 || (!column.is_crowded() && column.values.len() <= 20)
}

const TABLE_LAYERS: &str = r#"layers = [
  { dense = { units = 128, activation = "relu" } },
  { dropout = { rate = 0.2 } },
  { dense = { units = 64, activation = "relu" } },
  { dropout = { rate = 0.2 } },
]
"#;

const TRAIN_TABLE: &str = r#"
[train]
epochs = 60
batch_size = 32
seed = 0
optimizer = { adamw = { learning_rate = 1e-3, weight_decay = 0.01 } }
early_stopping = { monitor = "valid.loss", patience = 8 }
checkpoint = { every_epochs = 5 }
"#;
