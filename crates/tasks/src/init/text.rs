//! Recipes for texts.

use std::fmt::Write;
use std::path::Path;

use jingwei_data::texts::{Format, Guess, OnBad, ReadOptions, read_texts};

use super::path_text;
use crate::Error;
use crate::check::one_class;

/// Writes a recipe for texts that look like `guess`. `parts` are the files to validate and to test with, if there are any.
///
/// # Errors
/// If the data cannot be read as that.
pub(super) fn texts(
    data: &Path,
    parts: [Option<&Path>; 2],
    guess: &Guess,
    folder: &Path,
) -> Result<String, Error> {
    let dataset = read_texts(data, &options(guess), None)?;
    match (guess.tagged, guess.separator) {
        (true, _) => one_class(dataset.class_names(), ("tag", "tags"))?,
        (false, None) => one_class(dataset.class_names(), ("class", "classes"))?,
        (false, Some(_)) => {}
    }
    let task = match guess.tagged {
        true => "sequence-tagging",
        false => "text-classification",
    };
    let mut text = format!(
        "# Written by `jingwei init` after a look at {}.\n# Train it with `jingwei train` and this file; every key is optional but those of [data].\n\ntask = \"{task}\"\n\n",
        data.display()
    );
    for note in dataset.notes() {
        let _ = writeln!(text, "# Note: {note}");
    }
    let left_out = dataset.left_out();
    if left_out > 0 {
        let _ = writeln!(
            text,
            "# Note: {left_out} rows cannot be used; `jingwei train` lists them in its report"
        );
    }
    let _ = writeln!(text, "[data]\ntrain = {}", path_text(data, folder));
    let own = [
        (valid_share(guess.tagged, dataset.len()), VALID),
        ("0.1", TEST),
    ];
    for ((key, path), (share, note)) in ["valid", "test"].iter().zip(parts).zip(own) {
        let _ = match path {
            Some(path) => writeln!(text, "{key} = {}", path_text(path, folder)),
            None => {
                let part = format!("{key} = {{ fraction = {share} }}");
                writeln!(text, "{part:<39} # {note}")
            }
        };
    }
    text.push_str(ON_BAD);
    if let Some(target) = &guess.target {
        let name = toml::Value::String(target.clone());
        let _ = writeln!(
            text,
            "{:<39} # a guess: the column of the classes",
            format!("target = {name}")
        );
    }
    let keys = keys(guess);
    if !keys.is_empty() {
        let _ = writeln!(text, "text = {{ {} }}", keys.join(", "));
    }
    if guess.format == Format::TaggedNames {
        text.push_str(PARTS_OF_SPEECH);
    }
    let classes = dataset.class_names().len();
    let member = |kind: &str| {
        if classes > MOST_WITH_NGRAMS {
            return MEMBER_OF_MANY.replace("KIND", kind);
        }
        let (patterns, branch) = match guess.separator {
            Some(_) => (PATTERNS, r#", "KIND_patterns""#),
            None => ("", ""),
        };
        MEMBER
            .replace("BUCKETS", &buckets(classes))
            .replace("PATTERNS", patterns)
            .replace("BRANCH", branch)
            .replace("KIND", kind)
    };
    text.push_str(&match guess.tagged {
        true => TAGGING.to_owned(),
        false => CLASSIFICATION
            .replace("WORDS", &member("word"))
            .replace("CHARACTERS", &member("character"))
            .replace("CLASSES", &classes.to_string())
            .replace("EPOCHS", &epochs(dataset.len()).to_string())
            .replace("BATCH_SIZE", &batch_size(dataset.len()).to_string()),
    });
    Ok(text)
}

/// How the data are read to look at them.
fn options(guess: &Guess) -> ReadOptions {
    let defaults = ReadOptions::default();
    ReadOptions {
        format: Some(guess.format),
        text: guess
            .column
            .clone()
            .unwrap_or_else(|| defaults.text.clone()),
        label: guess.target.clone().or(defaults.label.clone()),
        label_separator: guess.separator,
        on_bad: OnBad::Quarantine,
        ..defaults
    }
}

/// How the texts are read, where it differs from the defaults.
fn keys(guess: &Guess) -> Vec<String> {
    let mut keys = Vec::new();
    if let Some(column) = guess.column.as_ref().filter(|column| *column != "text") {
        keys.push(format!("column = {}", toml::Value::String(column.clone())));
    }
    if let Some(separator) = guess.separator {
        keys.push(format!("label_separator = \"{separator}\""));
    }
    if guess.format == Format::TaggedNames {
        keys.push("format = \"tagged_names\"".to_owned());
    }
    keys
}

const PARTS_OF_SPEECH: &str = r#"# For parts of speech instead of names: format = "tagged_words", and tokenizer = { word = {} } below.
"#;

/// What is cut off for validation where there is no file of its own.
///
/// Nothing is stopped early, so that a few hundred texts are enough to measure on: the others are worth more to learn
/// from.
fn valid_share(tagged: bool, texts: usize) -> &'static str {
    match tagged || texts < 5_000 {
        true => "0.1",
        false => "0.05",
    }
}

/// Epochs to classify so many texts: about 1,300 batches, as far as another look at the same texts still teaches. Where
/// batches cannot be smaller, hundreds of texts need another look.
fn epochs(texts: usize) -> usize {
    let texts = texts.max(1);
    (52_000 / texts).clamp(4, (4_000 / texts).clamp(8, 16))
}

