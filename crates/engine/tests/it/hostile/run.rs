//! Planning and running what was accepted, and comparing it with the reference loops.

use std::collections::HashMap;
use std::sync::Arc;

use jingwei_engine::{
    AlignedVec, Buffer, Function, Layout, Level, Plan, RunContext, Runtime, Weights, Workspace,
};
use jingwei_graph::ops::{AttentionGradKey, AttentionGradQuery, AttentionGradValue, UnaryKind};
use jingwei_graph::{Graph, Node, NodeId, Op, Symbol, passes, reference};

use super::Case;
use super::numbers::Fill;

/// How far a case came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The graph is none.
    Refused,
    /// It cannot be planned for these sizes.
    NotPlanned,
    /// It would take long.
    NotRun,
    /// It ran; whether the values could be compared.
    Ran {
        /// All of them were finite.
        compared: bool,
    },
}

/// Bytes that a run may take.
const MEMORY: usize = 64 << 20;
/// Multiplications that a run may take.
const WORK: usize = 1 << 21;

pub fn run(case: &Case, graph: &Graph) -> Outcome {
    let function = function(case, graph);
    let (batch, time) = (case.batch.0, case.time.0);
    let sizes = [(Symbol::Batch, batch), (Symbol::Time, time)];
    let plans: Vec<Option<Plan>> = Level::available()
        .into_iter()
        .map(|level| function.plan_for(batch, time, level).ok())
        .collect();
    let (Ok(bound), Some(plans)) = (
        passes::bind(graph, &sizes),
        plans.into_iter().collect::<Option<Vec<_>>>(),
    ) else {
        return Outcome::NotPlanned;
    };
    let (parameters, states) = (function.parameters.len(), function.states.len());
    let memory = plans.iter().map(|plan| plan.memory(2)).max();
    let stored = parameters.max(states).saturating_mul(size_of::<f32>());
    if memory.unwrap_or_default().max(stored) > MEMORY || work(&bound) > WORK {
        return Outcome::NotRun;
    }
    let mut compared = false;
    for fill in [case.fill, Fill::Quarters] {
        let leaves = leaves(case, &bound, fill);
        let expected = expected(&bound, &function.outputs, &leaves);
        for (level, plan) in Level::available().into_iter().zip(&plans) {
            let found = execute(&function, plan, level, &leaves);
            if let Some(expected) = &expected {
                compare(&function, level, &found, expected);
                compared = true;
            }
        }
    }
    Outcome::Ran { compared }
}

fn function(case: &Case, graph: &Graph) -> Function {
    let last = graph.nodes().len() - 1;
    let node = |index: u16| NodeId((usize::from(index) % (last + 1)) as u32);
    let mut outputs = vec![NodeId(last as u32)];
    outputs.extend(case.outputs.map(node));
    let layout = |takes: fn(&Op) -> bool| {
        let leaves = graph.nodes().iter().filter(|node| takes(&node.op));
        Layout::new(leaves.map(|node| {
            let name = node.op.leaf_name().unwrap_or_default();
            (name, node.shape.sizes().unwrap_or_default())
        }))
    };
    let parameters = layout(|op| matches!(op, Op::Parameter(_)));
    let states = layout(|op| matches!(op, Op::State(_)));
    let mut function = Function::new(graph.clone(), outputs, parameters, states);
    function.frozen = case.frozen;
    let gradient = node(case.gradient);
    let alike = |other: &&Node| {
        matches!(other.op, Op::Parameter(_)) && other.shape == *graph.shape(gradient)
    };
    if let Some(parameter) = graph.nodes().iter().find(alike).filter(|_| !case.frozen) {
        let name = parameter.op.leaf_name().unwrap_or_default().to_owned();
        function.gradients.push((name, gradient));
    }
    function
}

