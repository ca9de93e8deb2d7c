//! `[data]`: what is trained on.

use jingwei_data::OnBad;
use serde::{Deserialize, Serialize};

use super::{Columns, Part};
use crate::images::ImageRecipe;
use crate::texts::{DuplicateRule, TextRecipe};

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
    /// What becomes of samples that cannot be read: `stop` (the default) or `quarantine`, which leaves them out, counts
    /// them and lists them in the report.
    #[serde(default)]
    pub on_bad: OnBad,
    /// What becomes of texts that come more than once, letter by letter or nearly so; default `together`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<DuplicateRule>,
    /// The names of the classes, in the order of their numbers; default those of the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The size that pictures of a folder are brought to; default that of the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRecipe>,
    /// The column of a table that holds the class, or the columns of the numbers to predict.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub target: Columns,
    /// The columns of a table that the model reads; default all but the target.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub columns: Columns,
    /// How texts are read.
    #[serde(default, skip_serializing_if = "TextRecipe::is_default")]
    pub text: TextRecipe,
}
