use std::collections::HashMap;
use std::sync::Arc;

use jingwei_engine::{
    AlignedVec, Buffer, Function, Layout, Level, Plan, Precision, RowGradient, RunContext, Runtime,
    Weights, Workspace,
};
use jingwei_graph::ops::{Compare, CompareKind, ConvAttributes, MaxOverTime, Window};
use jingwei_graph::{Graph, NodeId, Shape, Symbol, gradients, passes, reference};

use crate::noise;

/// A network under training: its loss, its logits and every gradient.
struct Case {
    function: Function,
    leaves: HashMap<String, Vec<f32>>,
    batch: usize,
}

impl Case {
    /// Its outputs alone, over parameters that no longer change.
    fn frozen(&self) -> Function {
        let Function {
            graph,
            outputs,
            parameters,
            states,
            ..
        } = self.function.clone();
        Function::new(graph, outputs, parameters, states).frozen()
    }
}

struct Builder {
    graph: Graph,
    parameters: Vec<(String, Vec<usize>)>,
    ids: Vec<NodeId>,
}

impl Builder {
    fn new() -> Self {
        Self {
            graph: Graph::new(),
            parameters: Vec::new(),
            ids: Vec::new(),
        }
    }

    fn parameter(&mut self, name: &str, sizes: &[usize]) -> NodeId {
        let id = self.graph.parameter(name, sizes);
        self.parameters.push((name.to_owned(), sizes.to_vec()));
        self.ids.push(id);
        id
    }

    fn conv(&mut self, name: &str, x: NodeId, sizes: [usize; 4]) -> NodeId {
        let w = self.parameter(&format!("{name}/kernel"), &sizes);
        let b = self.parameter(&format!("{name}/bias"), &[sizes[3]]);
        let y = self.graph.conv2d(x, w, ConvAttributes::default()).unwrap();
        let y = self.graph.add_values(y, b).unwrap();
        self.graph.relu(y).unwrap()
    }

    fn pool(&mut self, x: NodeId) -> NodeId {
        self.graph
            .max_pool2d(
                x,
                Window {
                    size: [2, 2],
                    stride: [2, 2],
                    padding: [0; 4],
                },
            )
            .unwrap()
    }

    fn dense(&mut self, name: &str, x: NodeId, inputs: usize, outputs: usize) -> NodeId {
        let w = self.parameter(&format!("{name}/kernel"), &[inputs, outputs]);
        let b = self.parameter(&format!("{name}/bias"), &[outputs]);
        let y = self.graph.matmul(x, w).unwrap();
        self.graph.add_values(y, b).unwrap()
    }

    fn norm(&mut self, name: &str, x: NodeId, width: usize) -> NodeId {
        let gamma = self.parameter(&format!("{name}/gamma"), &[width]);
        let beta = self.parameter(&format!("{name}/beta"), &[width]);
        self.graph.layer_norm(x, gamma, beta, 1e-3).unwrap()
    }

    fn finish(mut self, logits: NodeId, input: &[usize], classes: usize, batch: usize) -> Case {
        let labels = self.graph.input("labels", Shape::batch_of(&[]));
        let losses = self
            .graph
            .sparse_cross_entropy(logits, labels, 0.0)
            .unwrap();
        let loss = self.graph.mean_all(losses).unwrap();
        let found = gradients(&mut self.graph, loss, &self.ids).unwrap();
        let mut leaves: HashMap<String, Vec<f32>> = HashMap::new();
        for (name, sizes) in &self.parameters {
            let scale = (2.0 / sizes.iter().rev().skip(1).product::<usize>().max(1) as f32).sqrt();
            leaves.insert(
                name.clone(),
                noise(name, sizes.iter().product())
                    .iter()
                    .map(|v| v * scale)
                    .collect(),
            );
        }
        leaves.insert(
            "x".into(),
            noise("x", batch * input.iter().product::<usize>()),
        );
        leaves.insert(
            "labels".into(),
            (0..batch).map(|i| (i % classes) as f32).collect(),
        );
        let names = self.parameters.iter().map(|(name, _)| name.clone());
        let function = Function {
            gradients: names.zip(found).collect(),
            ..Function::new(
                self.graph,
                vec![loss, logits],
                Layout::new(self.parameters),
                Layout::default(),
            )
        };
        Case {
            function,
            leaves,
            batch,
        }
    }
}

