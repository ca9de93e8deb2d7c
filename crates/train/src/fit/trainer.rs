//! A training and what it holds.

use jingwei_data::prepare::Pretrained;
use jingwei_data::{BatchSource, Dataset, Preparation};
use jingwei_engine::{AlignedVec, Buffer, Runtime, Workspace};
use jingwei_graph::Shape;
use jingwei_kernels::Scratch;
use jingwei_nn::{Prior, TIME};

use super::functions::{Functions, TARGETS};
use super::plans::Plans;
use super::{Evaluator, FitOptions, Progress, Slots};
use crate::forecast::{Forecast, Load};
use crate::pretrained;
use crate::{Error, priors};

/// What a training reads.
#[derive(Clone, Copy)]
pub struct TrainingData<'a> {
    /// The samples of all parts but the test part.
    pub dataset: &'a Dataset,
    /// Those that train.
    pub train: &'a [usize],
    /// The validation part, with its dataset.
    pub valid: Option<(&'a Dataset, &'a [usize])>,
    /// How samples become numbers, fitted on the training part.
    pub preparation: &'a Preparation,
}

/// Parameters and states of a network, flat.
#[derive(Debug, Clone)]
pub struct Weights {
    /// The parameters, by the functions' layout.
    pub parameters: AlignedVec,
    /// The states, by theirs.
    pub states: AlignedVec,
}

/// A training: the functions of a network, its data, and how far it has come.
pub struct Trainer<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) functions: &'a Functions,
    pub(super) options: &'a FitOptions,
    pub(super) dataset: &'a Dataset,
    pub(super) source: BatchSource<'a>,
    pub(super) valid: Option<Evaluator<'a>>,
    pub(super) plans: Plans,
    pub(super) workspace: Workspace,
    pub(super) scratch: Scratch,
    pub(super) slots: Slots,
    pub(super) best: Option<Weights>,
    pub(super) progress: Progress,
    pub(super) pretrained: Vec<Pretrained>,
    pub(super) forecast: Forecast,
}

/// Setting up.
impl<'a> Trainer<'a> {
    /// Plans a training from its first step, with the parameters' first values by the seed.
    ///
    /// # Errors
    /// If options or data do not fit the network.
    pub fn new(
        runtime: &'a Runtime,
        functions: &'a Functions,
        options: &'a FitOptions,
        data: TrainingData<'a>,
    ) -> Result<Self, Error> {
        let (source, forecast) = foresee(runtime, functions, options, &data)?;
        let batch = options.batch_size.min(source.len());
        let plans = Plans::new(&functions.training, runtime, &source, batch)?;
        let valid = data.valid.map(|(dataset, indices)| {
            Evaluator::new(functions, runtime, dataset, indices, data.preparation)
        });
        let valid = valid.transpose()?;
        if let Some(valid) = &valid {
            valid.check_metrics(&options.metrics)?;
        }
        let slots = Slots::new(functions, options)?;
        let scratch = source.scratch_len().max(slots.scratch());
        let mut trainer = Self {
            plans,
            valid,
            workspace: Workspace::for_training(&functions.training, runtime),
            scratch: Scratch::new(runtime.pool().threads(), scratch),
            slots,
            dataset: data.dataset,
            runtime,
            functions,
            options,
            source,
            best: None,
            progress: Progress::default(),
            pretrained: Vec::new(),
            forecast,
        };
        trainer.initialise(data.train, data.preparation)?;
        trainer.prepare();
        Ok(trainer)
    }

    /// Gives parameters and states their first values; `train` names the samples that train.
    fn initialise(&mut self, train: &[usize], preparation: &Preparation) -> Result<(), Error> {
        let Functions {
            training,
            parameters,
            states,
            ..
        } = self.functions;
        let values = self.workspace.buffer_mut(Buffer::Parameters);
        for (entry, parameter) in training.parameters.entries().iter().zip(parameters) {
            let targets = self.dataset.targets();
            let first = match &parameter.prior {
                Some(Prior::NaiveBayes {
                    ngrams,
                    buckets,
                    only,
                }) => {
                    let source = &self.source;
                    priors::naive_bayes(*ngrams, *buckets, *only, source, targets, train)?
                }
                Some(Prior::Vectors { path, words }) => {
                    let file = pretrained::file(path, words.as_deref());
                    let mut first = parameter.initial(self.options.seed);
                    let (source, table) = (&self.source, &mut first[..]);
                    let found = pretrained::fill(&file, parameter, preparation, source, table)?;
                    self.pretrained.push(found);
                    first
                }
                None => parameter.initial(self.options.seed),
            };
            values[entry.range()].copy_from_slice(&first);
        }
        if self.slots.updater.uses_average() {
            self.slots.average.copy_from_slice(values);
        }
        let values = self.workspace.buffer_mut(Buffer::States);
        for (entry, state) in training.states.entries().iter().zip(states) {
            values[entry.range()].copy_from_slice(&state.initial());
        }
        Ok(())
    }

