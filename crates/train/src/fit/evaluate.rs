//! Measuring a network on a part of the data.

use jingwei_data::{BatchOptions, BatchSource, Dataset, Preparation, Targets};
use jingwei_engine::{Plan, RunContext, Runtime, Workspace};
use jingwei_kernels::{Scratch, Workers};

use super::fill::fill;
use super::functions::{Functions, TARGETS};
use crate::Error;
use crate::history::Series;
use crate::metrics::{
    ClassificationSummary, Estimates, Metric, Predictions, RegressionSummary, two_columns,
};
use crate::report::Evaluation;

/// Samples that are evaluated together; results depend on it in their last bits only.
pub const EVALUATION_BATCH: usize = 128;

/// A part of the data, ready to be evaluated again and again.
pub struct Evaluator<'a> {
    source: BatchSource<'a>,
    preparation: &'a Preparation,
    truth: Truth,
    full: Plan,
    rest: Option<Plan>,
    scratch: Scratch,
    width: usize,
    predictions: Vec<f32>,
    loss: f64,
}

/// What the predictions should be.
enum Truth {
    Classes(Vec<u32>),
    Values(Vec<f32>),
}

impl<'a> Evaluator<'a> {
    /// Plans the evaluation of the samples named by `indices`.
    ///
    /// # Errors
    /// If the data have no targets or are not what the preparation was made for, or the function cannot be planned.
    pub fn new(
        functions: &Functions,
        runtime: &Runtime,
        dataset: &'a Dataset,
        indices: &'a [usize],
        preparation: &'a Preparation,
    ) -> Result<Self, Error> {
        let batch = EVALUATION_BATCH.min(indices.len().max(1));
        let options = BatchOptions {
            batch_size: batch,
            shuffle: false,
            ..Default::default()
        };
        let source = BatchSource::new(dataset, indices, preparation, options)?;
        let plan = |batch| functions.evaluation.plan(batch, runtime.level());
        let rest = source.len() % batch;
        Ok(Self {
            full: plan(batch)?,
            rest: (rest > 0).then(|| plan(rest)).transpose()?,
            scratch: Scratch::new(runtime.pool().threads(), source.scratch_len()),
            width: functions.width(),
            predictions: vec![0.0; source.len() * functions.width()],
            truth: truth(dataset, indices)?,
            preparation,
            source,
            loss: 0.0,
        })
    }

    /// Makes a workspace large enough, so that running in it allocates nothing.
    pub(super) fn prepare(&self, workspace: &mut Workspace) {
        [Some(&self.full), self.rest.as_ref()]
            .into_iter()
            .flatten()
            .for_each(|plan| workspace.prepare(plan));
    }

    /// Runs all samples through the network with the parameters and states of the workspace. Allocates nothing.
    pub fn run(&mut self, runtime: &Runtime, workspace: &mut Workspace) {
        let mut loss = 0.0;
        for step in 0..self.source.steps_per_epoch() {
            let count = self.source.batch_len(step);
            let plan = self
                .rest
                .as_ref()
                .filter(|rest| rest.batch() == count)
                .unwrap_or(&self.full);
            let targets = plan.input(TARGETS).unwrap_or(1);
            let (features, targets) = workspace.two_inputs_mut(plan, 1 - targets.min(1), targets);
            let workers = Workers::new(runtime.level(), runtime.pool(), &mut self.scratch);
            fill(&workers, &self.source, 0, step, features, targets);
            plan.run(runtime, workspace, RunContext::default());
            let start = step * self.full.batch() * self.width;
            let predicted = workspace.output(plan, 0);
            self.predictions[start..start + predicted.len()].copy_from_slice(predicted);
            loss += workspace
                .output(plan, 1)
                .iter()
                .map(|&loss| f64::from(loss))
                .sum::<f64>();
        }
        self.loss = loss / self.source.len() as f64;
    }

    /// The mean loss of the samples, without penalties.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The predictions of the last run, `samples × values`: probabilities of classes (of the second one, if the network
    /// has a single output), or numbers in the network's own scale.
    #[must_use]
    pub fn predictions(&self) -> &[f32] {
        &self.predictions
    }

    /// The loss and metrics of the last run. Numbers are measured in the units of the targets.
    ///
    /// # Errors
    /// If a prediction is not finite, or a metric does not fit.
    pub fn series(&self, metrics: &[Metric]) -> Result<Series, Error> {
        let mut series = Series::from([("loss".to_owned(), Some(self.loss))]);
        match &self.truth {
            Truth::Classes(labels) => {
                let (probabilities, classes) = self.probabilities();
                let predictions = Predictions::new(&probabilities, classes, labels, None)?;
                for metric in metrics {
                    series.insert(metric.to_string(), metric.of_classification(&predictions)?);
                }
            }
            Truth::Values(targets) => {
                let predicted = self.values();
                let estimates = Estimates::new(&predicted, targets, self.width, None)?;
                for metric in metrics {
                    series.insert(metric.to_string(), metric.of_regression(&estimates)?);
                }
            }
        }
        Ok(series)
    }

    /// Everything that a report shows of the last run.
    ///
    /// # Errors
    /// If a prediction is not finite.
    pub fn evaluation(&self) -> Result<Evaluation, Error> {
        Ok(match &self.truth {
            Truth::Classes(labels) => {
                let (probabilities, classes) = self.probabilities();
                let predictions = Predictions::new(&probabilities, classes, labels, None)?;
                Evaluation::Classification(Box::new(ClassificationSummary::compute(&predictions)))
            }
            Truth::Values(targets) => {
                let predicted = self.values();
                let estimates = Estimates::new(&predicted, targets, self.width, None)?;
                Evaluation::Regression(Box::new(RegressionSummary::compute(&estimates)))
            }
        })
    }

    /// The probabilities of the last run, `samples × classes`, and the number of classes.
    #[must_use]
    pub fn probabilities(&self) -> (Vec<f32>, usize) {
        match self.width {
            1 => (two_columns(&self.predictions), 2),
            width => (self.predictions.clone(), width),
        }
    }

    fn values(&self) -> Vec<f32> {
        let mut values = self.predictions.clone();
        self.preparation.unscale_targets(&mut values);
        values
    }
}

fn truth(dataset: &Dataset, indices: &[usize]) -> Result<Truth, Error> {
    match dataset.targets() {
        Targets::Classes { labels, .. } => Ok(Truth::Classes(
            indices.iter().map(|&index| labels[index]).collect(),
        )),
        Targets::Values { names, values } => {
            let row = |&index: &usize| values[index * names.len()..][..names.len()].iter().copied();
            Ok(Truth::Values(indices.iter().flat_map(row).collect()))
        }
        Targets::None => Err(Error::Setting {
            name: "data".to_owned(),
            reason: "the data have no classes and no target values".to_owned(),
            remedy: "give data with labels".to_owned(),
        }),
    }
}
