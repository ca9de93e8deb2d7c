//! Predictions, from prepared numbers to probabilities.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Result;
use jingwei_engine::{RunContext, Runtime, Workspace};
use jingwei_train::fit::Functions;

use super::Workload;
use super::clock::median_ms;
use super::start::Start;

/// The median time of a prediction for `samples` samples in milliseconds, copying them in included.
pub fn predict_ms(
    workload: Workload,
    functions: &Functions,
    start: &Start,
    runtime: &Runtime,
    (samples, seconds): (usize, f64),
) -> Result<f64> {
    let plan = functions.inference.plan(samples, runtime.level())?;
    let (parameters, states) = (
        start.weights.parameters.clone(),
        start.weights.states.clone(),
    );
    let mut workspace = Workspace::for_inference(Arc::new(parameters), Arc::new(states), runtime);
    let input = &start.samples[..samples * workload.sample_len()];
    Ok(median_ms(seconds, || {
        workspace
            .input_mut(&plan, 0)
            .copy_from_slice(black_box(input));
        plan.run(runtime, &mut workspace, RunContext::default());
        black_box(workspace.output(&plan, 0));
    }))
}
