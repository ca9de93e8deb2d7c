//! A network as an object: compiled, fitted, measured, asked, saved.

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jingwei_bundle::{Existing, OutputKind, Parts, Predictor};
use jingwei_data::prepare::PrepareOptions;
use jingwei_data::{Augment, Dataset, Preparation};
use jingwei_engine::{AlignedVec, Runtime, Workspace};
use jingwei_nn::{Average, Clip, Duration, Loss, Network, Optimizer, Schedule, Sequential, Summary};

use crate::Error;
use crate::fit::{
    EarlyStopping, Evaluator, FitOptions, Functions, Objective, Observer, Outcome, Trainer, TrainingData, Weights,
};
use crate::history::{Epoch, Series};
use crate::inference::Inference;
use crate::metrics::Metric;
use crate::report::Evaluation;

/// Turning a network into a [`Model`].
pub trait Compile {
    /// Joins the network with an optimiser, a loss and what is to be measured, on this machine's best SIMD level and
    /// all its processors.
    ///
    /// # Errors
    /// If layers, loss and metrics do not fit together, with the layer, what it expected and what it found.
    fn compile(
        self,
        optimizer: impl Into<Optimizer>,
        loss: impl Into<Loss>,
        metrics: impl IntoIterator<Item = Metric>,
    ) -> Result<Model, Error>;
}

impl Compile for Network {
    fn compile(
        self,
        optimizer: impl Into<Optimizer>,
        loss: impl Into<Loss>,
        metrics: impl IntoIterator<Item = Metric>,
    ) -> Result<Model, Error> {
        let objective = Objective::new(loss);
        let functions = Functions::new(&self, &objective)?;
        let options = FitOptions {
            optimizer: optimizer.into(),
            metrics: metrics.into_iter().collect(),
            ..FitOptions::default()
        };
        options.check()?;
        Ok(Model {
            network: self,
            objective,
            functions,
            options,
            runtime: Runtime::from_environment()?,
            preparation: None,
            fitted: None,
        })
    }
}

impl Compile for Sequential {
    fn compile(
        self,
        optimizer: impl Into<Optimizer>,
        loss: impl Into<Loss>,
        metrics: impl IntoIterator<Item = Metric>,
    ) -> Result<Model, Error> {
        Network::from(self).compile(optimizer, loss, metrics)
    }
}

/// How a [`Model`] is fitted.
///
/// ```
/// use jingwei_train::Fit;
/// let fit = Fit::new().epochs(10).batch_size(64).seed(7);
/// ```
#[derive(Default)]
pub struct Fit<'a> {
    options: FitOptions,
    prepare: PrepareOptions,
    validation: Option<&'a Dataset>,
    observers: Vec<&'a mut dyn Observer>,
    cancel: Option<&'a AtomicBool>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $($field:ident).+;)*) => {
        impl<'a> Fit<'a> {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.$($field).+ = $name.into();
                self
            })*
        }
    };
}

settings! {
    /// How often every sample is seen; default 10.
    epochs: u64 => options.epochs;
    /// Samples a step; default 64.
    batch_size: usize => options.batch_size;
    /// The seed of first values, order, augmentation and dropout; default 0.
    seed: u64 => options.seed;
    /// How the learning rate changes; default not at all.
    schedule: Schedule => options.schedule;
    /// How long the learning rate first rises; default not at all.
    warmup: Duration => options.warmup;
    /// Bounds on gradients; default none.
    clip: Clip => options.clip;
    /// A moving average of the weights, which is then kept; default none.
    ema: Average => options.ema;
    /// When to stop before the last epoch; default never.
    early_stopping: EarlyStopping => options.early_stopping;
    /// Random changes to the training samples; default none.
    augment: Augment => options.augment;
    /// How records become numbers; default to [0, 1] for pictures, mean 0 and deviation 1 for columns.
    prepare: PrepareOptions => prepare;
    /// What is measured after each epoch and steers early stopping; default nothing.
    validation: &'a Dataset => validation;
    /// Ends the fitting after the step that runs, when it is set.
    cancel: &'a AtomicBool => cancel;
}

