//! A training and what it holds.

use jingwei_data::{BatchSource, Dataset, Preparation};
use jingwei_engine::{AlignedVec, Buffer, Plan, Runtime, Workspace};
use jingwei_graph::Shape;
use jingwei_kernels::Scratch;
use jingwei_nn::{Span, Updater};

use super::functions::{Functions, TARGETS};
use super::{Evaluator, FitOptions, Progress};
use crate::Error;

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
    pub(super) full: Plan,
    pub(super) rest: Option<Plan>,
    pub(super) workspace: Workspace,
    pub(super) scratch: Scratch,
    pub(super) updater: Updater,
    pub(super) slots: Slots,
    pub(super) best: Option<Weights>,
    pub(super) progress: Progress,
}

/// What the optimiser remembers, and room for its sums.
pub(super) struct Slots {
    pub(super) velocity: AlignedVec,
    pub(super) squares: AlignedVec,
    pub(super) average: AlignedVec,
    pub(super) shared: AlignedVec,
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
        options.check()?;
        let source = BatchSource::new(
            data.dataset,
            data.train,
            data.preparation,
            options.batches(),
        )?;
        check_fit(functions, &source, data.dataset)?;
        let batch = options.batch_size.min(source.len());
        let plan = |batch| functions.training.plan(batch, runtime.level());
        let rest = source.len() % batch;
        let valid = data.valid.map(|(dataset, indices)| {
            Evaluator::new(functions, runtime, dataset, indices, data.preparation)
        });
        let updater = Updater::new(
            &options.optimizer,
            options.clip,
            options.ema,
            &spans(functions),
        )?;
        let mut trainer = Self {
            full: plan(batch)?,
            rest: (rest > 0).then(|| plan(rest)).transpose()?,
            valid: valid.transpose()?,
            workspace: Workspace::for_training(&functions.training, runtime),
            scratch: Scratch::new(runtime.pool().threads(), source.scratch_len()),
            slots: Slots::new(&updater, functions.training.parameters.len()),
            dataset: data.dataset,
            runtime,
            functions,
            options,
            source,
            updater,
            best: None,
            progress: Progress::default(),
        };
        trainer.initialise();
        trainer.prepare();
        Ok(trainer)
    }

    fn initialise(&mut self) {
        let Functions {
            training,
            parameters,
            states,
            ..
        } = self.functions;
        let values = self.workspace.buffer_mut(Buffer::Parameters);
        for (entry, parameter) in training.parameters.entries().iter().zip(parameters) {
            values[entry.range()].copy_from_slice(&parameter.initial(self.options.seed));
        }
        if self.updater.uses_average() {
            self.slots.average.copy_from_slice(values);
        }
        let values = self.workspace.buffer_mut(Buffer::States);
        for (entry, state) in training.states.entries().iter().zip(states) {
            values[entry.range()].copy_from_slice(&state.initial());
        }
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
        if self.updater.uses_average() {
            self.slots.average.copy_from_slice(&weights.parameters);
        }
        Ok(())
    }

    /// Makes all memory ready, so that no step allocates.
    fn prepare(&mut self) {
        if let Some(valid) = &self.valid {
            valid.prepare(&mut self.workspace);
        }
        [self.rest.as_ref(), Some(&self.full)]
            .into_iter()
            .flatten()
            .for_each(|plan| self.workspace.prepare(plan));
    }
}

impl Slots {
    fn new(updater: &Updater, len: usize) -> Self {
        let buffer = |used: bool| AlignedVec::new(if used { len } else { 0 });
        Self {
            velocity: buffer(updater.uses_velocity()),
            squares: buffer(updater.uses_squares()),
            average: buffer(updater.uses_average()),
            shared: AlignedVec::new(updater.shared()),
        }
    }
}

/// Where parameters lie, each with the filling up to the next one.
fn spans(functions: &Functions) -> Vec<Span> {
    let layout = &functions.training.parameters;
    let ends = layout
        .entries()
        .iter()
        .skip(1)
        .map(|entry| entry.offset)
        .chain([layout.len()]);
    let entries = layout.entries().iter().zip(ends).zip(&functions.parameters);
    entries
        .map(|((entry, end), parameter)| Span {
            range: entry.offset..end,
            decay: parameter.decay,
        })
        .collect()
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
        let values = Shape(shape.0[1..].to_vec()).len().unwrap_or(0);
        match name {
            TARGETS if values.max(1) != source.target_len() => {
                return mismatch("is trained on", source.target_len(), values);
            }
            TARGETS => {}
            _ if values != source.sample_len() => {
                return mismatch("takes", source.sample_len(), values);
            }
            _ => {}
        }
    }
    let output = functions.training.outputs[1];
    let classes = dataset.class_names().len();
    match graph.shape(output).size(1) {
        Some(width) if classes > 0 && width != classes && !(width == 1 && classes == 2) => {
            mismatch("gives", classes, width)
        }
        _ => Ok(()),
    }
}
