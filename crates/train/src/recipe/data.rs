//! `[data]`: what is trained on.

use serde::{Deserialize, Serialize};

use super::Part;

/// Where the data lie and how they are read. Paths are relative to the recipe's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// The training data: a folder of class folders, a CSV file, or the beginning of the names of an IDX pair, such as
    /// `data/train` for `train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`.
    pub train: String,
    /// The part that steers early stopping and the choice of the best weights; default a stratified tenth of the
    /// training data.
    #[serde(default = "Part::tenth")]
    pub valid: Part,
    /// The part that is measured once, at the end, and steers nothing; default none.
    #[serde(default)]
    pub test: Part,
    /// What kind of files they are; default by looking.
    #[serde(default)]
    pub format: Format,
    /// What becomes of samples that cannot be read; default the training stops.
    #[serde(default)]
    pub on_bad: OnBad,
    /// The names of the classes, in the order of their numbers; default those of the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The size that pictures of a folder are brought to; default that of the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRecipe>,
    /// The columns of a CSV file that hold the class or the numbers to predict; default the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Columns of a CSV file that are left out; default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

/// The size that pictures are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRecipe {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// 1 for grey, 3 for colours.
    pub channels: usize,
}

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Whatever is found.
    #[default]
    Auto,
    /// A pair of IDX files, as MNIST has.
    Idx,
    /// A folder of class folders of pictures.
    Folder,
    /// A table of numbers with a header.
    Csv,
    /// The binary batches of CIFAR-10.
    Cifar10,
}

/// What becomes of samples that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBad {
    /// The training stops, with file and row.
    #[default]
    Stop,
    /// They are left out, counted, and listed in the report.
    Quarantine,
}
