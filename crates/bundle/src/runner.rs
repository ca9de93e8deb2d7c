//! Running a function for many callers at once: plans by batch size, workspaces for each caller, shared weights.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jingwei_bounds::{Budget, Exceeded, Loan, product};
use jingwei_engine::{AlignedVec, Function, Plan, RunContext, Runtime, Weights, Workspace};
use jingwei_graph::{Dim, Node, NodeId};

use crate::check::{inputs, sample_shape};
use crate::samples;
use crate::{Error, InputEntry, Limits, OutputEntry, OutputKind, Result};

/// Samples that are computed at once, if the memory allows.
const BATCH: usize = 64;
/// Plans that are kept: one for whole batches, the others for remainders.
const PLANS: usize = 32;
/// The steps of sequences that a whole batch is planned for; of longer ones, fewer make a batch.
const PLANNED_TIME: usize = 128;
/// Workspaces that are kept for the next callers.
const WORKSPACES: usize = 16;

/// A function with its weights, ready to be asked by many callers at once; it is shared by reference.
///
/// Plans are made once for each size of a batch, each caller works in memory of its own, and the weights are shared. It is
/// what predicts from bundles, and from models that are in none.
pub struct Runner {
    function: Function,
    inputs: Vec<InputEntry>,
    outputs: Vec<OutputEntry>,
    weights: Weights,
    runtime: Runtime,
    batch: usize,
    /// The most recently used last.
    plans: Mutex<Vec<Arc<Plan>>>,
    workspaces: Mutex<Vec<Workspace>>,
}

impl Runner {
    /// `single` is the function's plan for one sample at the runtime's level.
    pub(crate) fn new(
        function: Function,
        inputs: Vec<InputEntry>,
        outputs: Vec<OutputEntry>,
        weights: Weights,
        runtime: Runtime,
        single: Arc<Plan>,
    ) -> Self {
        Self {
            batch: batch(&function, &single, &runtime),
            function,
            inputs,
            outputs,
            weights,
            runtime,
            plans: Mutex::new(vec![single]),
            workspaces: Mutex::default(),
        }
    }

    /// A function that is in no bundle: its outputs have no names.
    ///
    /// # Errors
    /// [`Error::Parts`] if its inputs or outputs are none of a bundle; [`Error::Engine`] if it cannot be planned.
    pub fn of(
        function: Function,
        parameters: AlignedVec,
        states: AlignedVec,
        runtime: Runtime,
    ) -> Result<Self> {
        let function = function.frozen();
        let inputs = inputs(&function.graph).map_err(Error::Parts)?;
        let output = |(number, &node): (usize, &NodeId)| {
            let shape = function.graph.shape(node);
            let unlike = || Error::Parts(format!("output {number} has the shape {shape}"));
            Ok(OutputEntry {
                name: number.to_string(),
                node,
                shape: sample_shape(shape).ok_or_else(unlike)?,
                kind: OutputKind::Values,
            })
        };
        let outputs = function.outputs.iter().enumerate().map(output);
        let outputs = outputs.collect::<Result<_>>()?;
        let single = function.plan_for(1, samples::time(&inputs), runtime.level())?;
        let weights = Weights::new(Arc::new(parameters), Arc::new(states));
        Ok(Self::new(
            function,
            inputs,
            outputs,
            weights,
            runtime,
            Arc::new(single),
        ))
    }

    /// The values of the first output of a function with one input, finite or not.
    ///
    /// # Errors
    /// [`Error::Input`] if there are too few or too many numbers, or one is not finite.
    pub fn predict(&self, input: &[f32], samples: usize) -> Result<Vec<f32>> {
        let budget = Budget::unlimited();
        let (mut outputs, _) = self.run(&[input], samples, &budget)?;
        Ok(outputs.swap_remove(0))
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The values of every output, in batches, and what of the budget they take.
    pub(crate) fn run<'b>(
        &self,
        inputs: &[&[f32]],
        samples: usize,
        budget: &'b Budget,
    ) -> Result<(Vec<Vec<f32>>, Loan<'b>)> {
        self.run_in_batches(inputs, samples, self.batch, budget)
    }