impl<'a> Fit<'a> {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Someone who looks on, such as a progress bar.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observers.push(observer);
        self
    }
}

/// What a fitting came to.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The epochs.
    pub epochs: Vec<Epoch>,
    /// Why it returned.
    pub outcome: Outcome,
    /// Seconds of training and validation.
    pub seconds: f64,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for epoch in &self.epochs {
            write!(f, "epoch {}", epoch.epoch)?;
            for (part, series) in [("", &epoch.train), ("valid.", &epoch.valid)] {
                write_series(f, part, series)?;
            }
            writeln!(f, ", {:.1} s", epoch.seconds)?;
        }
        Ok(())
    }
}

fn write_series(f: &mut fmt::Formatter<'_>, part: &str, series: &Series) -> fmt::Result {
    for (name, value) in series {
        match value {
            Some(value) => write!(f, ", {part}{name} {value:.4}")?,
            None => write!(f, ", {part}{name} undefined")?,
        }
    }
    Ok(())
}

/// How good a model is on some data.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Number of samples.
    pub samples: usize,
    /// The loss and the metrics that the model was compiled with.
    pub series: Series,
    /// Everything else.
    pub evaluation: Evaluation,
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples", self.samples)?;
        write_series(f, "", &self.series)
    }
}

/// What a model says about some samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Outputs {
    /// `samples × width`: probabilities of classes, or numbers in the units of the targets.
    pub values: Vec<f32>,
    /// Values a sample; 1 with two classes is the probability of the second.
    pub width: usize,
}

impl Outputs {
    /// The values of each sample.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The most probable class of each sample.
    pub fn classes(&self) -> impl Iterator<Item = usize> {
        self.rows().map(|row| match row {
            [probability] => usize::from(*probability > 0.5),
            row => (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best }),
        })
    }
}

/// A network with its optimiser, its loss and its weights.
pub struct Model {
    network: Network,
    objective: Objective,
    functions: Functions,
    options: FitOptions,
    runtime: Runtime,
    preparation: Option<Preparation>,
    fitted: Option<Fitted>,
}

struct Fitted {
    weights: Weights,
    inference: Inference,
}

impl Model {
    /// Runs on other threads or another SIMD level.
    #[must_use]
    pub fn on(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// A table of the layers.
    ///
    /// # Errors
    /// None for a model that was compiled.
    pub fn summary(&self) -> Result<Summary, Error> {
        Ok(self.network.summary()?)
    }

    /// Trains on a dataset; a second call goes on from the weights of the first.
    ///
    /// The first call also fits the preparation, which turns records into numbers.
    ///
    /// # Errors
    /// If data and network do not fit each other, or the training diverges.
    pub fn fit(&mut self, train: &Dataset, fit: Fit) -> Result<History, Error> {
        let Fit { options, prepare, validation, mut observers, cancel } = fit;
        let (optimizer, metrics) = (self.options.optimizer, self.options.metrics.clone());
        let options = FitOptions { optimizer, metrics, ..options };
        let indices = train.indices();
        let preparation = match &self.preparation {
            Some(preparation) => preparation.clone(),
            None => Preparation::fit(train, &indices, &prepare)?,
        };
        let soft_targets = options.augment.mixup > 0.0 && train.labels().is_some();
        if soft_targets != self.objective.soft_targets {
            self.objective.soft_targets = soft_targets;
            self.functions = Functions::new(&self.network, &self.objective)?;
        }
        let valid_indices = validation.map(Dataset::indices).unwrap_or_default();
        let data = TrainingData {
            dataset: train,
            train: &indices,
            valid: validation.map(|dataset| (dataset, valid_indices.as_slice())),
            preparation: &preparation,
        };
        let mut trainer = Trainer::new(&self.runtime, &self.functions, &options, data)?;
        if let Some(fitted) = &self.fitted {
            trainer.start_from(&fitted.weights)?;
        }
        let never = AtomicBool::new(false);
        let outcome = trainer.run(&mut observers, cancel.unwrap_or(&never))?;
        let progress = trainer.progress();
        let history = History { epochs: progress.history.clone(), outcome, seconds: progress.seconds };
        let weights = trainer.weights();
        self.preparation = Some(preparation);
        self.fitted = Some(self.fitted(weights));
        Ok(history)
    }

    fn fitted(&self, weights: Weights) -> Fitted {
        let (function, states) = crate::run::inference(&self.functions, &weights.states);
        let states = AlignedVec::from(states.as_slice());
        let inference = Inference::new(function, weights.parameters.clone(), states, self.runtime.clone());
        Fitted { weights, inference }
    }

    /// Measures the model on a dataset.
    ///
    /// # Errors
    /// If the model was not fitted yet, or the data are of another kind than those it was fitted on.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<Scores, Error> {
        let (fitted, preparation) = self.ready()?;
        let indices = dataset.indices();
        let mut evaluator = Evaluator::new(&self.functions, &self.runtime, dataset, &indices, preparation)?;
        let shared = |values: &AlignedVec| std::sync::Arc::new(values.clone());
        let Weights { parameters, states } = &fitted.weights;
        let mut workspace = Workspace::for_inference(shared(parameters), shared(states), &self.runtime);
        evaluator.run(&self.runtime, &mut workspace);
        let series = evaluator.series(&self.options.metrics)?;
        Ok(Scores { samples: dataset.len(), series, evaluation: evaluator.evaluation()? })
    }

