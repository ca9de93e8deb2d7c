//! What a training takes of memory, counted before any of it is taken.

use jingwei_bounds::product;
use jingwei_engine::Runtime;
use jingwei_graph::{Dim, Op};
use serde::Serialize;

use crate::fit::{EVALUATION_BATCH, FitOptions, Functions};
use crate::memory::size;
use crate::{Error, memory};

/// Copies of the weights that are alive together when a model is measured and written.
const COPIES: u64 = 4;

/// The bytes of a training, by what they are for.
///
/// Nothing is allocated to find them but the plans of kernels, and these only if the values that they work on fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Parameters and states.
    pub weights: u64,
    /// Their gradients.
    pub gradients: u64,
    /// What the optimiser remembers, and further copies of the weights that are kept while training.
    pub optimiser: u64,
    /// Everything between the input and the loss, for one batch.
    pub intermediates: u64,
    /// The data.
    pub data: u64,
    /// Copies of the weights for measuring and writing the model at the end.
    pub copies: u64,
    /// The largest tensor.
    pub largest: Largest,
}

/// A tensor that takes much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Largest {
    /// The layer, or the parameter with its layer.
    pub name: String,
    /// Its shape.
    pub shape: String,
    /// Its bytes.
    pub bytes: u64,
}

/// The sizes of a training that do not stand in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Samples a step.
    pub batch: usize,
    /// Samples that are validated or tested.
    pub held: usize,
    /// The greatest length of a sequence; 0 if samples are none.
    pub time: usize,
    /// Bytes of the data.
    pub data: u64,
}

impl Forecast {
    /// Counts what a training needs.
    ///
    /// # Errors
    /// If it needs more than [`FitOptions::memory_limit`], or the functions cannot be planned.
    pub fn new(
        functions: &Functions,
        options: &FitOptions,
        load: Load,
        runtime: &Runtime,
    ) -> Result<Self, Error> {
        let limit = options.memory_limit.unwrap_or_else(memory::limit);
        let bytes = |floats: usize| (floats as u64).saturating_mul(4);
        let (parameters, states) = (&functions.parameters, &functions.states);
        let parameters = parameters.iter().map(|own| product(own.sizes.clone()));
        let states = states.iter().map(|own| product(own.sizes.clone()));
        let sum = |all: &mut dyn Iterator<Item = Option<usize>>| {
            all.fold(0, |sum: u64, len| {
                sum.saturating_add(len.map_or(u64::MAX, bytes))
            })
        };
        let parameters = sum(&mut { parameters });
        let weights = parameters.saturating_add(sum(&mut { states }));
        let kept = u64::from(options.ema.is_some()) + u64::from(options.restores_best());
        let slots = options.optimizer.slots() as u64;
        let (largest, values) = largest(functions, load);
        let mut forecast = Self {
            weights,
            gradients: parameters.min(bytes(functions.training.gradient_len)),
            optimiser: parameters.saturating_mul(slots + kept),
            intermediates: values,
            data: load.data,
            copies: weights.saturating_mul(COPIES),
            largest,
        };
        // Kernels may take memory in proportion to their values even while they are planned.
        forecast.check(limit)?;
        forecast.intermediates = intermediates(functions, load, runtime)?;
        forecast.check(limit)?;
        Ok(forecast)
    }

    /// All bytes together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let parts = [
            self.weights,
            self.gradients,
            self.optimiser,
            self.intermediates,
            self.data,
            self.copies,
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// Refuses a training that needs more than there is.
    ///
    /// # Errors
    /// [`Error::Setting`] with what it needs, and the largest tensor.
    pub fn check(&self, limit: u64) -> Result<(), Error> {
        if self.total() <= limit {
            return Ok(());
        }
        let Largest { name, shape, bytes } = &self.largest;
        let parts = [
            ("weights", self.weights),
            ("gradients", self.gradients),
            ("optimiser", self.optimiser),
            ("values of a batch", self.intermediates),
            ("data", self.data),
            ("copies at the end", self.copies),
        ];
        let parts = parts.into_iter().filter(|(_, bytes)| *bytes > 0);
        let parts: Vec<String> = parts
            .map(|(what, bytes)| format!("{what} {}", size(bytes)))
            .collect();
        Err(Error::Setting {
            name: "memory".to_owned(),
            reason: format!(
                "the training takes {} or more ({}), and the limit is {}; the largest tensor is that of `{name}`, {shape}, \
                 with {}",
                size(self.total()),
                parts.join(", "),
                size(limit),
                size(*bytes)
            ),
            remedy: "make that layer, the batch or the sequences smaller, or set another limit with --max-memory"
                .to_owned(),
        })
    }
}

/// What a step of training and, beside it, a batch of validation need.
fn intermediates(functions: &Functions, load: Load, runtime: &Runtime) -> Result<u64, Error> {
    let threads = runtime.pool().threads();
    let plan = |function: &jingwei_engine::Function, batch: usize| {
        let plan = match load.time {
            0 => function.plan(batch, runtime.level())?,
            time => function.plan_for(batch, time, runtime.level())?,
        };
        Ok::<_, Error>(plan.memory(threads) as u64)
    };
    let training = plan(&functions.training, load.batch)?;
    let held = load.held.min(EVALUATION_BATCH);
    let evaluation = match held {
        0 => 0,
        held => plan(&functions.evaluation, held)?,
    };
    Ok(training.saturating_add(evaluation))
}

/// The largest parameter or value of the training graph, and the bytes of the largest value.
fn largest(functions: &Functions, load: Load) -> (Largest, u64) {
    let mut largest = Largest {
        name: "input".to_owned(),
        shape: String::new(),
        bytes: 0,
    };
    let mut largest_value = 0;
    for node in functions.training.graph.nodes() {
        let size = |dim: &Dim| match dim {
            Dim::Size(size) => *size,
            Dim::Symbol(jingwei_graph::Symbol::Time) => load.time.max(1),
            Dim::Symbol(_) => load.batch,
        };
        let sizes: Vec<usize> = node.shape.0.iter().map(size).collect();
        let values = product(sizes.iter().copied()).and_then(|len| len.checked_mul(4));
        let bytes = values.map_or(u64::MAX, |bytes| bytes as u64);
        let is_leaf = matches!(node.op, Op::Parameter(_) | Op::State(_));
        if !is_leaf {
            largest_value = bytes.max(largest_value);
        }
        if bytes > largest.bytes {
            let name = match is_leaf {
                true => node.op.leaf_name().unwrap_or_default(),
                false => &node.layer,
            };
            largest = Largest {
                name: if name.is_empty() {
                    node.op.name()
                } else {
                    name
                }
                .to_owned(),
                shape: format!("{sizes:?}"),
                bytes,
            };
        }
    }
    (largest, largest_value)
}
