//! Measuring a network on a part of the data.

use jingwei_data::{BatchOptions, BatchSource, Dataset, Preparation, Sequences, Targets};
use jingwei_engine::{Function, RunContext, Runtime, Workspace};
use jingwei_kernels::{Scratch, Workers};
use jingwei_metrics::Evaluation;
use jingwei_metrics::{Compared, Estimates, Kept, Labelled, Metric, Predictions, Tagged};

use super::fill::fill;
use super::functions::{Functions, TARGETS};
use super::plans::Plans;
use super::run::class_of;
use crate::Error;
use crate::history::Series;

/// Samples that are evaluated together; results depend on it in their last bits only.
pub const EVALUATION_BATCH: usize = 128;

/// A part of the data, ready to be evaluated again and again.
pub struct Evaluator<'a> {
    dataset: &'a Dataset,
    indices: &'a [usize],
    source: BatchSource<'a>,
    preparation: &'a Preparation,
    truth: Truth,
    function: &'a Function,
    plans: Plans,
    scratch: Scratch,
    width: usize,
    predictions: Kept,
    /// Where the predicted tags of each sample begin among the predictions, and after the last where they end; empty
    /// where all samples have as many predictions.
    starts: Vec<usize>,
    loss: f64,
}

/// What the predictions should be.
enum Truth {
    Classes(Vec<u32>),
    Labels(Sequences),
    Tags(Sequences),
    Values(Vec<f32>),
}

impl Truth {
    /// The class or the labels of a sample, where it has some.
    fn classes(&self, position: usize) -> &[u32] {
        match self {
            Self::Classes(labels) => &labels[position..=position],
            Self::Labels(labels) => labels.get(position),
            Self::Tags(_) | Self::Values(_) => &[],
        }
    }
}

impl<'a> Evaluator<'a> {
    /// Plans the evaluation of the samples named by `indices`.
    ///
    /// # Errors
    /// If the data have no targets or are not what the preparation was made for, or the function cannot be planned.
    pub fn new(
        functions: &'a Functions,
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
        let truth = truth(dataset, indices)?;
        let starts = match truth {
            Truth::Tags(_) => starts(&source),
            _ => Vec::new(),
        };
        let width = functions.width();
        let predictions = match (&truth, starts.last()) {
            (Truth::Classes(_), _) => Kept::of_classes(source.len(), width),
            (Truth::Labels(_), _) => Kept::of_labels(source.len(), width),
            (_, tags) => Kept::Values(vec![0.0; *tags.unwrap_or(&(source.len() * width))]),
        };
        Ok(Self {
            dataset,
            indices,
            function: &functions.evaluation,
            plans: Plans::new(&functions.evaluation, runtime, &source, batch)?,
            scratch: Scratch::new(runtime.pool().threads(), source.scratch_len()),
            width,
            predictions,
            starts,
            truth,
            preparation,
            source,
            loss: 0.0,
        })
    }

    /// Makes a workspace large enough, so that running in it allocates nothing.
    pub(super) fn prepare(&self, workspace: &mut Workspace) {
        self.plans.iter().for_each(|plan| workspace.prepare(plan));
    }

    /// Refuses metrics that need the probabilities of all classes where there are too many of them to keep.
    ///
    /// # Errors
    /// [`jingwei_metrics::Error::MetricMisfit`] with what to use instead.
    pub fn check_metrics(&self, metrics: &[Metric]) -> Result<(), Error> {
        let keeps = matches!(self.predictions, Kept::Values(_));
        let ranks = |metric: &&Metric| matches!(metric, Metric::RocAuc(_) | Metric::PrAuc(_));
        match metrics.iter().find(ranks) {
            Some(metric) if !keeps => Err(metric.too_large(self.source.len(), self.width).into()),
            _ => Ok(()),
        }
    }

