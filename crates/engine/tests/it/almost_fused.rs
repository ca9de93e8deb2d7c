//! Graphs that nearly are what the lowering joins, as a file from outside may hold them, and sizes that no plan has.

use std::collections::HashMap;

use jingwei_engine::{Buffer, Error, Function, Layout, Level, RunContext, Runtime, Workspace};
use jingwei_graph::ops::{self, CompareKind, ConvAttributes, ReduceKind, UnaryKind, Window};
use jingwei_graph::{Dim, Graph, NodeId, Op, Shape, Symbol, passes, reference};

use crate::noise;

const BATCH: usize = 2;
const TIME: usize = 5;

fn leaves(graph: &Graph) -> HashMap<String, Vec<f32>> {
    let values = graph.nodes().iter().filter_map(|node| {
        let (name, len) = (node.op.leaf_name()?.to_owned(), node.shape.len()?);
        // Ids and masks are whole numbers.
        let is_whole = name.starts_with("ids") || name.starts_with("mask");
        let values = match is_whole {
            true => (0..len).map(|place| (place * place % 3) as f32).collect(),
            false => noise(&name, len),
        };
        Some((name, values))
    });
    values.collect()
}

fn function(graph: &Graph, outputs: &[NodeId]) -> Function {
    let parameters = graph.nodes().iter().filter_map(|node| match &node.op {
        Op::Parameter(leaf) => Some((leaf.name.clone(), node.shape.sizes()?)),
        _ => None,
    });
    let parameters = Layout::new(parameters.collect::<Vec<_>>());
    Function::new(
        graph.clone(),
        outputs.to_vec(),
        parameters,
        Layout::default(),
    )
}

/// Runs a valid graph at every level and compares the outputs with the reference loops.
fn check(graph: &Graph, outputs: &[NodeId]) {
    graph.validate().expect("valid");
    let sizes = [(Symbol::Batch, BATCH), (Symbol::Time, TIME)];
    let bound = passes::bind(graph, &sizes).expect("fits");
    let leaves = leaves(&bound);
    let context = RunContext::default();
    let expected = reference::evaluate(&bound, outputs, &leaves, context).expect("bound");
    let function = function(graph, outputs);
    for level in Level::available() {
        let runtime = Runtime::new(level, 2).expect("available");
        let plan = function.plan_for(BATCH, TIME, level).expect("plans");
        let mut workspace = Workspace::for_training(&function, &runtime);
        for entry in function.parameters.entries() {
            workspace.buffer_mut(Buffer::Parameters)[entry.range()]
                .copy_from_slice(&leaves[&entry.name]);
        }
        for (index, name) in plan.input_names().iter().enumerate() {
            workspace
                .input_mut(&plan, index)
                .copy_from_slice(&leaves[name]);
        }
        plan.run(&runtime, &mut workspace, context);
        for (index, expected) in expected.iter().enumerate() {
            let found = workspace.output(&plan, index);
            assert_eq!(found.len(), expected.len(), "output {index} at {level}");
            for (found, expected) in found.iter().zip(expected) {
                let close = (found - expected).abs() <= 1e-4 * (1.0 + expected.abs());
                assert!(close, "output {index} at {level}: {found}, not {expected}");
            }
        }
    }
}

/// Convolution, bias and ReLU: the node of ReLU, and those of images, filters and the gradient of the pooled images.
fn block(graph: &mut Graph) -> [NodeId; 4] {
    let x = graph.input("x", Shape::batch_of(&[4, 6, 3]));
    let w = graph.parameter("w", &[3, 3, 3, 8]);
    let bias = graph.parameter("bias", &[8]);
    let same = ConvAttributes {
        padding: [1; 4],
        ..ConvAttributes::default()
    };
    let y = graph.conv2d(x, w, same).expect("fits");
    let y = graph.add_values(y, bias).expect("fits");
    let y = graph.relu(y).expect("fits");
    let dy = graph.input("dy", Shape::batch_of(&[2, 3, 8]));
    [y, x, w, dy]
}

fn relu_grad(graph: &mut Graph, relu: NodeId, upstream: NodeId) -> NodeId {
    let kind = UnaryKind::Relu;
    graph
        .add(ops::UnaryGrad { kind }.into(), &[relu, upstream])
        .expect("fits")
}

#[test]
fn another_pooling_has_the_gradient() {
    let mut graph = Graph::new();
    let [relu, x, ..] = block(&mut graph);
    let pooled = graph.max_pool2d(relu, Window::square(2)).expect("fits");
    let window = Window {
        padding: [1; 4],
        ..Window::square(2)
    };
    let dy = graph.input("other dy", Shape::batch_of(&[3, 4, 8]));
    let up = graph
        .add(ops::MaxPool2dGrad { window }.into(), &[relu, dy])
        .expect("fits");
    let gradient = relu_grad(&mut graph, relu, up);
    let attributes = ConvAttributes {
        padding: [1; 4],
        ..ConvAttributes::default()
    };
    let op = ops::Conv2dGradFilter {
        attributes,
        kernel: [3, 3],
    };
    let dw = graph.add(op.into(), &[x, gradient]).expect("fits");
    check(&graph, &[pooled, dw]);
}

