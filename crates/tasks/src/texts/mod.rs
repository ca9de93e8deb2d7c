//! One of several classes from a text, or any number of them.

pub mod baseline;
mod baseline_scores;
mod data;
mod duplicates;
mod encoded;
mod explain;
mod init;
mod read;
mod recipe;
mod section;
mod worst;

use std::path::Path;

use jingwei_data::{Dataset, Features, Targets};
use jingwei_metrics::{Average, Metric};
use jingwei_nn::{BinaryCrossEntropy, Loss, Sizes};

pub use duplicates::Groups;
pub(crate) use encoded::Encoded;
pub(crate) use init::{look_at, recipe_values};
pub(crate) use read::{check, read, sizes, time};
pub use recipe::{DuplicateRule, TextRecipe};
pub(crate) use section::about;

use crate::Error;
use crate::classes;
use crate::init::Look;
use crate::recipe::Recipe;
use crate::task::{Finished, Misfit, ReportParts, Task};

/// One of several classes from a text, or any number of them.
#[derive(Debug)]
pub struct TextClassification;

/// Whether a text has any number of classes.
fn has_labels(recipe: &Recipe) -> bool {
    recipe.data.text.label_separator.is_some()
}

impl Task for TextClassification {
    fn name(&self) -> &'static str {
        "text-classification"
    }

    fn words(&self) -> &'static str {
        "text classification"
    }

    fn has_classes(&self) -> bool {
        true
    }

    fn first_recipe(&self, look: &Look<'_>) -> Result<Option<String>, Error> {
        init::first_recipe(look, self)
    }

    fn check(&self, recipe: &Recipe) -> Result<(), Misfit> {
        check(recipe)
    }

    fn metrics(&self, recipe: &Recipe) -> Vec<Metric> {
        match has_labels(recipe) {
            true => vec![Metric::ExactMatch, Metric::F1(Average::Micro)],
            false => vec![Metric::Accuracy],
        }
    }

    fn check_metric(&self, recipe: &Recipe, metric: Metric) -> Result<(), jingwei_metrics::Error> {
        match has_labels(recipe) {
            true => metric.check_labels(),
            false => metric.check(Some(classes::known(recipe))),
        }
    }

    fn loss(&self, recipe: &Recipe) -> Loss {
        match has_labels(recipe) {
            true => BinaryCrossEntropy::default().into(),
            false => classes::loss(),
        }
    }

    fn sizes(&self, recipe: &Recipe, _: &Path) -> Option<Sizes> {
        Some(sizes(recipe))
    }

    fn time(&self, recipe: &Recipe) -> usize {
        time(recipe)
    }

    fn outputs(&self, recipe: &Recipe) -> usize {
        match has_labels(recipe) {
            true => classes::each(recipe),
            false => classes::outputs(recipe),
        }
    }

    fn read(&self, recipe: &Recipe, path: &Path, like: Option<&Dataset>) -> Result<Dataset, Error> {
        read(recipe, path, like)
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        matches!(dataset.features(), Features::Texts(_))
            && matches!(
                dataset.targets(),
                Targets::Classes { .. } | Targets::Labels { .. }
            )
    }

    fn groups(
        &self,
        recipe: &Recipe,
        dataset: &Dataset,
        held: [Option<&Dataset>; 2],
    ) -> Result<Option<Groups>, Error> {
        Groups::find(recipe, dataset, held)
    }

    fn report_parts(
        &self,
        finished: &Finished<'_>,
        left_out: &mut Vec<String>,
    ) -> Result<ReportParts, Error> {
        let text = section::section(finished, left_out)?;
        Ok(ReportParts {
            text,
            ..ReportParts::default()
        })
    }
}
