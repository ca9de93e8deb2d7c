//! The first recipe for texts.

use std::path::{Path, PathBuf};

use jingwei_data::Dataset;
use jingwei_data::texts::{Format, Guess, OnBad, ReadOptions, read_texts};
use minijinja::context;
use minijinja::value::Value;

use crate::Error;
use crate::classes::one_class;
use crate::init::{Content, Look, quoted, render};
use crate::task::Task;

pub(super) fn first_recipe(look: &Look<'_>, task: &dyn Task) -> Result<Option<String>, Error> {
    let Content::Texts { guess, train, .. } = &look.content else {
        return Ok(None);
    };
    if guess.tagged {
        return Ok(None);
    }
    let dataset = look_at(train, guess)?;
    let has_labels = guess.separator.is_some();
    if !has_labels {
        one_class(dataset.class_names(), ("class", "classes"))?;
    }
    let (texts, classes) = (dataset.len(), dataset.class_names().len());
    let values = context! {
        task => task.name(),
        share => valid_share(texts),
        has_labels, classes,
        // For several labels a text: each often stands on a few words, which the largest value over time finds and the
        // mean over all tokens does not.
        has_ngrams => classes <= MOST_WITH_NGRAMS,
        buckets => buckets(classes),
        epochs => epochs(texts),
        batch_size => batch_size(texts),
        ..recipe_values(look, &dataset)
    };
    render(include_str!("recipe.toml"), values).map(Some)
}

/// Reads texts that look like `guess`.
pub(crate) fn look_at(data: &Path, guess: &Guess) -> Result<Dataset, Error> {
    Ok(read_texts(data, &options(guess), None)?)
}

/// What the template of `[data]` for texts needs, but for the task and the share of the validation part.
pub(crate) fn recipe_values(look: &Look<'_>, dataset: &Dataset) -> Value {
    let Content::Texts {
        guess,
        train,
        parts: [valid, test],
    } = &look.content
    else {
        return Value::UNDEFINED;
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| look.path(path));
    context! {
        data => train.display().to_string(),
        notes => dataset.notes(),
        left_out => dataset.left_out(),
        train => look.path(train),
        valid => path(valid),
        test => path(test),
        target => guess.target.as_deref().map(quoted),
        keys => keys(guess).join(", "),
    }
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
        keys.push(format!("column = {}", quoted(column)));
    }
    if let Some(separator) = guess.separator {
        keys.push(format!("label_separator = \"{separator}\""));
    }
    if guess.format == Format::TaggedNames {
        keys.push("format = \"tagged_names\"".to_owned());
    }
    keys
}

/// What is cut off for validation where there is no file of its own.
///
/// Nothing is stopped early, so that a few hundred texts are enough to measure on: the others are worth more to learn
/// from.
fn valid_share(texts: usize) -> &'static str {
    match texts < 5_000 {
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
        assert_eq!([200, 13_849].map(valid_share), ["0.1", "0.05"]);
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
