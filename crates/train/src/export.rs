//! From a trained network to what a bundle holds.

use jingwei_bundle::OutputKind;
use jingwei_data::prepare::TargetPreparation;
use jingwei_engine::{Function, Layout};

use crate::fit::Functions;

/// Names and kinds of what the function of inference gives.
#[must_use]
pub fn bundle_outputs(
    targets: &TargetPreparation,
    count: usize,
) -> Vec<(&'static str, OutputKind)> {
    match targets {
        TargetPreparation::Tags(_) if count > 1 => {
            vec![
                ("tags", OutputKind::Tags),
                ("probabilities", OutputKind::Tags),
            ]
        }
        TargetPreparation::Tags(_) => vec![("tags", OutputKind::Tags)],
        TargetPreparation::Labels(_) => vec![("probabilities", OutputKind::Labels)],
        TargetPreparation::Classes(_) => vec![("probabilities", OutputKind::Probabilities)],
        TargetPreparation::Values(_) | TargetPreparation::None => {
            vec![("values", OutputKind::Values)]
        }
    }
}

/// The function of inference over the states that it reads; those of the loss are left out. Where there are best tags
/// beside probabilities, they come first.
#[must_use]
pub fn inference(functions: &Functions, states: &[f32]) -> (Function, Vec<f32>) {
    let outline = inference_outline(functions);
    let all = &functions.inference.states;
    let mut values = vec![0.0; outline.states.len()];
    for to in outline.states.entries() {
        if let Some(from) = all.entry(&to.name) {
            values[to.range()].copy_from_slice(&states[from.range()]);
        }
    }
    (outline, values)
}

/// The same function without the values of its states.
#[must_use]
pub fn inference_outline(functions: &Functions) -> Function {
    let Function {
        graph,
        outputs,
        parameters,
        states: all,
        ..
    } = &functions.inference;
    let is_read = |name: &str| {
        graph
            .nodes()
            .iter()
            .any(|node| matches!(&node.op, jingwei_graph::Op::State(state) if state.name == name))
    };
    let read = all.entries().iter().filter(|entry| is_read(&entry.name));
    let layout = Layout::new(read.map(|entry| (entry.name.clone(), entry.sizes.clone())));
    let outputs = outputs.iter().rev().copied().collect();
    Function::new(graph.clone(), outputs, parameters.clone(), layout)
}
