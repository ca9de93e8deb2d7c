//! The whole journey: from a recipe and its data to a trained, measured, reusable model.
//!
//! A run folder holds everything about one run: `recipe.toml`, `history.jsonl`, `events/` for TensorBoard,
//! `checkpoints/`, and at the end `bundle/` with the model and its `report.html`.

mod finish;
mod identity;
mod report;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub(crate) use finish::reading;
use jingwei_data::prepare::FeaturePreparation;
use jingwei_data::{Dataset, Preparation, Quarantined, Targets};
use jingwei_engine::Runtime;
use jingwei_graph::Dim;
use jingwei_metrics::Evaluation;
use jingwei_nn::{Loss, Network, Sizes, TIME};
use jingwei_report::{BaselineScores, DuplicateTexts};
use jingwei_train::checkpoint::Folder;
use jingwei_train::fit::{
    CheckpointWriter, EventLog, FitOptions, Functions, HistoryWriter, Identity, Objective,
    Observer, Outcome, Trainer, TrainingData, check_texts,
};
use jingwei_train::history::Epoch;
use jingwei_train::{Lock, memory};
pub use source::{Source, SourcePart, folder_of};

use crate::recipe::{CheckpointRecipe, Recipe, TokenIds};
use crate::{Error, check};

/// A recipe with its text and the folder that its paths begin at.
#[derive(Debug, Clone)]
pub struct Job {
    /// The recipe.
    pub recipe: Recipe,
    /// As it was written.
    pub text: String,
    /// The file, as messages name it.
    pub file: String,
    /// Where its paths begin.
    pub folder: PathBuf,
    /// The bytes that its training may take; that of the machine unless set.
    pub memory_limit: u64,
}

impl Job {
    /// Reads a recipe file.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let recipe = Recipe::load(path)?;
        let text = fs::read_to_string(path).map_err(Error::file(path, "read the recipe"))?;
        Ok(Self {
            recipe,
            text,
            file: path.display().to_string(),
            folder: folder_of(path),
            memory_limit: memory::limit(),
        })
    }

    /// A recipe that is written to no file yet; its paths begin at `folder`, and `file` names it in messages.
    ///
    /// # Errors
    /// As [`Recipe::read`].
    pub fn read(text: String, file: &str, folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            recipe: Recipe::read(&text, file, Some(folder))?,
            text,
            file: file.to_owned(),
            folder: folder.to_owned(),
            memory_limit: memory::limit(),
        })
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct RunResult {
    /// Why the training returned.
    pub outcome: Outcome,
    /// The step after which it went on, if it did not start anew.
    pub resumed_from: Option<u64>,
    /// Its epochs, those of earlier processes included.
    pub history: Vec<Epoch>,
    /// The epoch whose weights are kept, from 1.
    pub best_epoch: Option<u64>,
    /// Seconds of training and validation, earlier processes included.
    pub seconds: f64,
    /// How good the model is on the validation part; none if the training was interrupted.
    pub valid: Option<Evaluation>,
    /// How good it is on the test part; none without one, or if the training was interrupted.
    pub test: Option<Evaluation>,
    /// How good an ordinary method is on the same texts; none for anything else.
    pub baseline: Option<BaselineScores>,
    /// The model; none if the training was interrupted.
    pub bundle: Option<PathBuf>,
    /// The hash of the weights.
    pub weights_hash: String,
    /// The number of trainable values.
    pub parameters: usize,
    /// Samples that were left out because they could not be read.
    pub quarantined: usize,
    /// The first of them, with its place and what is wrong with it.
    pub first_quarantined: Option<Quarantined>,
    /// What was found in the data, in sentences.
    pub notes: Vec<String>,
    /// Texts that come more than once; none if they were not looked for.
    pub duplicates: Option<DuplicateTexts>,
    /// What the user should know, such as damaged checkpoints that were passed over.
    pub warnings: Vec<String>,
}

/// Everything that a recipe and its data determine before the first step.
pub struct Prepared {
    /// The data.
    pub source: Source,
    /// From records to numbers, fitted on the training part.
    pub preparation: Preparation,
    /// The network.
    pub network: Network,
    /// What it is trained for.
    pub objective: Objective,
    /// Its functions.
    pub functions: Functions,
    /// How it is trained.
    pub options: FitOptions,
}

