//! The first recipe for a table.

use jingwei_data::inspect::{ColumnSummary, Summary};
use jingwei_data::source::SourceKind;
use minijinja::context;

use crate::Error;
use crate::classes::one_class;
use crate::init::{Content, Look, quoted, render};
use crate::task::Task;

/// Different whole numbers that may be classes.
const MOST_CLASSES: usize = 20;

/// The recipe, if the column to predict is what `task` predicts.
pub(super) fn first_recipe(look: &Look<'_>, task: &dyn Task) -> Result<Option<String>, Error> {
    let Content::Samples { found, summary } = &look.content else {
        return Ok(None);
    };
    if found.kind != SourceKind::Csv {
        return Ok(None);
    }
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
    if classes != task.has_classes() {
        return Ok(None);
    }
    if classes && !target.is_crowded() {
        let names: Vec<String> = target.values.keys().take(2).cloned().collect();
        one_class(&names, ("class", "classes"))?;
    }
    let others = || {
        let columns = summary.columns.iter();
        columns.filter(|column| column.name != target.name)
    };
    let texts: Vec<&str> = others()
        .filter(|column| column.text > 0)
        .map(|column| column.name.as_str())
        .collect();
    let columns = (!texts.is_empty()).then(|| {
        let numbers = others().filter(|column| column.text == 0);
        let names = numbers.map(|column| toml::Value::String(column.name.clone()));
        toml::Value::Array(names.collect()).to_string()
    });
    let values = context! {
        task => task.name(),
        target => quoted(&target.name),
        classes, columns,
        texts => texts.join(", "),
        ..look.samples(found, summary)
    };
    render(include_str!("recipe.toml"), values).map(Some)
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
    column.text > 0 || (!column.is_crowded() && column.values.len() <= MOST_CLASSES)
}