    /// The values of every output for recorded samples, and whether all were computed in one batch, which only memory
    /// forbids.
    pub(crate) fn run_recorded(
        &self,
        inputs: &[&[f32]],
        samples: usize,
    ) -> Result<(Vec<Vec<f32>>, bool)> {
        let time = self.time(inputs, samples)?;
        let at_once = self.fits(samples, time)?;
        let batch = if at_once { samples.max(1) } else { self.batch };
        let budget = Budget::unlimited();
        let (outputs, _) = self.run_in_batches(inputs, samples, batch, &budget)?;
        Ok((outputs, at_once))
    }

    /// Whether a batch can be computed within the limit of memory.
    pub(crate) fn fits(&self, samples: usize, time: usize) -> Result<bool> {
        let level = self.runtime.level();
        let plan = self.function.plan_for(samples.max(1), time, level)?;
        let memory = plan.memory(self.runtime.pool().threads()) as u64;
        Ok(memory <= Limits::default().memory_bytes)
    }

    /// The length of the sequences that are given; 0 if samples are none.
    fn time(&self, inputs: &[&[f32]], samples: usize) -> Result<usize> {
        let mut pairs = self.inputs.iter().zip(inputs);
        let sequence = pairs.find(|(entry, _)| entry.is_sequence());
        let Some((entry, values)) = sequence else {
            return Ok(0);
        };
        let time = values.len() / (samples * entry.len()).max(1);
        let most = Limits::default().time;
        if (1..=most).contains(&time) || samples == 0 {
            return Ok(time.max(1));
        }
        let cause = format!("a sequence has {time} steps");
        let remedy = format!("give sequences of 1 to {most} steps");
        Err(Error::input(
            format!("input `{}`", entry.name),
            cause,
            remedy,
        ))
    }

