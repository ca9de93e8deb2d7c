//! What tasks of pictures and of rows have in common.

use jingwei_data::csv::CsvTarget;
use jingwei_data::source::ReadOptions;
use jingwei_data::{Dataset, Features};

use crate::recipe::Recipe;
use crate::task::Misfit;

/// Refuses what is for texts alone.
pub(crate) fn check(recipe: &Recipe) -> Result<(), Misfit> {
    let tokens = recipe.augment.tokens();
    let chances = [
        ("drop", tokens.drop),
        ("swap", tokens.swap),
        ("mask", tokens.mask),
    ];
    if let Some((key, _)) = chances.into_iter().find(|(_, chance)| *chance > 0.0) {
        let message = format!("`{key}` changes tokens of texts, and there are none");
        return Err(Misfit::at(&["augment", key], message, "leave it out"));
    }
    if recipe.data.duplicates.is_some() {
        let message = "duplicates are looked for among texts alone";
        let remedy = "leave `duplicates` out";
        return Err(Misfit::at(&["data", "duplicates"], message, remedy));
    }
    Ok(())
}

/// The column of the classes, where samples lie in a table.
pub(crate) fn class_target(recipe: &Recipe) -> CsvTarget {
    match recipe.data.target.0.first() {
        Some(name) => CsvTarget::Class(name.clone()),
        None => CsvTarget::None,
    }
}

/// How a source of samples is read; `like` is the training part if this is another one.
pub(crate) fn options(recipe: &Recipe, target: CsvTarget, like: Option<&Dataset>) -> ReadOptions {
    let some = |names: &[String]| Some(names.to_vec()).filter(|names| !names.is_empty());
    let data = &recipe.data;
    ReadOptions {
        size: None,
        target,
        columns: match like.map(Dataset::features) {
            Some(Features::Rows { columns, .. }) => Some(columns.clone()),
            Some(Features::Images { .. } | Features::Texts(_)) => None,
            None => some(&data.columns.0),
        },
        classes: match like {
            Some(like) => some(like.class_names()),
            None => some(&data.classes),
        },
        delimiter: None,
        on_bad: data.on_bad,
    }
}
