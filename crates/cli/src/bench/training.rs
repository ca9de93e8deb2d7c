//! The training step, as `jingwei train` runs it.

use std::sync::atomic::AtomicBool;

use anyhow::Result;
use jingwei_data::prepare::{ColumnScalingKind, PrepareOptions};
use jingwei_data::{BatchOptions, BatchSource, Dataset, Features, Preparation, Targets};
use jingwei_engine::{Buffer, Plan, RunContext, Runtime, Timing, Workers, Workspace};
use jingwei_kernels::Scratch;
use jingwei_nn::StepScalars;
use jingwei_train::fit::{FitOptions, Functions, Slots, TARGETS, Trainer, TrainingData};

use super::clock::{StepClock, median_ms};
use super::start::Start;
use super::{BATCHES, Workload};

/// The losses of the first steps: one pass over the batches in their order.
pub fn losses(
    workload: Workload,
    functions: &Functions,
    start: &Start,
    runtime: &Runtime,
) -> Result<Vec<f32>> {
    if workload.is_language_model() {
        let mut step = BareStep::new(workload, functions, start, runtime)?;
        return Ok((0..BATCHES).map(|batch| step.on(start, batch)).collect());
    }
    let data = rows(workload, start)?;
    let preparation = preparation(&data)?;
    let options = options(workload);
    let order = order(&data, &preparation, workload)?;
    let training = TrainingData {
        dataset: &data,
        train: &order,
        valid: None,
        preparation: &preparation,
    };
    let mut trainer = Trainer::new(runtime, functions, &options, training)?;
    trainer.start_from(&start.weights)?;
    (0..BATCHES).map(|_| Ok(trainer.step()?.loss)).collect()
}

/// The median time of a step in the loop of `jingwei train`, in milliseconds: batch, loss, gradients, update.
pub fn step_ms(
    workload: Workload,
    functions: &Functions,
    start: &Start,
    runtime: &Runtime,
    seconds: f64,
) -> Result<f64> {
    if workload.is_language_model() {
        let mut step = BareStep::new(workload, functions, start, runtime)?;
        return Ok(median_ms(seconds, || {
            step.on(start, 0);
        }));
    }
    let data = if workload.sizes().len() == 3 {
        images(workload, start)?
    } else {
        rows(workload, start)?
    };
    let preparation = preparation(&data)?;
    let options = options(workload);
    let train = data.indices();
    let training = TrainingData {
        dataset: &data,
        train: &train,
        valid: None,
        preparation: &preparation,
    };
    let mut trainer = Trainer::new(runtime, functions, &options, training)?;
    trainer.start_from(&start.weights)?;
    let stop = AtomicBool::new(false);
    let mut clock = StepClock::new(seconds, &stop);
    trainer.run(&mut [&mut clock], &stop)?;
    Ok(clock.median_ms())
}

fn options(workload: Workload) -> FitOptions {
    FitOptions {
        epochs: 1 << 32,
        batch_size: workload.batch(),
        ..FitOptions::default()
    }
}

fn rows(workload: Workload, start: &Start) -> Result<Dataset> {
    let columns = (0..workload.sample_len())
        .map(|column| format!("column {column}"))
        .collect();
    let features = Features::Rows {
        columns,
        values: start.samples.clone(),
    };
    Ok(Dataset::new(features, targets(workload, start))?)
}

fn images(workload: Workload, start: &Start) -> Result<Dataset> {
    let [height, width, channels] = *workload.sizes() else {
        return rows(workload, start);
    };
    let pixels = start
        .samples
        .iter()
        .map(|&value| (value * 255.0) as u8)
        .collect();
    let features = Features::Images {
        height,
        width,
        channels,
        pixels,
    };
    Ok(Dataset::new(features, targets(workload, start))?)
}

fn targets(workload: Workload, start: &Start) -> Targets {
    let names = (0..workload.classes())
        .map(|class| class.to_string())
        .collect();
    Targets::Classes {
        names,
        labels: start.labels.clone(),
    }
}

