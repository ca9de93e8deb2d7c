use jingwei_data::texts::{Format, Scheme};
use serde::{Deserialize, Serialize};

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
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
