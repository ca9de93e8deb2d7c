//! Predicting from many threads at once with one set of weights.

use std::sync::{Arc, Mutex, PoisonError};

use jingwei_engine::{AlignedVec, Function, Plan, RunContext, Runtime, Weights, Workspace};

use crate::Error;
use crate::fit::EVALUATION_BATCH;

/// A function with its weights, ready to run; shared by reference between threads.
pub struct Inference {
    function: Function,
    runtime: Runtime,
    weights: Weights,
    idle: Mutex<Vec<Desk>>,
}

/// What one caller at a time works with.
struct Desk {
    workspace: Workspace,
    plans: Vec<Plan>,
}

impl Inference {
    /// A function with its weights, frozen.
    #[must_use]
    pub fn new(
        function: Function,
        parameters: AlignedVec,
        states: AlignedVec,
        runtime: Runtime,
    ) -> Self {
        Self {
            function: function.frozen(),
            runtime,
            weights: Weights::new(Arc::new(parameters), Arc::new(states)),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// The first output for `samples` prepared samples.
    ///
    /// # Errors
    /// If the function cannot be planned.
    pub fn run(&self, features: &[f32], samples: usize) -> Result<Vec<f32>, Error> {
        self.run_steps(features, samples, None)
    }

    /// The first output for samples that are sequences of length `time`, if they are.
    ///
    /// # Errors
    /// If the function cannot be planned.
    pub fn run_steps(
        &self,
        features: &[f32],
        samples: usize,
        time: Option<usize>,
    ) -> Result<Vec<f32>, Error> {
        let mut desk = self.take();
        let mut outputs = Vec::new();
        let len = features.len() / samples.max(1);
        for features in features.chunks(len.max(1) * EVALUATION_BATCH) {
            let samples = features.len() / len.max(1);
            let plan = desk.plan(&self.function, samples, time, &self.runtime)?;
            let (plan, workspace) = (&desk.plans[plan], &mut desk.workspace);
            workspace.input_mut(plan, 0).copy_from_slice(features);
            plan.run(&self.runtime, workspace, RunContext::default());
            outputs.extend_from_slice(workspace.output(plan, 0));
        }
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(desk);
        Ok(outputs)
    }

    fn take(&self) -> Desk {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.unwrap_or_else(|| Desk {
            workspace: Workspace::for_inference(&self.weights, &self.runtime),
            plans: Vec::new(),
        })
    }
}

/// Plans that a desk keeps: the full batch, and some smaller ones.
const KEPT_PLANS: usize = 8;

impl Desk {
    /// The place of the plan for a batch.
    fn plan(
        &mut self,
        function: &Function,
        batch: usize,
        time: Option<usize>,
        runtime: &Runtime,
    ) -> Result<usize, Error> {
        let fits = |plan: &Plan| plan.batch() == batch && plan.time() == time.unwrap_or(0);
        if let Some(place) = self.plans.iter().position(fits) {
            return Ok(place);
        }
        if self.plans.len() == KEPT_PLANS {
            self.plans.remove(0);
        }
        self.plans.push(match time {
            Some(time) => function.plan_for(batch, time, runtime.level())?,
            None => function.plan(batch, runtime.level())?,
        });
        Ok(self.plans.len() - 1)
    }
}