fn preparation(data: &Dataset) -> Result<Preparation> {
    let options = PrepareOptions {
        columns: ColumnScalingKind::None,
        ..PrepareOptions::default()
    };
    Ok(Preparation::fit(data, &data.indices(), &options)?)
}

/// The samples in such an order that the shuffle of the first epoch brings them back into their own.
fn order(data: &Dataset, preparation: &Preparation, workload: Workload) -> Result<Vec<usize>> {
    let all = data.indices();
    let options = BatchOptions {
        batch_size: workload.batch(),
        shuffle: true,
        ..BatchOptions::default()
    };
    let source = BatchSource::new(data, &all, preparation, options)?;
    let mut order = vec![0; all.len()];
    let shuffled = (0..source.steps_per_epoch()).flat_map(|step| source.samples(0, step));
    shuffled
        .enumerate()
        .for_each(|(position, sample)| order[sample] = position);
    Ok(order)
}

/// A step without the loop around it, on a batch that lies ready.
pub struct BareStep<'a> {
    runtime: &'a Runtime,
    plan: Plan,
    workspace: Workspace,
    slots: Slots,
    scratch: Scratch,
    step: u64,
}

impl<'a> BareStep<'a> {
    /// Plans the step.
    pub fn new(
        workload: Workload,
        functions: &Functions,
        start: &Start,
        runtime: &'a Runtime,
    ) -> Result<Self> {
        let plan = functions.training.plan(workload.batch(), runtime.level())?;
        let mut workspace = Workspace::for_training(&functions.training, runtime);
        workspace
            .buffer_mut(Buffer::Parameters)
            .copy_from_slice(&start.weights.parameters);
        workspace
            .buffer_mut(Buffer::States)
            .copy_from_slice(&start.weights.states);
        fill(&plan, &mut workspace, start, 0);
        let mut slots = Slots::new(functions, &options(workload))?;
        slots.prepare(&plan);
        Ok(Self {
            scratch: Scratch::new(runtime.pool().threads(), slots.scratch()),
            slots,
            step: 0,
            runtime,
            plan,
            workspace,
        })
    }

    /// The loss of a step on a batch, which is copied in.
    pub fn on(&mut self, start: &Start, batch: usize) -> f32 {
        fill(&self.plan, &mut self.workspace, start, batch);
        self.run();
        self.workspace.output(&self.plan, 0)[0]
    }

    /// The median time of the step in milliseconds.
    pub fn median_ms(&mut self, seconds: f64) -> f64 {
        median_ms(seconds, || self.run())
    }

    /// The shortest time of each kernel of loss and gradients.
    pub fn profile(&mut self, runs: usize) -> Vec<Timing> {
        self.plan.profile(self.runtime, &mut self.workspace, runs)
    }

    fn run(&mut self) {
        self.plan.run(
            self.runtime,
            &mut self.workspace,
            RunContext {
                seed: 0,
                step: self.step,
            },
        );
        self.step += 1;
        let workers = Workers::new(self.runtime.level(), self.runtime.pool(), &mut self.scratch);
        let scalars = StepScalars {
            learning_rate: 1e-3,
            step: self.step,
            gradient_scale: 1.0,
        };
        self.slots
            .update(&workers, &mut self.workspace, &self.plan, scalars);
    }
}

/// Copies a batch and its labels to where a plan reads them.
fn fill(plan: &Plan, workspace: &mut Workspace, start: &Start, batch: usize) {
    let targets = plan.input(TARGETS).unwrap_or(1);
    let (features, labels) = workspace.two_inputs_mut(plan, 1 - targets.min(1), targets);
    features.copy_from_slice(&start.samples[batch * features.len()..][..features.len()]);
    let own = &start.labels[batch * labels.len()..];
    labels
        .iter_mut()
        .zip(own)
        .for_each(|(target, &label)| *target = label as f32);
}