#[test]
fn a_gradient_goes_into_another_convolution() {
    for (kernel, attributes) in [
        (
            [3, 3],
            ConvAttributes {
                padding: [1; 4],
                ..ConvAttributes::default()
            },
        ),
        ([1, 1], ConvAttributes::default()),
        (
            [2, 2],
            ConvAttributes {
                dilation: [2; 2],
                padding: [1; 4],
                ..ConvAttributes::default()
            },
        ),
        (
            [5, 3],
            ConvAttributes {
                padding: [2, 2, 1, 1],
                ..ConvAttributes::default()
            },
        ),
    ] {
        let mut graph = Graph::new();
        let [relu, x, _, dy] = block(&mut graph);
        let pooled = graph.max_pool2d(relu, Window::square(2)).expect("fits");
        let window = Window::square(2);
        let up = graph
            .add(ops::MaxPool2dGrad { window }.into(), &[relu, dy])
            .expect("fits");
        let gradient = relu_grad(&mut graph, relu, up);
        let op = ops::Conv2dGradFilter { attributes, kernel };
        let dw = graph.add(op.into(), &[x, gradient]).expect("fits");
        check(&graph, &[pooled, dw]);
    }
}

/// Embedded ids, a convolution along them and ReLU, as sequences.
fn sequences(graph: &mut Graph) -> [NodeId; 4] {
    let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
    let x = graph.input("x", Shape(vec![batch, 1.into(), time, 4.into()]));
    let w = graph.parameter("w", &[1, 3, 4, 8]);
    let attributes = along();
    let conv = graph.conv2d(x, w, attributes).expect("fits");
    let relu = graph.relu(conv).expect("fits");
    let y = graph
        .reshape(relu, Shape(vec![batch, time, 8.into()]))
        .expect("fits");
    [y, x, relu, w]
}

fn along() -> ConvAttributes {
    ConvAttributes {
        padding: [0, 0, 1, 1],
        ..ConvAttributes::default()
    }
}

#[test]
fn another_mask_has_the_gradient() {
    let mut graph = Graph::new();
    let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
    let [y, x, relu, _] = sequences(&mut graph);
    let [ids, mask] = ["ids", "mask"].map(|name| graph.input(name, Shape(vec![batch, time])));
    let zero = graph.constant(0.0);
    let other = graph.compare(CompareKind::Equal, ids, zero).expect("fits");
    let pooled = graph
        .add(ops::MaxOverTime {}.into(), &[y, mask])
        .expect("fits");
    let dy = graph.input("dy", Shape::batch_of(&[8]));
    let up = graph
        .add(ops::MaxOverTimeGrad {}.into(), &[y, dy, other])
        .expect("fits");
    let up = graph.reshape(up, graph.shape(relu).clone()).expect("fits");
    let gradient = relu_grad(&mut graph, relu, up);
    let op = ops::Conv2dGradFilter {
        attributes: along(),
        kernel: [1, 3],
    };
    let dw = graph.add(op.into(), &[x, gradient]).expect("fits");
    check(&graph, &[pooled, dw]);
}

/// Attention over slices of one product, and its three gradients put together again.
fn attention(graph: &mut Graph, [batch, time]: [Dim; 2], rows: [Dim; 2]) -> (Vec<NodeId>, NodeId) {
    let all = graph.input("all", Shape(vec![batch, time, 12.into()]));
    let heads = |graph: &mut Graph, first: usize| {
        let part = graph.slice(all, 2, first, 4).expect("fits");
        let shape = Shape(vec![batch, time, 2.into(), 2.into()]);
        graph.reshape(part, shape).expect("fits")
    };
    let qkv = [0, 4, 8].map(|first| heads(graph, first));
    let y = graph.attention(qkv, None, true).expect("fits");
    let dy = graph.input("dy", graph.shape(y).clone());
    let (causal, scale) = (true, 1.0 / 2f32.sqrt());
    let operands = [qkv[0], qkv[1], qkv[2], dy];
    let gradients = [
        ops::AttentionGradQuery { causal, scale }.into(),
        ops::AttentionGradKey { causal, scale }.into(),
        ops::AttentionGradValue { causal, scale }.into(),
    ]
    .map(|op: Op| graph.add(op, &operands).expect("fits"));
    let mut pads = Vec::new();
    for (index, gradient) in gradients.into_iter().enumerate() {
        let flat = graph
            .reshape(gradient, Shape(vec![rows[0], rows[1], 4.into()]))
            .expect("fits");
        let (before, after) = ([0, 0, 4 * index], [0, 0, 8 - 4 * index]);
        pads.push(graph.pad(flat, &before, &after, 0.0).expect("fits"));
    }
    let sum = graph.add_values(pads[0], pads[1]).expect("fits");
    let total = graph.add_values(sum, pads[2]).expect("fits");
    (pads, total)
}

