//! A network as an object: compiled, fitted, measured, asked, saved.

mod fit;
mod results;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use fit::Fit;
use jingwei_bundle::Runner;
use jingwei_bundle::{Existing, Parts, Predictor};
use jingwei_data::prepare::TextMap;
use jingwei_data::{Dataset, Features, OnBad, Preparation, TextColumn};
use jingwei_engine::{AlignedVec, Precision, Runtime, Workspace};
use jingwei_metrics::Metric;
use jingwei_nn::{Loss, Network, Optimizer, Sequential, Summary};
pub use results::{History, Outputs, Scores};

use crate::Error;
use crate::fit::{
    EVALUATION_BATCH, Evaluator, FitOptions, Functions, Objective, Trainer, TrainingData, Weights,
    check_texts, for_loss,
};

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
        let network = for_loss(self, &objective.loss)?;
        let functions = Functions::new(&network, &objective)?;
        let options = FitOptions {
            optimizer: optimizer.into(),
            metrics: metrics.into_iter().collect(),
            ..FitOptions::default()
        };
        options.check()?;
        Ok(Model {
            network,
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
    inference: Runner,
}

impl Model {
    /// Runs on other threads or another SIMD level.
    #[must_use]
    pub fn on(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// Computes the products of gradients with another precision than [`Precision::High`]; tiles alone know a difference.
    #[must_use]
    pub fn with_gradient_precision(mut self, precision: Precision) -> Self {
        self.objective.gradient_precision = precision;
        self.functions.training.gradient_precision = precision;
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
        let Fit {
            options,
            prepare,
            validation,
            mut observers,
            cancel,
        } = fit;
        let (optimizer, metrics) = (self.options.optimizer, self.options.metrics.clone());
        let options = FitOptions {
            optimizer,
            metrics,
            ..options
        };
        let indices = train.indices();
        let preparation = match &self.preparation {
            Some(preparation) => preparation.clone(),
            None => Preparation::fit(train, &indices, &prepare)?,
        };
        for dataset in [Some(train), validation].into_iter().flatten() {
            preparation.finite(dataset, &dataset.indices(), OnBad::Stop, &mut Vec::new())?;
        }
        let soft_targets = options.augment.mixup > 0.0 && train.labels().is_some();
        if soft_targets != self.objective.soft_targets {
            self.objective.soft_targets = soft_targets;
            self.functions = Functions::new(&self.network, &self.objective)?;
        }
        check_texts(&self.network, &self.functions, train, &preparation)?;
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
        let history = History {
            epochs: progress.history.clone(),
            outcome,
            seconds: progress.seconds,
        };
        let weights = trainer.weights();
        self.preparation = Some(preparation);
        self.fitted = Some(self.fitted(weights)?);
        Ok(history)
    }

    fn fitted(&self, weights: Weights) -> Result<Fitted, Error> {
        let (function, states) = crate::export::inference(&self.functions, &weights.states);
        let states = AlignedVec::from(states.as_slice());
        let inference = Runner::of(
            function,
            weights.parameters.clone(),
            states,
            self.runtime.clone(),
        )?;
        Ok(Fitted { weights, inference })
    }

    /// Measures the model on a dataset.
    ///
    /// # Errors
    /// If the model was not fitted yet, or the data are of another kind than those it was fitted on.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<Scores, Error> {
        let (fitted, preparation) = self.ready()?;
        let indices = dataset.indices();
        let mut evaluator = Evaluator::new(
            &self.functions,
            &self.runtime,
            dataset,
            &indices,
            preparation,
        )?;
        let shared = |values: &AlignedVec| Arc::new(values.clone());
        let Weights { parameters, states } = &fitted.weights;
        let weights = jingwei_engine::Weights::new(shared(parameters), shared(states));
        let mut workspace = Workspace::for_inference(&weights, &self.runtime);
        evaluator.run(&self.runtime, &mut workspace)?;
        let series = evaluator.series(&self.options.metrics)?;
        Ok(Scores {
            samples: dataset.len(),
            series,
            evaluation: evaluator.evaluation()?,
        })
    }

    /// What the model says about the samples of a dataset, whose targets, if any, it does not look at. May be called
    /// from many threads at once.
    ///
    /// # Errors
    /// If the model was not fitted yet, or the data are of another kind than those it was fitted on;
    /// [`Error::NoAnswer`] with the first sample that it gives no finite number for.
    pub fn predict(&self, dataset: &Dataset) -> Result<Outputs, Error> {
        let (fitted, preparation) = self.ready()?;
        if let (Some(text), Features::Texts(column)) = (preparation.text(), dataset.features()) {
            let outputs = self.predict_texts(fitted, &TextMap::new(text)?, column)?;
            return outputs.checked(dataset);
        }
        let mut features = vec![0.0; dataset.len() * preparation.sample_len()];
        preparation.apply(dataset, &dataset.indices(), &mut features)?;
        let mut values = fitted.inference.predict(&features, dataset.len())?;
        preparation.unscale_targets(&mut values);
        Outputs {
            values,
            width: self.functions.width(),
        }
        .checked(dataset)
    }

    /// Predicts from texts, those of similar length together.
    fn predict_texts(
        &self,
        fitted: &Fitted,
        map: &TextMap,
        column: &TextColumn,
    ) -> Result<Outputs, Error> {
        let indices: Vec<usize> = (0..column.texts.len()).collect();
        let ids = map.encode_all(column, &indices)?;
        let width = self.functions.width();
        let mut order = indices;
        order.sort_by_key(|&index| ids.get(index).len());
        let mut values = vec![0.0; order.len() * width];
        for members in order.chunks(EVALUATION_BATCH) {
            let chosen = ids.chosen(members);
            let time = map.time(chosen.longest());
            let mut padded = vec![0.0; members.len() * time];
            map.pad_all(&chosen, &mut padded)?;
            let some = fitted.inference.predict(&padded, members.len())?;
            if some.len() != members.len() * width {
                return Err(Error::Setting {
                    name: "predict".to_owned(),
                    reason: "the model gives values for each token".to_owned(),
                    remedy: "save it, load the bundle and call predict_raw".to_owned(),
                });
            }
            for (&index, own) in members.iter().zip(some.chunks_exact(width)) {
                values[index * width..][..width].copy_from_slice(own);
            }
        }
        Ok(Outputs { values, width })
    }

    /// Writes the model as a bundle, in place of one that is already there.
    ///
    /// # Errors
    /// If the model was not fitted yet, or the folder cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let (fitted, preparation) = self.ready()?;
        let (function, states) = crate::export::inference(&self.functions, &fitted.weights.states);
        let classes = !preparation.class_names().is_empty();
        let parts = Parts {
            task: if classes {
                "classification"
            } else {
                "regression"
            },
            function: &function,
            outputs: &crate::export::bundle_outputs(&preparation.targets, function.outputs.len()),
            parameters: &fitted.weights.parameters,
            states: &states,
            preparation: Some(preparation),
            reading: None,
            samples: &[],
            time: 0,
            metrics: serde_json::Value::Null,
            report: None,
            recipe: None,
        };
        Ok(jingwei_bundle::write(
            folder,
            &parts,
            &self.runtime,
            Existing::Replace,
        )?)
    }

    /// The weights; none before the first fitting.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        self.fitted.as_ref().map(|fitted| &fitted.weights)
    }

    fn ready(&self) -> Result<(&Fitted, &Preparation), Error> {
        self.fitted
            .as_ref()
            .zip(self.preparation.as_ref())
            .ok_or_else(|| Error::Setting {
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
