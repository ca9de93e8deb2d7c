//! How many pixels of a picture are black.

use std::path::Path;

use jingwei_data::idx::read_idx_prefix;
use jingwei_data::source::SourceKind;
use jingwei_data::{Dataset, Features, Limits, Targets};
use jingwei_metrics::Metric;
use jingwei_nn::{Loss, MeanSquaredError, Sizes};
use jingwei_tasks::init::{Content, Look};
use jingwei_tasks::recipe::Recipe;
use jingwei_tasks::task::Misfit;
use jingwei_tasks::{Error, Task};

#[derive(Debug)]
pub struct BlackPixels;

impl Task for BlackPixels {
    fn name(&self) -> &'static str {
        "black-pixels"
    }

    fn words(&self) -> &'static str {
        "counting black pixels"
    }

    fn has_classes(&self) -> bool {
        false
    }

    fn first_recipe(&self, look: &Look<'_>) -> Result<Option<String>, Error> {
        Ok(match &look.content {
            Content::Samples { found, .. } if found.kind == SourceKind::Idx => {
                let train = look.path(&found.train);
                let rest = include_str!("recipe.toml");
                let name = self.name();
                Some(format!(
                    "task = \"{name}\"\n\n[data]\ntrain = {train}\n{rest}"
                ))
            }
            _ => None,
        })
    }

    fn check(&self, _: &Recipe) -> Result<(), Misfit> {
        Ok(())
    }

    fn metrics(&self, _: &Recipe) -> Vec<Metric> {
        vec![Metric::Mae]
    }

    fn check_metric(&self, _: &Recipe, metric: Metric) -> Result<(), jingwei_metrics::Error> {
        metric.check(None)
    }

    fn loss(&self, _: &Recipe) -> Loss {
        MeanSquaredError::default().into()
    }

    fn sizes(&self, _: &Recipe, _: &Path) -> Option<Sizes> {
        None
    }

    fn outputs(&self, _: &Recipe) -> usize {
        1
    }

    fn read(&self, _: &Recipe, path: &Path, _: Option<&Dataset>) -> Result<Dataset, Error> {
        let pictures = read_idx_prefix(path, &Limits::default())?;
        let count = |sample: usize| {
            let pixels = pictures.image(sample).unwrap_or_default();
            pixels.iter().filter(|&&pixel| pixel == 0).count() as f32
        };
        let targets = Targets::Values {
            names: vec!["black pixels".to_owned()],
            values: (0..pictures.len()).map(count).collect(),
        };
        Ok(Dataset::new(pictures.features().clone(), targets)?)
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        matches!(dataset.features(), Features::Images { .. })
            && matches!(dataset.targets(), Targets::Values { .. })
    }
}
