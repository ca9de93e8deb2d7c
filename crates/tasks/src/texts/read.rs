//! Reading texts as a recipe says, for all tasks that read some.

use std::path::Path;

use jingwei_data::texts::{self, ReadOptions, read_texts};
use jingwei_data::{Dataset, OnBad};
use jingwei_graph::Dim;
use jingwei_nn::{Sizes, TIME};

use crate::Error;
use crate::recipe::Recipe;
use crate::task::Misfit;

/// Refuses what is for pictures or rows alone.
pub(crate) fn check(recipe: &Recipe) -> Result<(), Misfit> {
    let augment = &recipe.augment;
    if augment.changes_pictures() || augment.mixup > 0.0 {
        let remedy = "leave all but `drop`, `swap` and `mask` out";
        return Err(Misfit::at(&["augment"], "texts are no pictures", remedy));
    }
    Ok(())
}

/// A step for each token; how many there are is open unless the recipe says it.
pub(crate) fn sizes(recipe: &Recipe) -> Sizes {
    let length = recipe.prepare.text.length;
    Sizes(vec![length.map_or(TIME, Dim::Size)])
}

/// The steps to plan with before the data are read.
pub(crate) fn time(recipe: &Recipe) -> usize {
    recipe.prepare.text.length.unwrap_or(1).max(1)
}

/// Reads texts; `like` is the training part if this is another one.
pub(crate) fn read(recipe: &Recipe, path: &Path, like: Option<&Dataset>) -> Result<Dataset, Error> {
    let (data, defaults) = (&recipe.data, ReadOptions::default());
    let classes = like.map_or(&data.classes[..], Dataset::class_names);
    let options = ReadOptions {
        format: data.text.format,
        text: data.text.column.clone(),
        label: data.target.0.first().cloned().or(defaults.label.clone()),
        label_separator: data.text.label_separator,
        scheme: data.text.scheme,
        encoding: data.text.encoding.clone(),
        on_bad: match data.on_bad {
            OnBad::Stop => texts::OnBad::Stop,
            OnBad::Quarantine => texts::OnBad::Quarantine,
        },
        ..defaults
    };
    let classes = Some(classes).filter(|names| !names.is_empty());
    Ok(read_texts(path, &options, classes)?)
}