impl Prepared {
    /// Reads the data of a job, fits the preparation and builds the functions.
    ///
    /// # Errors
    /// What is wrong with data or recipe.
    pub fn new(job: &Job) -> Result<Self, Error> {
        let recipe = &job.recipe;
        let mut source = Source::read(recipe, &job.folder)?;
        let mut prepare = recipe.prepare.clone();
        prepare.text.begin_paths_at(&job.folder);
        let mut preparation = Preparation::fit(&source.dataset, &source.train, &prepare)?;
        if let FeaturePreparation::Text(text) = &mut preparation.features {
            // What was read of the files is in the preparation; where they lay on this machine is nobody's business.
            text.options.clone_from(&recipe.prepare.text);
        }
        source.keep_finite(&preparation, recipe.data.on_bad)?;
        let counts = Source::class_counts(&source.dataset, &source.train);
        let objective = Objective {
            loss: recipe.loss(),
            class_weights: recipe.train.class_weights.weights(&counts),
            soft_targets: recipe.augment.mixup > 0.0 && recipe.task.has_classes(),
            gradient_precision: recipe.train.gradient_precision,
        };
        check_class_weights(&objective, counts.len())?;
        let outputs = outputs(&objective.loss, &source);
        let network = job.network(&preparation, outputs)?;
        let functions = Functions::new(&network, &objective)?;
        check_texts(&network, &functions, &source.dataset, &preparation)?;
        Ok(Self {
            options: job.fit_options(),
            source,
            preparation,
            network,
            objective,
            functions,
        })
    }

    /// What was found in the data, in sentences.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let notes = self.source.datasets().flat_map(Dataset::notes).cloned();
        let duplicates = self.source.duplicates.as_ref();
        let duplicates = duplicates.map(|found| format!("duplicates: {}", found.sentence()));
        notes.chain(duplicates).collect()
    }

    /// What the trainer reads.
    #[must_use]
    pub fn training_data(&self) -> TrainingData<'_> {
        let valid = self.source.valid.as_ref();
        TrainingData {
            dataset: &self.source.dataset,
            train: &self.source.train,
            valid: valid.map(|part| (part.dataset(&self.source), part.indices.as_slice())),
            preparation: &self.preparation,
        }
    }
}

impl Job {
    /// The network for the data, or what is wrong with it at its place in the recipe.
    fn network(&self, preparation: &Preparation, outputs: usize) -> Result<Network, Error> {
        let shape = preparation.sample_shape();
        let sizes = Sizes(
            shape
                .iter()
                .map(|size| size.map_or(TIME, Dim::Size))
                .collect(),
        );
        match &self.recipe.model.input {
            Some(input) if Sizes::from(input.as_slice()) != sizes => Err(Error::Setting {
                name: "model.input".to_owned(),
                reason: format!("the recipe says {input:?}, the data have {sizes}"),
                remedy: "leave `input` out, or give data of that size".to_owned(),
            }),
            _ => {
                let tokens = TokenIds::of(preparation.text());
                let mut recipe = self.recipe.clone();
                recipe.model.begin_paths_at(&self.folder);
                recipe.network(&sizes, tokens, outputs, &self.text, &self.file)
            }
        }
    }

    /// The settings of the training.
    pub(crate) fn fit_options(&self) -> FitOptions {
        FitOptions {
            memory_limit: Some(self.memory_limit),
            ..self.recipe.fit_options()
        }
    }
}

/// The values that the network gives a sample.
fn outputs(loss: &Loss, source: &Source) -> usize {
    match (source.dataset.targets(), loss) {
        (Targets::Classes { names, .. }, Loss::BinaryCrossEntropy(_)) if names.len() == 2 => 1,
        (
            Targets::Classes { names, .. }
            | Targets::Labels { names, .. }
            | Targets::Tags { names, .. },
            _,
        ) => names.len(),
        (Targets::Values { names, .. }, _) => names.len(),
        (Targets::None, _) => 1,
    }
}

fn check_class_weights(objective: &Objective, classes: usize) -> Result<(), Error> {
    match objective.class_weights.len() {
        0 => Ok(()),
        found if found == classes => Ok(()),
        found => Err(Error::Setting {
            name: "train.class_weights".to_owned(),
            reason: format!("{found} weights for {classes} classes"),
            remedy: "give one for each class, or \"balanced\"".to_owned(),
        }),
    }
}