    /// Runs all samples through the network with the parameters and states of the workspace. Allocates nothing, where
    /// all samples have one length.
    ///
    /// # Errors
    /// If the function cannot be planned for the length of a batch, or a prediction is not finite or no probability.
    pub fn run(&mut self, runtime: &Runtime, workspace: &mut Workspace) -> Result<(), Error> {
        let mut loss = 0.0;
        self.predictions.clear();
        for step in 0..self.source.steps_per_epoch() {
            let (count, time) = (self.source.batch_len(step), self.source.time(step));
            let place = self.plans.find(self.function, runtime, count, time)?;
            let plan = self.plans.get(place);
            let targets = plan.input(TARGETS).unwrap_or(1);
            let (features, targets) = workspace.two_inputs_mut(plan, 1 - targets.min(1), targets);
            let workers = Workers::new(runtime.level(), runtime.pool(), &mut self.scratch);
            fill(&workers, &self.source, 0, step, features, targets);
            plan.run(runtime, workspace, RunContext::default());
            self.check_finite(step, workspace.output(plan, 0))?;
            let losses = workspace.output(plan, 1).iter();
            loss += losses.map(|&loss| f64::from(loss)).sum::<f64>();
            // Best tags, if there are any, stand behind probabilities and losses.
            let best = self.function.outputs.len() - 1;
            let predicted = workspace.output(plan, if best > 1 { best } else { 0 });
            for (position, predicted) in self
                .source
                .positions(0, step)
                .zip(predicted.chunks_exact((predicted.len() / count).max(1)))
            {
                let own = self.starts.get(position..=position + 1);
                match (&mut self.predictions, own, time) {
                    (Kept::Values(values), Some(&[start, end]), Some(time)) => {
                        let first = self.source.sequence_start(position, time);
                        tags(predicted, time, first, &mut values[start..end]);
                    }
                    (kept, ..) => kept.see(position, predicted, self.truth.classes(position))?,
                }
            }
        }
        self.loss = loss / self.source.len() as f64;
        Ok(())
    }

    /// Refuses predictions that are not finite: the largest of them would be no answer.
    fn check_finite(&self, step: usize, predicted: &[f32]) -> Result<(), Error> {
        let Some(at) = predicted.iter().position(|value| !value.is_finite()) else {
            return Ok(());
        };
        let sample = at * self.source.batch_len(step) / predicted.len();
        let position = self.source.positions(0, step).nth(sample);
        let index = position.and_then(|position| self.indices.get(position));
        Err(Error::NoAnswer {
            place: index.map_or_else(String::new, |&index| self.dataset.origin(index)),
            value: predicted[at],
        })
    }

