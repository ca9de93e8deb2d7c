//! Padding must not count.

use std::sync::Arc;

use jingwei_engine::{AlignedVec, RunContext, Runtime, Weights, Workspace};
use jingwei_nn::{Dense, Embedding, Network, Sequential, SparseCategoricalCrossEntropy, TIME};
use jingwei_train::fit::{Functions, Objective};

/// The loss of one sequence of tags under a tagger without a random field, padded to `time`.
fn loss(time: usize) -> f32 {
    let network: Network = Sequential::new([TIME])
        .layer(Embedding::new(9, 4))
        .layer(Dense::new(3))
        .into();
    let objective = Objective::new(SparseCategoricalCrossEntropy::default());
    let functions = Functions::new(&network, &objective).unwrap();
    let layout = &functions.evaluation.parameters;
    let mut parameters = AlignedVec::new(layout.len());
    for (entry, spec) in layout.entries().iter().zip(&functions.parameters) {
        parameters[entry.range()].copy_from_slice(&spec.initial(1));
    }
    let runtime = Runtime::from_environment().unwrap();
    let plan = functions
        .evaluation
        .plan_for(1, time, runtime.level())
        .unwrap();
    let states = Arc::new(AlignedVec::new(functions.evaluation.states.len()));
    let weights = Weights::new(Arc::new(parameters), states);
    let mut workspace = Workspace::for_inference(&weights, &runtime);
    let targets = plan.input("targets").unwrap();
    let (ids, tags) = workspace.two_inputs_mut(&plan, 1 - targets, targets);
    ids.fill(0.0);
    tags.fill(0.0);
    ids[..4].copy_from_slice(&[5.0, 2.0, 8.0, 3.0]);
    tags[..4].copy_from_slice(&[0.0, 2.0, 1.0, 2.0]);
    plan.run(&runtime, &mut workspace, RunContext::default());
    workspace.output(&plan, 1)[0]
}

#[test]
fn padding_counts_in_no_loss() {
    let (whole, padded) = (loss(4), loss(16));
    assert!((whole - padded).abs() < 1e-6, "{whole} against {padded}");
}
