//! A tag for each token of a text: names, parts of speech.

mod errors;
mod init;

use std::path::Path;

use jingwei_data::texts::Format;
use jingwei_data::{Dataset, Features, Targets};
use jingwei_metrics::{Average, Metric};
use jingwei_nn::{Loss, Sizes};

use crate::Error;
use crate::classes;
use crate::init::Look;
use crate::recipe::Recipe;
use crate::task::{Finished, Misfit, OutputShape, ReportParts, Task};
use crate::texts::{self, Encoded, Groups};

/// A tag for each token of a text.
#[derive(Debug)]
pub struct SequenceTagging;

impl Task for SequenceTagging {
    fn name(&self) -> &'static str {
        "sequence-tagging"
    }

    fn words(&self) -> &'static str {
        "sequence tagging"
    }

    fn has_classes(&self) -> bool {
        true
    }

    fn first_recipe(&self, look: &Look<'_>) -> Result<Option<String>, Error> {
        init::first_recipe(look, self)
    }

    fn check(&self, recipe: &Recipe) -> Result<(), Misfit> {
        let tokens = recipe.augment.tokens();
        let chances = [("drop", tokens.drop), ("swap", tokens.swap)];
        if let Some((key, _)) = chances.into_iter().find(|(_, chance)| *chance > 0.0) {
            let message = format!("`{key}` would part tokens from their tags");
            let remedy = "leave it out; `mask` hides tokens";
            return Err(Misfit::at(&["augment", key], message, remedy));
        }
        texts::check(recipe)
    }

    fn metrics(&self, recipe: &Recipe) -> Vec<Metric> {
        match recipe.data.text.format {
            Some(Format::TaggedWords) => vec![Metric::Accuracy, Metric::F1(Average::Macro)],
            _ => vec![Metric::Accuracy, Metric::SpanF1],
        }
    }

    fn check_metric(&self, recipe: &Recipe, metric: Metric) -> Result<(), jingwei_metrics::Error> {
        match recipe.data.classes.is_empty() {
            true => Ok(()),
            false => metric.check_tags(&recipe.data.classes),
        }
    }

    fn loss(&self, _: &Recipe) -> Loss {
        classes::loss()
    }

    fn sizes(&self, recipe: &Recipe, _: &Path) -> Option<Sizes> {
        Some(texts::sizes(recipe))
    }

    fn time(&self, recipe: &Recipe) -> usize {
        texts::time(recipe)
    }

    fn outputs(&self, recipe: &Recipe) -> usize {
        classes::outputs(recipe)
    }

    fn output_shape(&self) -> OutputShape {
        OutputShape::Steps
    }

    fn read(&self, recipe: &Recipe, path: &Path, like: Option<&Dataset>) -> Result<Dataset, Error> {
        texts::read(recipe, path, like)
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        let (features, targets) = (dataset.features(), dataset.targets());
        matches!(features, Features::Texts(_)) && matches!(targets, Targets::Tags { .. })
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
        _: &mut Vec<String>,
    ) -> Result<ReportParts, Error> {
        let Some(encoded) = Encoded::new(finished.prepared)? else {
            return Ok(ReportParts::default());
        };
        let mut text = texts::about(finished, &encoded)?;
        if let Some((part, evaluator)) = finished.shown {
            let dataset = part.dataset(&finished.prepared.source);
            text.tag_errors = errors::errors(dataset, part, evaluator)?;
        }
        Ok(ReportParts {
            text,
            ..ReportParts::default()
        })
    }
}