    /// Starts from the weights of another training instead of random ones.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are more or fewer values than the network has.
    pub fn start_from(&mut self, weights: &Weights) -> Result<(), Error> {
        let buffers = [
            (Buffer::Parameters, &weights.parameters),
            (Buffer::States, &weights.states),
        ];
        for (buffer, values) in buffers {
            let own = self.workspace.buffer_mut(buffer);
            if own.len() != values.len() {
                return Err(Error::Setting {
                    name: "weights".to_owned(),
                    reason: format!("{} values for {} of the network", values.len(), own.len()),
                    remedy: "give weights of the same network".to_owned(),
                });
            }
            own.copy_from_slice(values);
        }
        if self.slots.updater.uses_average() {
            self.slots.average.copy_from_slice(&weights.parameters);
        }
        Ok(())
    }

    /// Makes all memory ready, so that no step allocates.
    fn prepare(&mut self) {
        if let Some(valid) = &self.valid {
            valid.prepare(&mut self.workspace);
        }
        for plan in self.plans.iter() {
            self.workspace.prepare(plan);
            self.slots.prepare(plan);
        }
    }
}

/// Checks before anything is planned that a training fits its data and its memory; gives its batches and what it takes.
///
/// # Errors
/// If options or data do not fit the network, or it takes more memory than it may.
pub fn foresee<'a>(
    runtime: &Runtime,
    functions: &Functions,
    options: &FitOptions,
    data: &TrainingData<'a>,
) -> Result<(BatchSource<'a>, Forecast), Error> {
    options.check()?;
    let source = BatchSource::new(
        data.dataset,
        data.train,
        data.preparation,
        options.batches(),
    )?;
    check_fit(functions, &source, data.dataset)?;
    let bytes = |dataset: &Dataset| dataset.bytes() as u64;
    let valid = data.valid.map(|(dataset, _)| dataset);
    let valid = valid.filter(|dataset| !std::ptr::eq(*dataset, data.dataset));
    let load = Load {
        batch: options.batch_size.min(source.len()),
        held: data.valid.map_or(0, |(_, indices)| indices.len()),
        time: source.longest_time().unwrap_or(0),
        data: bytes(data.dataset).saturating_add(valid.map_or(0, bytes)),
    };
    let forecast = Forecast::new(functions, options, load, runtime)?;
    Ok((source, forecast))
}

/// Checks before the first step that the network takes the samples and gives what the targets are.
fn check_fit(functions: &Functions, source: &BatchSource, dataset: &Dataset) -> Result<(), Error> {
    let graph = &functions.training.graph;
    let mismatch = |what: &str, expected: usize, found: usize| {
        Err(Error::Setting {
            name: "model".to_owned(),
            reason: format!("the network {what} {found} values a sample, the data have {expected}"),
            remedy: "change the layers or the data".to_owned(),
        })
    };
    for (name, shape) in functions.training.inputs() {
        if source.time(0).is_some() && shape.0.contains(&TIME) {
            continue;
        }
        let (sample_len, target_len) = source.lens(0);
        let values = Shape(shape.0[1..].to_vec()).len().unwrap_or(0);
        match name {
            TARGETS if values.max(1) != target_len => {
                return mismatch("is trained on", target_len, values);
            }
            TARGETS => {}
            _ if values != sample_len => {
                return mismatch("takes", sample_len, values);
            }
            _ => {}
        }
    }
    let output = functions.training.outputs[1];
    let classes = dataset.class_names().len();
    let shape = graph.shape(output);
    match shape.size(shape.rank().max(2) - 1) {
        Some(width) if classes > 0 && width != classes && !(width == 1 && classes == 2) => {
            mismatch("gives", classes, width)
        }
        _ => Ok(()),
    }
}
