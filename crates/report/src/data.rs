use jingwei_metrics::{Epoch, Evaluation};
use serde::{Deserialize, Serialize};

use crate::{Section, TextReport};

/// Everything that a report shows. Empty parts are left out of the page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Name of the run, the heading of the page.
    pub title: String,
    /// What kind of model it is, such as "image classification".
    pub task: String,
    /// When the training ended, as text.
    pub created: String,
    /// The recipe, as written.
    pub recipe: String,
    /// What was trained on.
    pub data: DataDescription,
    /// What was trained.
    pub model: ModelDescription,
    /// How the training went, an entry an epoch.
    pub history: Vec<Epoch>,
    /// The epoch whose weights were kept.
    pub best_epoch: Option<u64>,
    /// How good the model is on the validation part, which steered the training.
    pub valid: Option<Evaluation>,
    /// How good the model is on the test part, which steered nothing.
    pub test: Option<Evaluation>,
    /// What only reports of this task show, behind the results.
    pub sections: Vec<Section>,
    /// What only reports of texts show.
    pub text: TextReport,
    /// What the run took and what made it.
    pub run: RunDescription,
    /// What the reader should know before trusting the figures.
    pub warnings: Vec<String>,
    /// How many rows were left out because they could not be read.
    pub quarantined: u64,
    /// Those rows, or the first of them.
    pub quarantined_rows: Vec<QuarantinedRow>,
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataDescription {
    /// Names of the classes in the order of their numbers; empty for a regression.
    pub classes: Vec<String>,
    /// The parts, such as train, valid and test.
    pub parts: Vec<Part>,
    /// Name and unit of the target of a regression, such as "Price in $".
    pub target: String,
    /// Further facts, such as source, image size and preparation.
    pub facts: Vec<Fact>,
}

/// One part of the data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Part {
    /// Its name, such as "train".
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// Rows of each class; empty for a regression.
    pub counts: Vec<u64>,
}

/// A name and a value, both as shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Fact {
    /// A fact from two texts.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// The network of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelDescription {
    /// The layers in the order in which they run.
    pub layers: Vec<Layer>,
    /// Further facts, such as optimiser and loss.
    pub facts: Vec<Fact>,
}

/// One layer of a network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Layer {
    /// Unique name.
    pub name: String,
    /// Kind, such as "Conv2D".
    pub kind: String,
    /// Shape of its output without the batch, such as "26 × 26 × 32".
    pub output: String,
    /// Number of its parameters.
    pub parameters: u64,
    /// Names of the layers that it reads; empty for inputs.
    pub inputs: Vec<String>,
}

/// What a run took and what made it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunDescription {
    /// Wall time of fitting, without evaluation.
    pub seconds: f64,
    /// Largest resident memory of the process, in bytes; 0 if unknown.
    pub peak_memory: u64,
    /// Hash of the final weights.
    pub weights_hash: String,
    /// Further facts, such as machine, SIMD level, threads, seed and versions.
    pub facts: Vec<Fact>,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct QuarantinedRow {
    /// File and row.
    pub origin: String,
    /// Why it could not be used.
    pub reason: String,
}
