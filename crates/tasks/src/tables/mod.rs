//! One of several classes, or numbers, from a row of a table.

mod init;

use std::path::Path;

use jingwei_data::csv::CsvTarget;
use jingwei_data::source::read;
use jingwei_data::{Dataset, Features, Limits, Targets};
use jingwei_metrics::Metric;
use jingwei_nn::{Loss, MeanSquaredError, Sizes};

use crate::Error;
use crate::init::Look;
use crate::recipe::Recipe;
use crate::task::{Misfit, Task};
use crate::{classes, samples};

/// One of several classes from a row of numbers.
#[derive(Debug)]
pub struct TabularClassification;

/// Numbers from a row of numbers.
#[derive(Debug)]
pub struct TabularRegression;

impl Task for TabularClassification {
    fn name(&self) -> &'static str {
        "tabular-classification"
    }

    fn words(&self) -> &'static str {
        "tabular classification"
    }

    fn has_classes(&self) -> bool {
        true
    }

    fn first_recipe(&self, look: &Look<'_>) -> Result<Option<String>, Error> {
        init::first_recipe(look, self)
    }

    fn check(&self, recipe: &Recipe) -> Result<(), Misfit> {
        samples::check(recipe)
    }

    fn metrics(&self, _: &Recipe) -> Vec<Metric> {
        vec![Metric::Accuracy]
    }

    fn check_metric(&self, recipe: &Recipe, metric: Metric) -> Result<(), jingwei_metrics::Error> {
        metric.check(Some(classes::known(recipe)))
    }

    fn loss(&self, _: &Recipe) -> Loss {
        classes::loss()
    }

    fn sizes(&self, recipe: &Recipe, _: &Path) -> Option<Sizes> {
        sizes(recipe)
    }

    fn outputs(&self, recipe: &Recipe) -> usize {
        classes::outputs(recipe)
    }

    fn read(&self, recipe: &Recipe, path: &Path, like: Option<&Dataset>) -> Result<Dataset, Error> {
        let options = samples::options(recipe, samples::class_target(recipe), like);
        Ok(read(path, &options, &Limits::default())?)
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        let (features, targets) = (dataset.features(), dataset.targets());
        matches!(features, Features::Rows { .. }) && matches!(targets, Targets::Classes { .. })
    }
}

impl Task for TabularRegression {
    fn name(&self) -> &'static str {
        "tabular-regression"
    }

    fn words(&self) -> &'static str {
        "tabular regression"
    }

    fn has_classes(&self) -> bool {
        false
    }

    fn first_recipe(&self, look: &Look<'_>) -> Result<Option<String>, Error> {
        init::first_recipe(look, self)
    }

    fn check(&self, recipe: &Recipe) -> Result<(), Misfit> {
        samples::check(recipe)
    }

    fn metrics(&self, _: &Recipe) -> Vec<Metric> {
        vec![Metric::Mae, Metric::R2]
    }

    fn check_metric(&self, _: &Recipe, metric: Metric) -> Result<(), jingwei_metrics::Error> {
        metric.check(None)
    }

    fn loss(&self, _: &Recipe) -> Loss {
        MeanSquaredError::default().into()
    }

    fn sizes(&self, recipe: &Recipe, _: &Path) -> Option<Sizes> {
        sizes(recipe)
    }

    fn outputs(&self, recipe: &Recipe) -> usize {
        recipe.data.target.0.len().max(1)
    }

    fn read(&self, recipe: &Recipe, path: &Path, like: Option<&Dataset>) -> Result<Dataset, Error> {
        let target = CsvTarget::Values(recipe.data.target.0.clone());
        let options = samples::options(recipe, target, like);
        Ok(read(path, &options, &Limits::default())?)
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        let (features, targets) = (dataset.features(), dataset.targets());
        matches!(features, Features::Rows { .. }) && matches!(targets, Targets::Values { .. })
    }
}

/// The columns that the recipe names.
fn sizes(recipe: &Recipe) -> Option<Sizes> {
    if let Some(sizes) = &recipe.model.input {
        return Some(Sizes::from(sizes.clone()));
    }
    match recipe.data.columns.0.len() {
        0 => None,
        columns => Some(Sizes::from(vec![columns])),
    }
}