/// Trains a recipe in a run folder, or goes on with the training that is there, then measures it and writes the bundle.
/// A run that is over is measured again, and nothing is written.
///
/// Observers look on beside those that write checkpoints, history and logs. Setting `cancel` ends the training after
/// the step that runs; calling this again goes on.
///
/// # Errors
/// [`Locked`](jingwei_train::Error::Locked) if another process trains there,
/// [`OtherTraining`](jingwei_train::Error::OtherTraining) if the folder holds another training, and whatever goes wrong
/// on the way; checkpoints stay.
pub fn run_training(
    job: &Job,
    run: &Path,
    runtime: &Runtime,
    observers: &mut [&mut dyn Observer],
    cancel: &AtomicBool,
) -> Result<RunResult, Error> {
    let _lock = Lock::take(run)?;
    check::before_data(job, runtime)?;
    let prepared = Prepared::new(job)?;
    check::before_training(job, &prepared, runtime)?;
    let notes = prepared.notes();
    for observer in observers.iter_mut() {
        observer.notes(&notes)?;
    }
    let mut trainer = Trainer::new(
        runtime,
        &prepared.functions,
        &prepared.options,
        prepared.training_data(),
    )?;
    let identity = job.identity(&prepared, runtime)?;
    let folder = Folder::open(run.join("checkpoints"))?;
    let warnings = trainer.resume(&folder, &identity, run)?;
    let resumed_from = Some(trainer.progress().step).filter(|step| *step > 0);
    // A run with its bundle is over: from here on, nothing in its folder changes.
    let is_over = trainer.progress().finished && run.join(BUNDLE).exists();
    let outcome = match is_over {
        true => trainer.run(observers, cancel)?,
        false => {
            let writers = Writers::new(job, run, &prepared, folder, identity)?;
            writers.run(&mut trainer, observers, cancel)?
        }
    };
    let mut result = RunResult {
        outcome,
        resumed_from,
        history: trainer.progress().history.clone(),
        best_epoch: trainer.progress().watch.best_epoch,
        seconds: trainer.progress().seconds,
        valid: None,
        test: None,
        baseline: None,
        bundle: None,
        weights_hash: trainer.weights_hash(),
        parameters: prepared.functions.training.parameters.values(),
        quarantined: prepared.source.datasets().map(Dataset::left_out).sum(),
        first_quarantined: prepared
            .source
            .datasets()
            .flat_map(Dataset::quarantine)
            .next()
            .cloned(),
        notes,
        duplicates: prepared.source.duplicates.clone(),
        warnings: warnings
            .iter()
            .map(|warning| format!("{warning}; went on from the checkpoint before it"))
            .collect(),
    };
    if is_over {
        finish::confirm(run, &prepared, &trainer, &mut result)?;
    } else if outcome != Outcome::Interrupted {
        finish::finish(job, run, &prepared, &trainer, &mut result)?;
    }
    Ok(result)
}

/// The folder of the model in the folder of a run.
const BUNDLE: &str = "bundle";

/// Those who write to the folder of a run while it trains.
struct Writers {
    history: HistoryWriter,
    events: Option<EventLog>,
    checkpoints: CheckpointWriter,
}

impl Writers {
    fn new(
        job: &Job,
        run: &Path,
        prepared: &Prepared,
        folder: Folder,
        identity: Identity,
    ) -> Result<Self, Error> {
        let recipe = run.join("recipe.toml");
        jingwei_files::replace(&recipe, job.text.as_bytes())
            .map_err(Error::file(&recipe, "write the recipe"))?;
        let CheckpointRecipe {
            every_epochs,
            every_steps,
        } = job.recipe.train.checkpoint;
        let nodes = report::graph_nodes(&prepared.network)?;
        let events = EventLog::new(&run.join("events"), nodes);
        Ok(Self {
            history: HistoryWriter::new(run.join("history.jsonl")),
            events: job.recipe.report.tensorboard.then_some(events),
            checkpoints: CheckpointWriter::new(folder, identity, every_epochs, every_steps),
        })
    }

    /// Trains with them and others looking on.
    fn run(
        mut self,
        trainer: &mut Trainer<'_>,
        observers: &mut [&mut dyn Observer],
        cancel: &AtomicBool,
    ) -> Result<Outcome, Error> {
        let mut all: Vec<&mut dyn Observer> = vec![&mut self.history];
        all.extend(
            self.events
                .as_mut()
                .map(|events| events as &mut dyn Observer),
        );
        all.extend(
            observers
                .iter_mut()
                .map(|observer| &mut **observer as &mut dyn Observer),
        );
        all.push(&mut self.checkpoints);
        Ok(trainer.run(&mut all, cancel)?)
    }
}