    fn run_in_batches<'b>(
        &self,
        inputs: &[&[f32]],
        samples: usize,
        batch: usize,
        budget: &'b Budget,
    ) -> Result<(Vec<Vec<f32>>, Loan<'b>)> {
        let time = self.time(inputs, samples)?;
        self.check(inputs, samples, time)?;
        let batch = batch.min((batch * PLANNED_TIME / time.max(1)).max(1));
        let mut loan = budget.lend(0)?;
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for output in &self.outputs {
            let values = product(output.sizes(time)).and_then(|len| product([len, samples]));
            let values = values.unwrap_or(usize::MAX);
            loan.grow(values.saturating_mul(size_of::<f32>()))?;
            outputs.push(Vec::with_capacity(values));
        }
        let (batch, _working) = self.affordable(batch.min(samples), time, budget)?;
        let mut workspace = self.workspace();
        for start in (0..samples).step_by(batch.max(1)) {
            budget.check()?;
            let plan = self.plan(batch.min(samples - start), time)?;
            self.fill(&plan, &mut workspace, inputs, (start, samples));
            plan.run(&self.runtime, &mut workspace, RunContext::default());
            for (index, values) in outputs.iter_mut().enumerate() {
                values.extend_from_slice(workspace.output(&plan, index));
            }
        }
        let mut idle = lock(&self.workspaces);
        if idle.len() < WORKSPACES {
            idle.push(workspace);
        }
        Ok((outputs, loan))
    }

    /// The largest batch whose working memory the budget allows, halved until it fits, and that memory.
    fn affordable<'b>(
        &self,
        mut batch: usize,
        time: usize,
        budget: &'b Budget,
    ) -> Result<(usize, Loan<'b>)> {
        loop {
            let memory = match batch {
                0 => 0,
                _ => self
                    .plan(batch, time)?
                    .memory(self.runtime.pool().threads()),
            };
            match budget.lend(memory) {
                Ok(loan) => return Ok((batch, loan)),
                Err(Exceeded::Memory { .. }) if batch > 1 => batch = batch.div_ceil(2),
                Err(exceeded) => return Err(exceeded.into()),
            }
        }
    }

    fn fill(
        &self,
        plan: &Plan,
        workspace: &mut Workspace,
        inputs: &[&[f32]],
        (start, samples): (usize, usize),
    ) {
        for (entry, values) in self.inputs.iter().zip(inputs) {
            // An input that no output depends on is not in the plan.
            if let Some(index) = plan.input(&entry.name) {
                let target = workspace.input_mut(plan, index);
                let values = &values[start * (values.len() / samples)..][..target.len()];
                target.copy_from_slice(values);
            }
        }
    }

    /// The right number of finite values for each input.
    fn check(&self, inputs: &[&[f32]], samples: usize, time: usize) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            let names: Vec<&str> = self.inputs.iter().map(|entry| &*entry.name).collect();
            let cause = format!("expected {names:?}, found {} inputs", inputs.len());
            return Err(Error::input(
                "inputs",
                cause,
                "give one list of values for each",
            ));
        }
        for (entry, values) in self.inputs.iter().zip(inputs) {
            let (name, shape) = (&entry.name, entry.sizes(time));
            let len = product(shape.iter().copied()).unwrap_or(usize::MAX);
            if samples.checked_mul(len) != Some(values.len()) {
                let found = values.len();
                let cause =
                    format!("expected {samples} samples of {shape:?}, found {found} values");
                return Err(Error::input(
                    format!("input `{name}`"),
                    cause,
                    "give samples × sample",
                ));
            }
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let place = format!("input `{name}`, sample {}, value {}", at / len, at % len);
                let cause = format!("is {}", values[at]);
                return Err(Error::input(place, cause, "give finite numbers"));
            }
        }
        Ok(())
    }

    fn plan(&self, samples: usize, time: usize) -> Result<Arc<Plan>> {
        let fits = |plan: &Arc<Plan>| plan.batch() == samples && (time == 0 || plan.time() == time);
        let found = |plans: &mut Vec<Arc<Plan>>| {
            let index = plans.iter().position(fits)?;
            let plan = plans.remove(index);
            plans.push(plan.clone());
            Some(plan)
        };
        if let Some(plan) = found(&mut lock(&self.plans)) {
            return Ok(plan);
        }
        let plan = self
            .function
            .plan_for(samples, time, self.runtime.level())?;
        let (threads, limit) = (
            self.runtime.pool().threads(),
            Limits::default().memory_bytes,
        );
        if time > 0 && plan.memory(threads) as u64 > limit {
            let cause = format!("{samples} sequences of {time} steps need more than {limit} bytes");
            return Err(Error::input(
                "inputs",
                cause,
                "give shorter or fewer sequences",
            ));
        }
        let plan = Arc::new(plan);
        let mut plans = lock(&self.plans);
        if plans.len() == PLANS {
            plans.remove(0);
        }
        plans.push(plan.clone());
        Ok(plan)
    }

    fn workspace(&self) -> Workspace {
        let make = || Workspace::for_inference(&self.weights, &self.runtime);
        let idle = lock(&self.workspaces).pop();
        idle.unwrap_or_else(make)
    }
}

/// A batch whose values and working memory stay within the limits of a single sample.
fn batch(function: &Function, single: &Plan, runtime: &Runtime) -> usize {
    let limits = Limits::default();
    let bytes = |node: &Node| {
        let size = |dim: &Dim| match dim {
            Dim::Size(size) => *size as u64,
            Dim::Symbol(_) => 1,
        };
        node.shape.0.iter().map(size).fold(4, u64::saturating_mul)
    };
    let largest = function.graph.nodes().iter().map(bytes).max();
    let memory = single.memory(runtime.pool().threads()) as u64;
    let most = limits.tensor_bytes / largest.unwrap_or(1).max(1);
    let most = most.min(limits.memory_bytes / memory.max(1));
    usize::try_from(most).map_or(BATCH, |most| most.clamp(1, BATCH))
}

/// What a lock guards is whole even where a caller panicked: nothing of the model runs under it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
