//! What a task is.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use jingwei_data::Dataset;
use jingwei_metrics::Metric;
use jingwei_nn::{Loss, Sizes};
use jingwei_report::TextReport;
use jingwei_train::fit::{Evaluator, Trainer, Weights};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Error;
use crate::init::Look;
use crate::recipe::Recipe;
use crate::run::{Prepared, SourcePart};
use crate::texts::Groups;
use crate::{images, tables, tags, texts};

/// Something that models are trained for. Recipes, runs and `init` know what a task answers here, and no task by itself.
///
/// Everything that is special to a task lies in its folder; the one list of all stands below.
pub trait Task: fmt::Debug + Sync {
    /// The name in recipes and bundles, such as `image-classification`.
    fn name(&self) -> &'static str;

    /// The name in words.
    fn words(&self) -> &'static str;

    /// Whether classes are predicted; otherwise numbers.
    fn has_classes(&self) -> bool;

    /// A first recipe for data that `init` looked at; `None` if they are not for this task.
    ///
    /// # Errors
    /// What is wrong with the data.
    fn first_recipe(&self, look: &Look<'_>) -> Result<Option<String>, Error>;

    /// What in a recipe does not fit the task.
    ///
    /// # Errors
    /// The first such thing.
    fn check(&self, recipe: &Recipe) -> Result<(), Misfit>;

    /// What is measured on the validation part unless the recipe says it.
    fn metrics(&self, recipe: &Recipe) -> Vec<Metric>;

    /// Whether a metric fits the task.
    ///
    /// # Errors
    /// Why it does not.
    fn check_metric(&self, recipe: &Recipe, metric: Metric) -> Result<(), jingwei_metrics::Error>;

    /// What is minimised unless the recipe says it.
    fn loss(&self, recipe: &Recipe) -> Loss;

    /// The sizes of a sample, as far as the recipe and the first bytes of the data tell them; paths begin at `folder`.
    fn sizes(&self, recipe: &Recipe, folder: &Path) -> Option<Sizes>;

    /// The steps of a sequence to plan with before the data are read; 0 if samples are none.
    fn time(&self, recipe: &Recipe) -> usize {
        let _ = recipe;
        0
    }

    /// The values that the network gives for a sample, as far as the recipe tells.
    fn outputs(&self, recipe: &Recipe) -> usize;

    /// The shape of the network's output.
    fn output_shape(&self) -> OutputShape {
        OutputShape::Sample
    }

    /// Reads data; `like` is the training part if these are for another one, which shall have the same classes, columns
    /// and sizes.
    ///
    /// # Errors
    /// What is wrong with the files, or with what the recipe says of them.
    fn read(&self, recipe: &Recipe, path: &Path, like: Option<&Dataset>) -> Result<Dataset, Error>;

    /// Whether data are what the task is about.
    fn fits(&self, dataset: &Dataset) -> bool;

    /// Samples that a split must keep together; `held` are the files of the validation and the test part.
    ///
    /// # Errors
    /// If samples cannot be read.
    fn groups(
        &self,
        recipe: &Recipe,
        dataset: &Dataset,
        held: [Option<&Dataset>; 2],
    ) -> Result<Option<Groups>, Error> {
        let _ = (recipe, dataset, held);
        Ok(None)
    }

    /// What the report tells of this task beside what it tells of all. What had to be left out goes to `left_out`, in
    /// sentences.
    ///
    /// # Errors
    /// If the samples cannot be read or asked.
    fn report_parts(
        &self,
        finished: &Finished<'_>,
        left_out: &mut Vec<String>,
    ) -> Result<ReportParts, Error> {
        let _ = (finished, left_out);
        Ok(ReportParts::default())
    }
}

/// All tasks, in the order in which `init` asks them.
const TASKS: &[&dyn Task] = &[
    &tags::SequenceTagging,
    &texts::TextClassification,
    &images::ImageClassification,
    &tables::TabularClassification,
    &tables::TabularRegression,
];

/// Tasks that a program has added.
static ADDED: RwLock<Vec<&'static dyn Task>> = RwLock::new(Vec::new());

/// Adds a task of one's own: recipes may name it from now on, and [`init`](crate::init::init()) asks it before the others.
pub fn add(task: &'static dyn Task) {
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    added.push(task);
}

/// All tasks, those that were added first.
pub fn all() -> impl Iterator<Item = TaskRef> {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner).clone();
    added.into_iter().chain(TASKS.iter().copied()).map(TaskRef)
}

/// A task by its name, as it stands in a recipe.
#[derive(Debug, Clone, Copy)]
pub struct TaskRef(&'static dyn Task);

impl TaskRef {
    /// The task of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        all().find(|task| task.name() == name)
    }
}

impl Deref for TaskRef {
    type Target = dyn Task;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for TaskRef {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Serialize for TaskRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TaskRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| {
            let known: Vec<String> = all().map(|task| format!("`{}`", task.name())).collect();
            let known = known.join(", ");
            de::Error::custom(format_args!(
                "unknown variant `{name}`, expected one of {known}"
            ))
        })
    }
}

/// What in a recipe does not fit its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The keys on the way to it.
    pub path: Vec<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Misfit {
    /// Something wrong at a path.
    #[must_use]
    pub fn at(
        path: &[&'static str],
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_vec(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// The shape of what a network gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputShape {
    /// One list of values a sample.
    Sample,
    /// Values at each step of a sequence.
    Steps,
}

impl OutputShape {
    /// The dimensions, the batch among them, and what is expected in words.
    pub(crate) fn expected(self) -> (usize, &'static str) {
        match self {
            Self::Sample => (2, "[batch, values]; flatten or pool before the last layer"),
            Self::Steps => (3, "[batch, time, tags]; join no steps"),
        }
    }
}

/// A training that is over, for its report.
pub struct Finished<'a> {
    /// What was trained.
    pub recipe: &'a Recipe,
    /// Data and network.
    pub prepared: &'a Prepared,
    /// Who trained.
    pub trainer: &'a Trainer<'a>,
    /// What was learnt.
    pub weights: &'a Weights,
    /// The part whose mistakes are shown, evaluated.
    pub shown: Option<(&'a SourcePart, &'a Evaluator<'a>)>,
}

/// What a task adds to a report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReportParts {
    /// Whole sections.
    pub sections: Vec<jingwei_report::Section>,
    /// What is told of texts.
    pub text: TextReport,
}
