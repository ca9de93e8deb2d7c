//! `[data]`: what is trained on.

use jingwei_data::OnBad;
use jingwei_data::image::Size;
use jingwei_data::texts::{Format, Scheme};
use serde::{Deserialize, Serialize};

use super::{Columns, Part};

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

/// What becomes of texts that come more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateRule {
    /// A split leaves all of them on the same side.
    #[default]
    Together,
    /// Only the first one trains or is held back, and none that validation or test files hold too.
    Drop,
    /// They are not looked for.
    Ignore,
}

/// How texts are read, where they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextRecipe {
    /// The column of a table, or the key of a JSON line, that holds the text; default `text`.
    pub column: String,
    /// The form of the data: `csv`, `tsv`, `json_lines`, `lines`, `folders`, `conll`, `tagged_names` or `tagged_words`;
    /// by default the file's ending says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The character between several labels of one text; default one label each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<char>,
    /// How tags mark spans; by default it is found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The encoding, such as `gbk`; by default it is found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

impl Default for TextRecipe {
    fn default() -> Self {
        Self {
            column: "text".to_owned(),
            format: None,
            label_separator: None,
            scheme: None,
            encoding: None,
        }
    }
}

impl TextRecipe {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
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

impl From<ImageRecipe> for Size {
    fn from(image: ImageRecipe) -> Self {
        Self {
            height: image.height,
            width: image.width,
            channels: image.channels,
        }
    }
}