    /// What the model says about the samples of a dataset, whose targets, if any, it does not look at. May be called
    /// from many threads at once.
    ///
    /// # Errors
    /// If the model was not fitted yet, or the data are of another kind than those it was fitted on.
    pub fn predict(&self, dataset: &Dataset) -> Result<Outputs, Error> {
        let (fitted, preparation) = self.ready()?;
        let mut features = vec![0.0; dataset.len() * preparation.sample_len()];
        preparation.apply(dataset, &dataset.indices(), &mut features)?;
        let mut values = fitted.inference.run(&features, dataset.len())?;
        preparation.unscale_targets(&mut values);
        Ok(Outputs { values, width: self.functions.width() })
    }

    /// Writes the model as a bundle, in place of one that is already there.
    ///
    /// # Errors
    /// If the model was not fitted yet, or the folder cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let (fitted, preparation) = self.ready()?;
        let (function, states) = crate::run::inference(&self.functions, &fitted.weights.states);
        let classes = !preparation.class_names().is_empty();
        let parts = Parts {
            task: if classes { "classification" } else { "regression" },
            function: &function,
            outputs: &[if classes { ("probabilities", OutputKind::Probabilities) } else { ("values", OutputKind::Values) }],
            parameters: &fitted.weights.parameters,
            states: &states,
            preparation: Some(preparation),
            samples: &[],
            metrics: serde_json::Value::Null,
            report: None,
            recipe: None,
        };
        Ok(jingwei_bundle::write(folder, &parts, &self.runtime, Existing::Replace)?)
    }

    /// The weights; none before the first fitting.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        self.fitted.as_ref().map(|fitted| &fitted.weights)
    }

    fn ready(&self) -> Result<(&Fitted, &Preparation), Error> {
        self.fitted.as_ref().zip(self.preparation.as_ref()).ok_or_else(|| Error::Setting {
            name: "model".to_owned(),
            reason: "it has not learnt anything yet".to_owned(),
            remedy: "call fit first, or load a bundle".to_owned(),
        })
    }
}

/// Loads a bundle to predict with, on this machine's best SIMD level and all its processors.
///
/// # Errors
/// If anything in the bundle is not as it should be.
pub fn load(folder: impl AsRef<Path>) -> Result<Predictor, Error> {
    let bundle = jingwei_bundle::Bundle::load(folder)?;
    Ok(Predictor::new(bundle, Runtime::from_environment()?)?)
}