fn cnn(side: usize, channels: usize, filters: [usize; 2], batch: usize) -> Case {
    let mut b = Builder::new();
    let input = [side, side, channels];
    let x = b.graph.input("x", Shape::batch_of(&input));
    let y = b.conv("c1", x, [3, 3, channels, filters[0]]);
    let y = b.pool(y);
    let y = b.conv("c2", y, [3, 3, filters[0], filters[1]]);
    let y = b.pool(y);
    let sizes: Vec<usize> = (1..4)
        .map(|axis| b.graph.shape(y).size(axis).unwrap())
        .collect();
    let flat = sizes.iter().product();
    let y = b.graph.reshape(y, Shape::batch_of(&[flat])).unwrap();
    let y = b.dense("d1", y, flat, 32);
    let y = b.graph.relu(y).unwrap();
    let logits = b.dense("d2", y, 32, 10);
    b.finish(logits, &input, 10, batch)
}

fn mlp(batch: usize) -> Case {
    let mut b = Builder::new();
    let x = b.graph.input("x", Shape::batch_of(&[30]));
    let y = b.dense("d1", x, 30, 128);
    let y = b.graph.relu(y).unwrap();
    let y = b.dense("d2", y, 128, 64);
    let y = b
        .graph
        .unary(jingwei_graph::ops::UnaryKind::Gelu, y)
        .unwrap();
    let logits = b.dense("d3", y, 64, 2);
    b.finish(logits, &[30], 2, batch)
}

/// Two blocks of attention and dense layers on sequences of vectors, whose heads are slices of one product.
fn transformer(batch: usize, rotary: bool) -> Case {
    let (time, width, heads, kv_heads, depth) = (20, 24, 4, 2, 6);
    let mut b = Builder::new();
    let mut x = b.graph.input("x", Shape::batch_of(&[time, width]));
    for block in 0..2 {
        let name = |part: &str| format!("{part}{block}");
        let y = b.norm(&name("before"), x, width);
        let columns = (heads + 2 * kv_heads) * depth;
        let all = b.dense(&name("qkv"), y, width, columns);
        let mut start = 0;
        let qkv = [heads, kv_heads, kv_heads].map(|count| {
            let part = b.graph.slice(all, 2, start, count * depth).unwrap();
            start += count * depth;
            let part = b
                .graph
                .reshape(part, Shape::batch_of(&[time, count, depth]));
            match rotary && start <= (heads + kv_heads) * depth {
                true => b.graph.rotary_embedding(part.unwrap(), 100.0).unwrap(),
                false => part.unwrap(),
            }
        });
        let y = b.graph.attention(qkv, None, true).unwrap();
        let y = b.graph.reshape(y, Shape::batch_of(&[time, width])).unwrap();
        let y = b.dense(&name("out"), y, width, width);
        x = b.graph.add_values(x, y).unwrap();
        let y = b.dense(&name("up"), x, width, 40);
        let y = b
            .graph
            .unary(jingwei_graph::ops::UnaryKind::Gelu, y)
            .unwrap();
        let y = b.dense(&name("down"), y, 40, width);
        x = b.graph.add_values(x, y).unwrap();
        x = b.norm(&name("after"), x, width);
    }
    let kind = jingwei_graph::ops::ReduceKind::Mean;
    let x = b.graph.reduce(kind, x, &[1], false).unwrap();
    let logits = b.dense("head", x, width, 5);
    b.finish(logits, &[time, width], 5, batch)
}

