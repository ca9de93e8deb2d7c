//! Predictions, from prepared numbers to probabilities.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Result;
use jingwei_engine::{Plan, RunContext, Runtime, Timing, Weights, Workspace};
use jingwei_train::fit::Functions;

use super::Workload;
use super::clock::median_ms;
use super::start::Start;

/// The prediction for a number of samples.
pub struct Prediction<'a> {
    input: &'a [f32],
    runtime: &'a Runtime,
    plan: Plan,
    workspace: Workspace,
}

impl<'a> Prediction<'a> {
    pub fn new(
        workload: Workload,
        functions: &Functions,
        start: &'a Start,
        runtime: &'a Runtime,
        samples: usize,
    ) -> Result<Self> {
        let weights = Weights::new(
            Arc::new(start.weights.parameters.clone()),
            Arc::new(start.weights.states.clone()),
        );
        let function = functions.inference.clone().frozen();
        Ok(Self {
            input: &start.samples[..samples * workload.sample_len()],
            runtime,
            plan: function.plan(samples, runtime.level())?,
            workspace: Workspace::for_inference(&weights, runtime),
        })
    }

    /// The median time in milliseconds, copying the samples in included.
    pub fn median_ms(&mut self, seconds: f64) -> f64 {
        median_ms(seconds, || {
            self.workspace
                .input_mut(&self.plan, 0)
                .copy_from_slice(black_box(self.input));
            self.plan
                .run(self.runtime, &mut self.workspace, RunContext::default());
            black_box(self.workspace.output(&self.plan, 0));
        })
    }

    /// The shortest time of each kernel.
    pub fn profile(&mut self, runs: usize) -> Vec<Timing> {
        self.plan.profile(self.runtime, &mut self.workspace, runs)
    }
}