    /// The batches that are evaluated.
    #[must_use]
    pub fn source(&self) -> &BatchSource<'a> {
        &self.source
    }

    /// The predicted tags of a sample, where tags are predicted.
    #[must_use]
    pub fn tags(&self, position: usize) -> Option<&[f32]> {
        match self.starts.get(position..=position + 1) {
            Some(&[start, end]) => self.predictions.values().get(start..end),
            _ => None,
        }
    }

    /// The mean loss of the samples, without penalties.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The predictions of the last run, `samples × values`: probabilities of classes (of the second one, if the network
    /// has a single output), or numbers in the network's own scale. Nothing where there are too many classes to
    /// [keep](jingwei_metrics::keeps_probabilities) all of them.
    #[must_use]
    pub fn predictions(&self) -> &[f32] {
        self.predictions.values()
    }

    /// What became of the samples in the last run, where each has one class.
    ///
    /// # Errors
    /// If a prediction is not finite.
    pub fn classified(&self) -> Result<Option<Predictions<'_>>, Error> {
        match &self.truth {
            Truth::Classes(labels) => Ok(Some(self.predictions.classified(self.width, labels)?)),
            Truth::Labels(_) | Truth::Tags(_) | Truth::Values(_) => Ok(None),
        }
    }

    /// What became of the samples in the last run, where each has any number of labels.
    ///
    /// # Errors
    /// If a prediction is not finite.
    pub fn labelled(&self) -> Result<Option<Labelled<'_>>, Error> {
        match &self.truth {
            Truth::Labels(labels) => Ok(Some(self.predictions.labelled(self.width, labels)?)),
            Truth::Classes(_) | Truth::Tags(_) | Truth::Values(_) => Ok(None),
        }
    }

    /// The loss and metrics of the last run. Numbers are measured in the units of the targets.
    ///
    /// # Errors
    /// If a prediction is not finite, or a metric does not fit.
    pub fn series(&self, metrics: &[Metric]) -> Result<Series, Error> {
        let mut values = Vec::new();
        let mut series = self.compared(&mut values)?.series(metrics)?;
        series.insert("loss".to_owned(), Some(self.loss));
        Ok(series)
    }

    /// Everything that a report shows of the last run.
    ///
    /// # Errors
    /// If a prediction is not finite.
    pub fn evaluation(&self) -> Result<Evaluation, Error> {
        let mut values = Vec::new();
        Ok(self.compared(&mut values)?.evaluation())
    }

    /// What the last run predicted beside what is true; `values` is room for numbers in the units of the targets.
    fn compared<'s>(&'s self, values: &'s mut Vec<f32>) -> Result<Compared<'s>, Error> {
        Ok(match &self.truth {
            Truth::Classes(labels) => {
                Compared::Classes(self.predictions.classified(self.width, labels)?)
            }
            Truth::Labels(labels) => {
                Compared::Labels(self.predictions.labelled(self.width, labels)?)
            }
            Truth::Tags(tags) => {
                let names = self.preparation.class_names();
                Compared::Tags(Tagged::new(self.tag_lists(), tags, names)?)
            }
            Truth::Values(targets) => {
                values.extend_from_slice(self.predictions.values());
                self.preparation.unscale_targets(values);
                Compared::Values(Estimates::new(values, targets, self.width, None)?)
            }
        })
    }

    /// The predicted and true tags of the last run, where tags are predicted.
    ///
    /// # Errors
    /// If there are no tokens.
    pub fn tagged(&self) -> Result<Option<Tagged<'_>>, Error> {
        match &self.truth {
            Truth::Tags(tags) => {
                let names = self.preparation.class_names();
                Ok(Some(Tagged::new(self.tag_lists(), tags, names)?))
            }
            _ => Ok(None),
        }
    }

    /// The predicted tags of every sample.
    fn tag_lists(&self) -> Sequences {
        let mut lists = Sequences::default();
        let mut list = Vec::new();
        for position in 0..self.source.len() {
            list.clear();
            let own = self.tags(position).unwrap_or_default();
            list.extend(own.iter().map(|&tag| tag as u32));
            lists.push(&list);
        }
        lists
    }
}

/// Where the tags of each sample begin in one list.
fn starts(source: &BatchSource) -> Vec<usize> {
    let mut starts = vec![0; source.len() + 1];
    for position in 0..source.len() {
        starts[position + 1] = starts[position] + source.sequence_len(position);
    }
    starts
}

/// The tags of a sample's own steps: as they are if there is one value a step, else the most probable ones.
fn tags(predicted: &[f32], time: usize, first: usize, out: &mut [f32]) {
    let classes = predicted.len() / time.max(1);
    let steps = predicted.chunks_exact(classes.max(1)).skip(first);
    for (out, values) in out.iter_mut().zip(steps) {
        *out = match values {
            [tag] => *tag,
            _ => class_of(values) as f32,
        };
    }
}

fn truth(dataset: &Dataset, indices: &[usize]) -> Result<Truth, Error> {
    match dataset.targets() {
        Targets::Classes { labels, .. } => Ok(Truth::Classes(
            indices.iter().map(|&index| labels[index]).collect(),
        )),
        Targets::Labels { labels, .. } => Ok(Truth::Labels(labels.chosen(indices))),
        Targets::Tags { tags, .. } => Ok(Truth::Tags(tags.chosen(indices))),
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