fn run(case: &Case, level: Level, threads: usize) -> (Vec<f32>, Vec<f32>, Plan) {
    let runtime = Runtime::new(level, threads).unwrap();
    let plan = case.function.plan(case.batch, level).unwrap();
    let mut workspace = Workspace::for_training(&case.function, &runtime);
    for entry in case.function.parameters.entries() {
        workspace.buffer_mut(Buffer::Parameters)[entry.range()]
            .copy_from_slice(&case.leaves[&entry.name]);
    }
    for (index, name) in plan.input_names().iter().enumerate() {
        workspace
            .input_mut(&plan, index)
            .copy_from_slice(&case.leaves[name]);
    }
    plan.run(&runtime, &mut workspace, RunContext::default());
    let outputs = [workspace.output(&plan, 0), workspace.output(&plan, 1)].concat();
    (outputs, workspace.buffer(Buffer::Gradients).to_vec(), plan)
}

/// The outputs of the frozen function, of two workspaces over the same weights; without gradients, since parameters stay.
fn run_frozen(case: &Case, level: Level) -> [Vec<f32>; 2] {
    let function = case.frozen();
    let mut values = AlignedVec::new(function.parameters.len());
    for entry in function.parameters.entries() {
        values[entry.range()].copy_from_slice(&case.leaves[&entry.name]);
    }
    let states = AlignedVec::new(function.states.len());
    let weights = Weights::new(Arc::new(values), Arc::new(states));
    let runtime = Runtime::new(level, 2).unwrap();
    let plans = [case.batch, 1].map(|batch| function.plan(batch, level).unwrap());
    [(); 2].map(|()| {
        let mut workspace = Workspace::for_inference(&weights, &runtime);
        // The plan for one sample comes between, so that its matrices are put away again.
        for plan in [&plans[0], &plans[1], &plans[0]] {
            for (index, name) in plan.input_names().iter().enumerate() {
                let input = workspace.input_mut(plan, index);
                input.copy_from_slice(&case.leaves[name][..input.len()]);
            }
            plan.run(&runtime, &mut workspace, RunContext::default());
        }
        [0, 1]
            .map(|output| workspace.output(&plans[0], output))
            .concat()
    })
}

fn close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= 2e-4 * scale,
            "{what}[{index}]: {a}, but {b} by the reference"
        );
    }
}

fn check(case: &Case) {
    let bound = passes::bind(&case.function.graph, &[(Symbol::Batch, case.batch)]).unwrap();
    let wanted: Vec<NodeId> = case
        .function
        .outputs
        .iter()
        .chain(case.function.gradients.iter().map(|(_, id)| id))
        .copied()
        .collect();
    let expected =
        reference::evaluate(&bound, &wanted, &case.leaves, RunContext::default()).unwrap();
    for level in Level::available() {
        let (outputs, gradients, _) = run(case, level, 2);
        close(
            &outputs,
            &expected[..2].concat(),
            &format!("{level} outputs"),
        );
        for outputs in run_frozen(case, level) {
            close(
                &outputs,
                &expected[..2].concat(),
                &format!("{level} outputs, frozen"),
            );
        }
        for ((name, _), expected) in case.function.gradients.iter().zip(&expected[2..]) {
            let range = case.function.parameters.entry(name).unwrap().range();
            close(
                &gradients[range],
                expected,
                &format!("{level} gradient of {name}"),
            );
        }
        for threads in [1, 3] {
            let (other_outputs, other_gradients, _) = run(case, level, threads);
            assert!(
                outputs == other_outputs && gradients == other_gradients,
                "{threads} threads give other bits"
            );
        }
    }
}

#[test]
fn dense_network_equals_reference() {
    check(&mlp(32));
    check(&mlp(7));
}

#[test]
#[should_panic(expected = "a plan of a frozen function runs in a workspace for inference only")]
fn frozen_plans_do_not_run_where_parameters_change() {
    let mut case = mlp(32);
    case.function = case.function.frozen();
    run(&case, Level::best(), 1);
}

#[test]
fn convolutional_network_equals_reference() {
    check(&cnn(14, 1, [8, 16], 5));
    check(&cnn(13, 3, [32, 16], 3));
}