/// Multiplications of the reference loops, about.
fn work(bound: &Graph) -> usize {
    let of = |node: &Node| {
        let sizes = |index: usize| {
            let input = node.inputs.get(index);
            input
                .and_then(|&id| bound.shape(id).sizes())
                .unwrap_or_default()
        };
        let len = |sizes: &[usize]| sizes.iter().fold(1usize, |a, &b| a.saturating_mul(b));
        let most = node
            .inputs
            .iter()
            .map(|&id| bound.shape(id).len().unwrap_or(0))
            .max();
        let values = node
            .shape
            .len()
            .unwrap_or(usize::MAX)
            .max(most.unwrap_or(0));
        let each = match &node.op {
            Op::MatMul(_) => len(&sizes(0)).min(len(&sizes(1))),
            Op::Conv2d(_) => len(&sizes(1)),
            Op::Conv2dGradInput(_) => len(&sizes(0)),
            Op::Conv2dGradFilter(op) => len(&op.kernel).saturating_mul(len(&sizes(1))),
            Op::MaxPool2d(_) | Op::AvgPool2d(_) | Op::MaxPool2dGrad(_) => len(&sizes(0)),
            Op::AvgPool2dGrad(_) => values,
            Op::Attention(_)
            | Op::AttentionGradQuery(_)
            | Op::AttentionGradKey(_)
            | Op::AttentionGradValue(_) => len(&sizes(1)),
            Op::Recurrent(_) | Op::RecurrentGrad(_) => len(&sizes(1)),
            Op::CrfLoss(_)
            | Op::CrfEmissionsGrad(_)
            | Op::CrfScoresGrad(_)
            | Op::CrfMarginals(_)
            | Op::ViterbiDecode(_) => values,
            Op::NgramHash(op) => op.n,
            Op::BatchStatistics(_) | Op::BatchNormGradParameters(_) => 4,
            _ => 1,
        };
        values.saturating_mul(each)
    };
    bound.nodes().iter().map(of).fold(0, usize::saturating_add)
}

fn leaves(case: &Case, bound: &Graph, fill: Fill) -> HashMap<String, Vec<f32>> {
    let named = bound.nodes().iter().filter_map(|node| {
        let name = node.op.leaf_name()?.to_owned();
        let seed = name
            .bytes()
            .fold(case.seed, |seed, byte| super::mixed(seed ^ u64::from(byte)));
        let is_whole = matches!(&*name, "ids" | "labels" | "path" | "mask") || seed % 4 == 0;
        let fill = match fill {
            Fill::Quarters if is_whole => Fill::Ids,
            fill => fill,
        };
        let len = node.shape.len().unwrap_or_default();
        Some((
            name,
            (0..len).map(|place| fill.value(seed, place)).collect(),
        ))
    });
    named.collect()
}

const CONTEXT: RunContext = RunContext { seed: 7, step: 3 };

/// What the reference loops give, where every number on the way is finite and none is so large that rounding decides.
fn expected(
    bound: &Graph,
    outputs: &[NodeId],
    leaves: &HashMap<String, Vec<f32>>,
) -> Option<Vec<Vec<f32>>> {
    let all: Vec<NodeId> = bound.ids().collect();
    let values = reference::evaluate(bound, &all, leaves, CONTEXT).expect("a valid graph");
    let plain = values.iter().flatten().all(|value| value.abs() < 1e4);
    (plain && !rounding_decides(bound)).then(|| {
        outputs
            .iter()
            .map(|id| values[id.index()].clone())
            .collect()
    })
}

/// Whether an operator that jumps reads a value that kernels and reference loops round in their own ways.
fn rounding_decides(bound: &Graph) -> bool {
    let mut rounded: Vec<bool> = Vec::new();
    let mut decides = false;
    for node in bound.nodes() {
        let any = |from: usize| node.inputs.iter().skip(from).any(|id| rounded[id.index()]);
        let first = node.inputs.first().is_some_and(|id| rounded[id.index()]);
        decides |= match &node.op {
            Op::Compare(_) => any(0),
            Op::UnaryGrad(_)
            | Op::MaxPool2dGrad(_)
            | Op::MaxOverTimeGrad(_)
            | Op::ViterbiDecode(_)
            | Op::GatherGrad(_)
            | Op::NgramHash(_)
            | Op::SelectIds(_)
            | Op::Where(_) => first,
            Op::LayerNorm(op) => op.epsilon < 1e-6 && first,
            Op::LayerNormGradInput(op) => op.epsilon < 1e-6 && first,
            Op::LayerNormGradParameters(op) => op.epsilon < 1e-6 && first,
            Op::RmsNorm(op) => op.epsilon < 1e-6 && first,
            Op::RmsNormGradInput(op) => op.epsilon < 1e-6 && first,
            Op::RmsNormGradScale(op) => op.epsilon < 1e-6 && first,
            Op::BatchNorm(op) => op.epsilon < 1e-6 && any(0),
            Op::BatchNormGradInput(op) => op.epsilon < 1e-6 && any(0),
            Op::BatchNormGradParameters(op) => op.epsilon < 1e-6 && any(0),
            Op::Gather(_)
            | Op::SparseCrossEntropy(_)
            | Op::SparseCrossEntropyGrad(_)
            | Op::CrfLoss(_)
            | Op::CrfEmissionsGrad(_)
            | Op::CrfScoresGrad(_)
            | Op::CrfMarginals(_)
            | Op::MaxOverTime(_)
            | Op::Attention(_)
            | Op::AttentionGradQuery(_)
            | Op::AttentionGradKey(_)
            | Op::AttentionGradValue(_)
            | Op::Recurrent(_)
            | Op::RecurrentGrad(_) => jumps(node, &rounded),
            _ => false,
        };
        // Sums and products of quarters are exact, once.
        let exact = match &node.op {
            op if op.is_leaf() => true,
            Op::Reshape(_)
            | Op::Transpose(_)
            | Op::Slice(_)
            | Op::Concat(_)
            | Op::Pad(_)
            | Op::Gather(_)
            | Op::MaxPool2d(_)
            | Op::MaxOverTime(_)
            | Op::StopGradient(_) => !any(0),
            Op::Unary(op) => matches!(op.kind, UnaryKind::Relu | UnaryKind::Neg) && !any(0),
            Op::Compare(_) | Op::NgramHash(_) | Op::SelectIds(_) => true,
            Op::MatMul(_) | Op::Conv2d(_) => {
                node.inputs.iter().all(|&id| bound.node(id).op.is_leaf())
            }
            _ => false,
        };
        rounded.push(!exact);
    }
    decides
}