/// Texts a batch to classify so many: few texts in batches of 32 are too few steps, and end behind TF-IDF; thousands in
/// smaller batches learn no better. Below 4, more epochs do as well.
fn batch_size(texts: usize) -> usize {
    (texts / 125).clamp(4, 32)
}

const VALID: &str = "measured after each epoch; each class gives its share";
const TEST: &str = "measured once at the end, steers nothing";

const ON_BAD: &str = "on_bad = \"quarantine\"                   # or \"stop\": bad rows are left out, counted and listed in the report\n";

const CLASSIFICATION: &str = r#"
[prepare.text]                          # cleaning is on: HTML, addresses, full-width and traditional characters
# Words, jieba's for Chinese, each followed by its characters; these stand in for words that are in no dictionary.
tokenizer = { words_and_characters = { words = { guess_new_words = false } } }

[model]                                 # two networks, one of words and one of characters; the mean of both decides
layers = [
  # Each is the sum of what n-grams and vectors of its tokens say of each class.
WORDSCHARACTERS]
outputs = ["of_words", "of_characters"] # each learns by a loss of its own

[train]
epochs = EPOCHS
batch_size = BATCH_SIZE
seed = 0
optimizer = { adam = { learning_rate = 1e-3 } }
schedule = { cosine = {} }              # the learning rate falls to nothing
checkpoint = { every_epochs = 1 }
"#;

const MEMBER: &str = r#"  { name = "KINDs", inputs = ["input"], token_filter = { keep = "KINDs" } },
  { name = "KIND_ngrams", ngram_bayes = { units = CLASSES, gain = 20.0BUCKETS } },
  { inputs = ["KINDs"], embedding = { units = 128 } },
  { name = "KIND_vectors", spatial_dropout1d = { rate = 0.3 } },
  { global_avg_pool1d = {} },
  { name = "KIND_network", dense = { units = CLASSES } },
PATTERNS  { name = "of_KINDs", inputs = ["KIND_ngrams", "KIND_network"BRANCH], add = {} },
"#;

/// The same without n-grams, whose tables have a column a class.
const MEMBER_OF_MANY: &str = r#"  { name = "KINDs", inputs = ["input"], token_filter = { keep = "KINDs" } },
  { embedding = { units = 128 } },
  { spatial_dropout1d = { rate = 0.3 } },
  { global_avg_pool1d = {} },
  { name = "of_KINDs", dense = { units = CLASSES } },
"#;

/// Classes up to which n-grams have tables.
const MOST_WITH_NGRAMS: usize = 1000;
/// Values that a table of n-grams has at most, with a column a class.
const MOST_OF_TABLE: usize = 1 << 26;

/// The rows of the tables of n-grams, where the default ones would be too many for so many classes.
fn buckets(classes: usize) -> String {
    let default = 1 << 20;
    match MOST_OF_TABLE / classes.max(1) {
        most if most >= default => String::new(),
        most => format!(", buckets = {}", 1 << most.max(1).ilog2()),
    }
}

/// For several labels a text: each often stands on a few words, which the largest value over time finds and the mean
/// over all tokens does not.
const PATTERNS: &str = r#"  # What the strongest patterns of three tokens say: one place in a text may be enough for a label.
  { inputs = ["KIND_vectors"], conv1d = { filters = 128, kernel = 3, padding = "same", activation = "relu" } },
  { global_max_pool1d = {} },
  { dropout = { rate = 0.5 } },
  { name = "KIND_patterns", dense = { units = CLASSES } },
"#;

const TAGGING: &str = r#"
[prepare.text]
tokenizer = { character = {} }          # or { word = {} } where tokens are words

[model]                                 # the output layer follows from the task
layers = [
  { name = "single", inputs = ["input"], embedding = { units = 100 } },
  { name = "pairs", inputs = ["input"], embedding = { units = 64, ngrams = 2, buckets = 262144 } },
  { name = "both", inputs = ["single", "pairs"], concat = {} },
  { spatial_dropout1d = { rate = 0.3 } },
  { lstm = { units = 128, return_sequences = true, bidirectional = true } },
  { dropout = { rate = 0.3 } },
  { crf = {} },
]

[train]
epochs = 4
batch_size = 32
seed = 0
optimizer = { adam = { learning_rate = 2e-3 } }
schedule = { one_cycle = { rise = 0.1 } }   # the learning rate rises, then falls to nearly nothing
clip = { norm = 5.0 }
checkpoint = { every_epochs = 1 }
"#;

#[cfg(test)]
mod tests {
    use super::{batch_size, buckets, epochs, valid_share};

    #[test]
    fn tables_of_many_classes_have_fewer_rows() {
        let rows = [2, 64, 65, 1000].map(buckets);
        assert_eq!(rows, ["", "", ", buckets = 524288", ", buckets = 65536"]);
    }

    #[test]
    fn many_texts_give_a_smaller_share_for_validation() {
        let shares = [(false, 200), (false, 13_849), (true, 19_484)];
        let shares = shares.map(|(tagged, texts)| valid_share(tagged, texts));
        assert_eq!(shares, ["0.1", "0.05", "0.1"]);
    }

    #[test]
    fn few_texts_are_seen_more_often() {
        assert_eq!(
            [0, 100, 300, 500, 3_000, 10_000, 13_849, 1_000_000].map(epochs),
            [16, 16, 13, 8, 8, 5, 4, 4]
        );
    }

    #[test]
    fn few_texts_come_in_smaller_batches() {
        assert_eq!(
            [0, 300, 1_000, 3_000, 4_000, 1_000_000].map(batch_size),
            [4, 4, 8, 24, 32, 32]
        );
    }
}
