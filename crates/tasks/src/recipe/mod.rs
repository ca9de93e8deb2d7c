//! The recipe: one TOML file, complete enough to reproduce a model.
//!
//! The types are the settings of the library, so that whatever a recipe can say, a program can too. Reading one checks
//! keys, types, ranges and the shapes of all layers before any data are read, and says in one message where and what.

mod bounds;
mod check;
mod columns;
mod data;
mod model;
mod part;
mod place;
mod train;

use std::fs;
use std::path::Path;

pub use columns::Columns;
pub use data::DataRecipe;
use jingwei_data::{Augment, prepare::PrepareOptions};
use jingwei_metrics::Metric;
use jingwei_nn::{Loss, Network, Sizes};
use jingwei_train::fit::{FitOptions, Functions, Objective, for_loss};
pub use model::{ModelRecipe, Resnet, TokenIds, Zoo};
pub use part::{Held, Part};
pub use place::RecipeError;
use place::Source;
use serde::{Deserialize, Serialize};
pub use train::{CheckpointRecipe, ClassWeights, TrainRecipe};

use crate::Error;
use crate::task::TaskRef;

/// A recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the model shall do.
    pub task: TaskRef,
    /// What is trained on.
    pub data: DataRecipe,
    /// How records become numbers.
    #[serde(default)]
    pub prepare: PrepareOptions,
    /// Random changes to the training samples.
    #[serde(default)]
    pub augment: Augment,
    /// The network.
    pub model: ModelRecipe,
    /// How it is trained.
    #[serde(default)]
    pub train: TrainRecipe,
    /// What is told about it.
    #[serde(default)]
    pub report: ReportRecipe,
}

/// What is told about a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportRecipe {
    /// The heading; default the name of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many of the pictures that the model gets most wrong are shown; default 24.
    pub worst_images: usize,
    /// Whether event files for TensorBoard are written; default true.
    pub tensorboard: bool,
}

impl Default for ReportRecipe {
    fn default() -> Self {
        Self {
            title: None,
            worst_images: 24,
            tensorboard: true,
        }
    }
}

impl Recipe {
    /// Reads and checks a recipe file.
    ///
    /// # Errors
    /// [`Error::Train`] if it cannot be read, [`Error::Recipe`] with the first thing that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::file(path, "read the recipe"))?;
        Self::read(&text, &path.display().to_string(), path.parent())
    }

    /// As [`Recipe::load`], from a text; `file` names it in messages, and paths in it begin at `folder`.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the first thing that is wrong in it.
    pub fn read(text: &str, file: &str, folder: Option<&Path>) -> Result<Self, Error> {
        let recipe = Self::parse(text, file)?;
        check::check(&recipe, &Source { file, text }, folder)?;
        Ok(recipe)
    }

    /// The functions of the network as far as the recipe and the first bytes of the data tell them; `None` if the sizes
    /// of samples are known only from the data.
    pub(crate) fn functions(&self, folder: &Path) -> Option<Functions> {
        let outline = check::Outline::new(self, folder)?;
        let check::Outline {
            sizes,
            tokens,
            outputs,
        } = outline;
        let network = self.model.network(&sizes, tokens, outputs).ok()?;
        let network = for_loss(network, &self.loss()).ok()?;
        Functions::new(&network, &Objective::new(self.loss())).ok()
    }

    /// Reads a recipe from a text; `file` names it in messages.
    ///
    /// # Errors
    /// [`Error::Recipe`] for what is no TOML, an unknown key or a wrong type, with its place and the nearest valid key.
    ///
    /// ```
    /// let error = jingwei_tasks::recipe::Recipe::parse("tusk = 1", "recipe.toml").unwrap_err().to_string();
    /// assert!(error.starts_with("unknown key `tusk` in the recipe at recipe.toml:1:1; did you mean `task`?"));
    /// ```
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        let source = Source { file, text };
        toml::from_str(text).map_err(|error| Error::Recipe(Box::new(source.serde_error(&error))))
    }

    /// The recipe as TOML, every default written out.
    ///
    /// # Errors
    /// [`Error::Setting`] for what TOML cannot hold; no recipe that was read has any.
    pub fn to_toml_with_defaults(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| Error::Setting {
            name: "recipe".to_owned(),
            reason: error.to_string(),
            remedy: "use plain numbers and texts".to_owned(),
        })
    }

    /// The network for samples of these sizes that gives `outputs` values; `text` and `file` are where the recipe was
    /// read.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the layer that does not fit, at its place.
    pub(crate) fn network(
        &self,
        sizes: &Sizes,
        tokens: TokenIds,
        outputs: usize,
        text: &str,
        file: &str,
    ) -> Result<Network, Error> {
        let source = Source { file, text };
        if let Some(error) = check::network_error(self, &source, sizes, tokens, outputs) {
            return Err(Error::Recipe(Box::new(error)));
        }
        let network = self.model.network(sizes, tokens, outputs)?;
        self.model.check_outputs(&network, outputs)?;
        Ok(for_loss(network, &self.loss())?)
    }

    /// The settings of the training.
    #[must_use]
    pub fn fit_options(&self) -> FitOptions {
        let train = &self.train;
        FitOptions {
            epochs: train.epochs,
            batch_size: train.batch_size,
            optimizer: train.optimizer,
            schedule: train.schedule,
            warmup: train.warmup,
            clip: train.clip,
            ema: train.ema,
            early_stopping: train.early_stopping.clone(),
            monitor: None,
            metrics: self.metrics(),
            augment: self.augment.clone(),
            seed: train.seed,
            memory_limit: None,
        }
    }

    /// What is measured on the validation part.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        if !self.train.metrics.is_empty() {
            return self.train.metrics.clone();
        }
        self.task.metrics(self)
    }

    /// What is minimised.
    #[must_use]
    pub fn loss(&self) -> Loss {
        self.train.loss.unwrap_or_else(|| self.task.loss(self))
    }
}