#[test]
fn parts_of_a_gradient_are_asked_for() {
    let steps = [Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time)];
    for asked in 0..3 {
        let mut graph = Graph::new();
        let (pads, total) = attention(&mut graph, steps, steps);
        check(&graph, &[total, pads[asked]]);
    }
}

#[test]
fn parts_of_a_gradient_are_put_together_as_if_steps_were_samples() {
    let (batch, time) = (Dim::Size(BATCH), Dim::Size(TIME));
    let mut graph = Graph::new();
    let (_, total) = attention(&mut graph, [batch, time], [time, batch]);
    check(&graph, &[total]);
}

fn tiny() -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
    let x = graph.input("x", Shape(vec![batch, time, 4.into()]));
    graph.set_layer("sum");
    let y = graph.reduce(ReduceKind::Sum, x, &[1], false).expect("fits");
    (graph, y)
}

/// Batches and sequences that no memory holds are refused before anything is allocated.
#[test]
fn absurd_sizes_are_refused() {
    let (graph, y) = tiny();
    let function = function(&graph, &[y]);
    let huge = [1 << 20, 1 << 34, 1 << 40, 1 << 61, usize::MAX];
    for (batch, time) in huge.into_iter().flat_map(|a| huge.map(|b| (a, b))) {
        function
            .plan_for(batch, time, Level::Scalar)
            .expect_err("absurd");
        function.least_memory(batch, time).expect_err("absurd");
    }
    let error = function
        .plan_for(0, 3, Level::Scalar)
        .expect_err("no samples");
    assert!(matches!(error, Error::Empty { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "input: [0, 3, 4] holds no values: give at least one sample and one step"
    );
    let error = function
        .plan_for(3, 0, Level::Scalar)
        .expect_err("no steps");
    assert!(matches!(error, Error::Empty { .. }), "{error}");
}

#[test]
fn a_plan_keeps_its_limit() {
    let (graph, y) = tiny();
    let function = function(&graph, &[y]);
    let needed = function
        .plan_for(8, 1000, Level::Scalar)
        .expect("plans")
        .memory(1);
    let least = function.least_memory(8, 1000).expect("fits");
    assert_eq!(least, (8 * 1000 * 4 + 8 * 4) * size_of::<f32>());
    assert!(least <= needed);
    function
        .clone()
        .within(needed)
        .plan_for(8, 1000, Level::Scalar)
        .expect("just fits");
    for limit in [needed - 1, least - 1, 0] {
        let error = function
            .clone()
            .within(limit)
            .plan_for(8, 1000, Level::Scalar);
        let error = error.expect_err("does not fit");
        assert!(
            matches!(error, Error::TooLarge { limit: own } if own == limit),
            "{error}"
        );
    }
}

/// Tables of positions are counted, and made when they are first needed.
#[test]
fn planning_allocates_no_tables() {
    let mut graph = Graph::new();
    let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
    let x = graph.input("x", Shape(vec![batch, time, 2.into(), 4.into()]));
    let turned = graph.rotary_embedding(x, 10_000.0).expect("fits");
    let flat = graph
        .reshape(turned, Shape(vec![batch, time, 8.into()]))
        .expect("fits");
    let y = graph
        .add(ops::AddSinusoids { base: 10_000.0 }.into(), &[flat])
        .expect("fits");
    let function = function(&graph, &[y]);
    // 32 GiB for one tensor: no machine that runs this has so much for tables.
    let plan = function.plan_for(1, 1 << 30, Level::Scalar).expect("plans");
    assert!(plan.memory(1) >= 3 * (8 << 30) * size_of::<f32>());
    check(&graph, &[y]);
}

/// The scores' gradients of each sample are kept until they are summed.
#[test]
fn gradients_of_many_tags_are_counted() {
    let mut graph = Graph::new();
    let steps = |graph: &mut Graph, name: &str| graph.input(name, Shape::batch_of(&[1]));
    let tags = 1 << 16;
    let emissions = graph.input("emissions", Shape::batch_of(&[1, tags]));
    let scores = graph.parameter("scores", &[tags + 2, tags]);
    let [path, mask] = ["ids", "mask"].map(|name| steps(&mut graph, name));
    let losses = graph.input("losses", Shape::batch_of(&[]));
    let inputs = [emissions, path, scores, mask, losses];
    let gradient = graph
        .add(ops::CrfScoresGrad {}.into(), &inputs)
        .expect("fits");
    let function = function(&graph, &[gradient]);
    let error = function
        .plan(1 << 17, Level::Scalar)
        .expect_err("too large");
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}