#[test]
fn transformer_equals_reference() {
    check(&transformer(3, false));
    check(&transformer(2, true));
}

/// Outputs have the same bits; gradients differ on tiles alone, in their last digits.
#[test]
fn gradients_are_as_exact_as_asked() {
    let mut case = mlp(256);
    for level in Level::available() {
        let [highest, high] = [Precision::Highest, Precision::High].map(|precision| {
            case.function.gradient_precision = precision;
            run(&case, level, 2)
        });
        assert!(highest.0 == high.0, "{level} outputs");
        assert_eq!(highest.1 != high.1, level == Level::Amx, "{level}");
        let distance = |a: &[f32], b: &[f32]| -> f64 {
            let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let zeros = vec![0.0; high.1.len()];
        let relative = distance(&high.1, &highest.1) / distance(&highest.1, &zeros);
        assert!(relative < 2e-5, "{level}: {relative:e}");
    }
}

#[test]
fn heads_are_read_and_written_where_they_lie() {
    let case = transformer(3, false);
    let (.., plan) = run(&case, Level::best(), 1);
    let count = |name: &str| plan.kernels().filter(|(kernel, _)| *kernel == name).count();
    assert_eq!([count("attention"), count("attention_grad")], [2, 2]);
    // Rows of the normalisations' gradients are the only slices; the first has no gradient of its input.
    let others = [
        count("slice"),
        count("pad"),
        count("layer_norm_grad_parameters"),
    ];
    assert_eq!(others, [8, 0, 1]);
}

/// Two normalisations, the second of which a sum reads beside the product.
#[test]
fn products_on_tiles_normalise_their_rows() {
    let mut b = Builder::new();
    let x = b.graph.input("x", Shape::batch_of(&[64]));
    let y = b.norm("first", x, 64);
    let y = b.dense("up", y, 64, 64);
    let y = b.norm("second", y, 64);
    let z = b.dense("down", y, 64, 64);
    let z = b.graph.add_values(y, z).unwrap();
    let logits = b.dense("head", z, 64, 5);
    let case = b.finish(logits, &[64], 5, 100);
    check(&case);
    for level in Level::available() {
        let plan = case.frozen().plan(case.batch, level).unwrap();
        let norms = plan.kernels().filter(|(name, _)| *name == "layer_norm");
        let left = if level == Level::Amx { 1 } else { 2 };
        assert_eq!(norms.count(), left, "{level}");
    }
}

/// How a network for texts differs from Embedding, Conv1D with ReLU, maximum over time.
#[derive(Clone, Copy)]
struct Text {
    padding: [usize; 2],
    masked: bool,
    relu_is_a_layer: bool,
    bias_and_relu: bool,
}

const ROWS: usize = 40;

fn text(options: Text, [time, channels, filters, batch]: [usize; 4]) -> Case {
    let mut b = Builder::new();
    let filter = b.parameter("c/kernel", &[1, 4, channels, filters]);
    let bias = b.parameter("c/bias", &[filters]);
    let table = b.parameter("e/embeddings", &[ROWS, channels]);
    let ids = b.graph.input("x", Shape::batch_of(&[time]));
    let x = b.graph.gather(table, ids).unwrap();
    let zero = b.graph.constant(0.0);
    let kind = CompareKind::NotEqual;
    let mask = b.graph.add(Compare { kind }.into(), &[ids, zero]).unwrap();
    let [left, right] = options.padding;
    let attributes = ConvAttributes {
        padding: [0, 0, left, right],
        ..ConvAttributes::default()
    };
    let x = b
        .graph
        .reshape(x, Shape::batch_of(&[1, time, channels]))
        .unwrap();
    let mut y = b.graph.conv2d(x, filter, attributes).unwrap();
    let places = time + left + right - 3;
    let flat = Shape::batch_of(&[places, filters]);
    if options.bias_and_relu {
        y = b.graph.add_values(y, bias).unwrap();
    }
    if options.relu_is_a_layer {
        y = b.graph.reshape(y, flat.clone()).unwrap();
    }
    if options.bias_and_relu {
        y = b.graph.relu(y).unwrap();
    }
    let y = b.graph.reshape(y, flat).unwrap();
    let mut operands = vec![y];
    if options.masked {
        operands.push(mask);
    }
    let mut y = b.graph.add(MaxOverTime {}.into(), &operands).unwrap();
    if !options.bias_and_relu {
        y = b.graph.add_values(y, bias).unwrap();
    }
    let logits = b.dense("d", y, filters, 3);
    let mut case = b.finish(logits, &[time], 3, batch);
    let mut tokens: Vec<f32> = (0..batch * time)
        .map(|i| (i * i * 7 % ROWS) as f32)
        .collect();
    tokens[..time].fill(0.0);
    case.leaves.insert("x".into(), tokens);
    case
}

#[test]
fn networks_for_texts_equal_the_reference_and_never_write_the_convolution() {
    for (padding, masked) in [([0, 0], false), ([3, 0], true), ([1, 2], true)] {
        for relu_is_a_layer in [false, true] {
            for bias_and_relu in [true, false] {
                let options = Text {
                    padding,
                    masked,
                    relu_is_a_layer,
                    bias_and_relu,
                };
                let case = text(options, [17, 20, 24, 9]);
                check(&case);
                let plan = case.function.plan(9, Level::best()).unwrap();
                let kernels: Vec<_> = plan.kernels().map(|(kernel, _)| kernel).collect();
                for part in ["", " filter gradient", " input gradient"] {
                    let name = format!("conv1d+max_over_time{part}");
                    assert!(kernels.contains(&name.as_str()), "{name} in {kernels:?}");
                }
            }
        }
    }
}

#[test]
fn gradients_by_rows_add_up_to_the_dense_one() {
    let options = Text {
        padding: [0, 0],
        masked: false,
        relu_is_a_layer: false,
        bias_and_relu: true,
    };
    let Case {
        function, leaves, ..
    } = text(options, [17, 20, 24, 5]);
    let bound = passes::bind(&function.graph, &[(Symbol::Batch, 5)]).unwrap();
    let (name, dense) = function.gradients[2].clone();
    assert_eq!(name, "e/embeddings");
    let expected = reference::evaluate(&bound, &[dense], &leaves, RunContext::default())
        .unwrap()
        .remove(0);
    let node = function.graph.node(dense).clone();
    let entry = function.parameters.entry("e/embeddings").unwrap().clone();
    let sparse = Function {
        gradients: function.gradients[..2].to_vec(),
        row_gradients: vec![RowGradient {
            parameter: "e/embeddings".to_owned(),
            indices: node.inputs[0],
            rows: node.inputs[1],
        }],
        gradient_len: entry.offset,
        ..function
    };
    for level in Level::available() {
        let runtime = Runtime::new(level, 2).unwrap();
        let plan = sparse.plan(5, level).unwrap();
        let mut workspace = Workspace::for_training(&sparse, &runtime);
        assert_eq!(workspace.buffer(Buffer::Gradients).len(), entry.offset);
        for entry in sparse.parameters.entries() {
            workspace.buffer_mut(Buffer::Parameters)[entry.range()]
                .copy_from_slice(&leaves[&entry.name]);
        }
        for (index, name) in plan.input_names().iter().enumerate() {
            workspace
                .input_mut(&plan, index)
                .copy_from_slice(&leaves[name]);
        }
        plan.run(&runtime, &mut workspace, RunContext::default());
        let [place] = plan.row_gradients() else {
            panic!("one table");
        };
        assert_eq!((place.parameter.clone(), place.width), (entry.range(), 20));
        let (.., arena) = workspace.update_rows();
        let mut found = vec![0.0; expected.len()];
        let rows = arena[place.rows.clone()].chunks_exact(place.width);
        for (index, row) in arena[place.indices.clone()].iter().zip(rows) {
            let target = &mut found[*index as usize * place.width..][..place.width];
            target
                .iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        }
        close(&found, &expected, &format!("{level} rows"));
    }
}