/// Whether operands that an operator reads as indices or as masks are rounded.
fn jumps(node: &Node, rounded: &[bool]) -> bool {
    let smooth: &[usize] = match &node.op {
        Op::Gather(_) | Op::MaxOverTime(_) | Op::SparseCrossEntropy(_) => &[0],
        Op::SparseCrossEntropyGrad(_) => &[0, 2],
        Op::CrfLoss(_) => &[0, 2],
        Op::CrfEmissionsGrad(_) | Op::CrfScoresGrad(_) => &[0, 2, 4],
        Op::CrfMarginals(_) => &[0, 1],
        // A large scale makes a softmax a maximum.
        Op::Attention(op) if op.scale.abs() > 4.0 => &[2],
        Op::Attention(_) => &[0, 1, 2],
        Op::AttentionGradQuery(AttentionGradQuery { scale, .. })
        | Op::AttentionGradKey(AttentionGradKey { scale, .. })
        | Op::AttentionGradValue(AttentionGradValue { scale, .. }) => match scale.abs() > 4.0 {
            true => &[2, 3],
            false => &[0, 1, 2, 3],
        },
        _ => &[0, 1],
    };
    let mut inputs = node.inputs.iter().enumerate();
    inputs.any(|(place, id)| !smooth.contains(&place) && rounded[id.index()])
}

fn execute(
    function: &Function,
    plan: &Plan,
    level: Level,
    leaves: &HashMap<String, Vec<f32>>,
) -> Vec<Vec<f32>> {
    let runtime = Runtime::new(level, 2).expect("an available level");
    let fill = |layout: &Layout, buffer: &mut [f32]| {
        for entry in layout.entries() {
            buffer[entry.range()].copy_from_slice(&leaves[&entry.name]);
        }
    };
    let mut workspace = match function.frozen {
        true => {
            let [parameters, states] = [&function.parameters, &function.states].map(|layout| {
                let mut buffer = AlignedVec::new(layout.len());
                fill(layout, &mut buffer);
                Arc::new(buffer)
            });
            Workspace::for_inference(&Weights::new(parameters, states), &runtime)
        }
        false => {
            let mut workspace = Workspace::for_training(function, &runtime);
            fill(
                &function.parameters,
                workspace.buffer_mut(Buffer::Parameters),
            );
            fill(&function.states, workspace.buffer_mut(Buffer::States));
            workspace
        }
    };
    for (index, name) in plan.input_names().iter().enumerate() {
        workspace
            .input_mut(plan, index)
            .copy_from_slice(&leaves[name]);
    }
    plan.run(&runtime, &mut workspace, CONTEXT);
    (0..function.outputs.len())
        .map(|index| workspace.output(plan, index).to_vec())
        .collect()
}

fn compare(function: &Function, level: Level, found: &[Vec<f32>], expected: &[Vec<f32>]) {
    for ((found, expected), id) in found.iter().zip(expected).zip(&function.outputs) {
        let largest = expected
            .iter()
            .fold(1.0f32, |most, value| most.max(value.abs()));
        assert_eq!(found.len(), expected.len(), "values of {id:?} at {level}");
        for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= 2e-2 * largest,
                "{id:?} at {level}: [{place}] is {found}, not {expected}"
            );
        }
    }
}
