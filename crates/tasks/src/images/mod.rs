//! One of several classes from a picture.

mod init;
mod recipe;
mod sizes;
mod worst;

use std::path::Path;

use jingwei_data::image::Size;
use jingwei_data::inspect::inspect;
use jingwei_data::source::{ReadOptions, SourceKind, detect, read};
use jingwei_data::{Dataset, Features, Limits, Targets};
use jingwei_metrics::Metric;
use jingwei_nn::{Loss, Sizes};

pub use recipe::ImageRecipe;

use crate::Error;
use crate::init::Look;
use crate::recipe::Recipe;
use crate::task::{Finished, Misfit, ReportParts, Task};
use crate::{classes, samples};

/// One of several classes from a picture.
#[derive(Debug)]
pub struct ImageClassification;

impl Task for ImageClassification {
    fn name(&self) -> &'static str {
        "image-classification"
    }

    fn words(&self) -> &'static str {
        "image classification"
    }

    fn has_classes(&self) -> bool {
        true
    }

    fn first_recipe(&self, look: &Look<'_>) -> Result<Option<String>, Error> {
        init::first_recipe(look)
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

    fn sizes(&self, recipe: &Recipe, folder: &Path) -> Option<Sizes> {
        sizes::sizes(recipe, folder).map(Sizes::from)
    }

    fn outputs(&self, recipe: &Recipe) -> usize {
        classes::outputs(recipe)
    }

    fn read(&self, recipe: &Recipe, path: &Path, like: Option<&Dataset>) -> Result<Dataset, Error> {
        let data = &recipe.data;
        let size = match (data.image, like) {
            (Some(image), _) => Some(image.into()),
            (None, Some(like)) => size_of(like),
            (None, None) => common_size(path)?,
        };
        let options = ReadOptions {
            size,
            ..samples::options(recipe, samples::class_target(recipe), like)
        };
        Ok(read(path, &options, &Limits::default())?)
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        let (features, targets) = (dataset.features(), dataset.targets());
        matches!(features, Features::Images { .. }) && matches!(targets, Targets::Classes { .. })
    }

    fn report_parts(
        &self,
        finished: &Finished<'_>,
        _: &mut Vec<String>,
    ) -> Result<ReportParts, Error> {
        Ok(ReportParts {
            sections: Vec::from_iter(worst::section(finished)?),
            ..ReportParts::default()
        })
    }
}

/// The size of the pictures of a dataset.
fn size_of(dataset: &Dataset) -> Option<Size> {
    match *dataset.features() {
        Features::Images {
            height,
            width,
            channels,
            ..
        } => Some(Size {
            height,
            width,
            channels,
        }),
        Features::Rows { .. } | Features::Texts(_) => None,
    }
}

/// The size of all pictures of a folder, if they have one.
fn common_size(path: &Path) -> Result<Option<Size>, Error> {
    if detect(path)?.kind != SourceKind::ImageFolder {
        return Ok(None);
    }
    let summary = inspect(path, &Limits::default())?;
    match summary.shape.as_deref() {
        Some(&[height, width, channels]) => Ok(Some(Size {
            height,
            width,
            channels,
        })),
        _ => Err(Error::Setting {
            name: "data.image".to_owned(),
            reason: format!("the pictures in {} have different sizes", path.display()),
            remedy: "say what they are brought to, such as `image = { height = 64, width = 64, channels = 3 }`"
                .to_owned(),
        }),
    }
}
