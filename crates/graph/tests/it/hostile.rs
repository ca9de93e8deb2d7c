//! Graphs from outside: validating never panics, and what passes can be run.

use jingwei_graph::ops::{self, BinaryKind, ConvAttributes, ReduceKind, Window};
use jingwei_graph::{Graph, Shape, Symbol, gradients, passes};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Reads a graph; the message of what is wrong with it, if anything is.
fn load(nodes: Value) -> Result<Graph, String> {
    let graph: Graph =
        serde_json::from_value(json!({ "nodes": nodes })).map_err(|error| error.to_string())?;
    graph.validate().map_err(|error| error.to_string())?;
    Ok(graph)
}

fn leaf(name: &str, shape: &[u64]) -> Value {
    json!({ "op": { "input": { "name": name } }, "inputs": [], "shape": shape })
}

fn node(op: Value, inputs: &[u32], shape: &[u64]) -> Value {
    json!({ "op": op, "inputs": inputs, "shape": shape })
}

const HUGE: u64 = u64::MAX;

#[test]
fn broken_structure_is_refused_with_its_place() {
    let relu = json!({ "unary": { "kind": "relu" } });
    for (nodes, expected) in [
        (
            json!([node(relu.clone(), &[0], &[2])]),
            "broken graph: node 0: uses node 0, which does not come before it",
        ),
        (
            json!([leaf("x", &[2]), node(relu.clone(), &[4_000_000_000], &[2])]),
            "broken graph: node 1: uses node 4000000000, which does not come before it",
        ),
        (
            json!([leaf("x", &[2]), node(relu.clone(), &[0], &[3])]),
            "broken graph: node 1: unary gives [2], but [3] is stated",
        ),
        (
            json!([leaf("x", &[2]), node(relu.clone(), &[], &[2])]),
            "broken graph: node 1: unary: unary expects 1 input, found 0",
        ),
        (
            json!([leaf("x", &[2]), leaf("x", &[2])]),
            "broken graph: node 1: the name `x` is taken by an earlier node",
        ),
        (
            json!([
                leaf("x", &[2]),
                node(json!({ "parameter": { "name": "w" } }), &[0], &[2])
            ]),
            "broken graph: node 1: parameter takes no inputs",
        ),
        (
            json!([node(json!({ "constant": { "value": 1.0 } }), &[], &[2])]),
            "broken graph: node 0: constant is one number, but has [2]",
        ),
        (
            json!([{ "op": { "state": { "name": "s" } }, "inputs": [], "shape": ["batch"] }]),
            "broken graph: node 0: state needs known sizes, but has [batch]",
        ),
        (
            json!([leaf("x", &[1; 17])]),
            "broken graph: node 0: has 17 dimensions, but 16 are the most",
        ),
        (
            json!([leaf("x", &[HUGE, 2])]),
            "broken graph: node 0: has more values than memory can hold: [18446744073709551615, 2]",
        ),
        (
            json!([leaf("x", &[0, HUGE, HUGE])]),
            "broken graph: node 0: has more values than memory can hold: [0, 18446744073709551615, 18446744073709551615]",
        ),
    ] {
        assert_eq!(load(nodes).expect_err("broken"), expected);
    }
}

#[test]
fn unknown_operators_and_fields_are_refused() {
    for op in [
        json!({ "launch": {} }),
        json!({ "softmax": { "axis": 1 } }),
        json!({ "dropout": { "rate": 0.5, "stream": -1 } }),
        json!({ "conv2d": { "attributes": { "stride": [1], "padding": [0, 0, 0, 0], "dilation": [1, 1], "groups": 1 } } }),
    ] {
        assert!(load(json!([leaf("x", &[1, 2]), node(op, &[0], &[1, 2])])).is_err());
    }
}

/// Attributes that would overflow, divide by zero or index out of range if they were trusted.
fn attacks() -> Vec<(Value, Vec<Vec<u64>>)> {
    let image = || vec![vec![1, 4, 4, 2]];
    let filtered = || vec![vec![1, 4, 4, 2], vec![2, 2, 2, 2]];
    let mut attacks = Vec::new();
    for bad in [0, HUGE, HUGE / 2, 1 << 63] {
        for window in [
            json!({ "size": [bad, 2], "stride": [1, 1], "padding": [0, 0, 0, 0] }),
            json!({ "size": [2, 2], "stride": [1, bad], "padding": [0, 0, 0, 0] }),
            json!({ "size": [HUGE, 2], "stride": [1, 1], "padding": [bad, bad, 0, 0] }),
        ] {
            attacks.push((json!({ "max_pool2d": { "window": window } }), image()));
            attacks.push((
                json!({ "max_pool2d_grad": { "window": window } }),
                [image(), image()].concat(),
            ));
            attacks.push((
                json!({ "avg_pool2d": { "window": window, "include_padding": true } }),
                image(),
            ));
            let grad =
                json!({ "window": window, "include_padding": false, "height": bad, "width": bad });
            attacks.push((json!({ "avg_pool2d_grad": grad }), image()));
        }
        for attributes in [
            json!({ "stride": [bad, 1], "padding": [0, 0, 0, 0], "dilation": [1, 1], "groups": 1 }),
            json!({ "stride": [1, 1], "padding": [bad, bad, 0, 0], "dilation": [1, 1], "groups": 1 }),
            json!({ "stride": [1, 1], "padding": [0, 0, 0, 0], "dilation": [1, bad], "groups": 1 }),
            json!({ "stride": [1, 1], "padding": [0, 0, 0, 0], "dilation": [1, 1], "groups": bad }),
        ] {
            attacks.push((
                json!({ "conv2d": { "attributes": attributes } }),
                filtered(),
            ));
            let input = json!({ "attributes": attributes, "shape": [bad, bad, bad, bad] });
            attacks.push((
                json!({ "conv2d_grad_input": input }),
                [filtered().remove(1), image().remove(0)].into(),
            ));
            let filter = json!({ "attributes": attributes, "kernel": [bad, bad] });
            attacks.push((
                json!({ "conv2d_grad_filter": filter }),
                [image(), image()].concat(),
            ));
        }
        attacks.push((
            json!({ "slice": { "axis": bad, "start": 0, "len": 1 } }),
            image(),
        ));
        attacks.push((
            json!({ "slice": { "axis": 0, "start": bad, "len": bad } }),
            image(),
        ));
        attacks.push((
            json!({ "concat": { "axis": bad } }),
            [image(), image()].concat(),
        ));
        attacks.push((
            json!({ "pad": { "before": [bad, 0, 0, 0], "after": [bad, 0, 0, 0], "value": 0.0 } }),
            image(),
        ));
        attacks.push((
            json!({ "transpose": { "permutation": [0, 1, 2, bad] } }),
            image(),
        ));
        attacks.push((
            json!({ "reduce": { "kind": "max", "axes": [bad], "keep": false } }),
            image(),
        ));
        attacks.push((
            json!({ "gather_grad": { "rows": bad } }),
            vec![vec![1, 4], vec![1, 4, 9]],
        ));
        attacks.push((json!({ "reshape": { "shape": [bad, bad] } }), image()));
        attacks.push((
            json!({ "broadcast_to": { "shape": [bad, 4, 4, 2], "average": true } }),
            image(),
        ));
    }
    for bad in [-1.0, 1.0, 1e30] {
        attacks.push((json!({ "dropout": { "rate": bad, "stream": 0 } }), image()));
        attacks.push((
            json!({ "unary": { "kind": { "leaky_relu": bad } } }),
            image(),
        ));
        attacks.push((
            json!({ "sparse_cross_entropy": { "label_smoothing": bad } }),
            vec![vec![2, 3], vec![2]],
        ));
        attacks.push((
            json!({ "soft_cross_entropy": { "label_smoothing": bad } }),
            vec![vec![2, 3], vec![2, 3]],
        ));
    }
    attacks.push((
        json!({ "layer_norm": { "epsilon": -1.0 } }),
        vec![vec![2, 3], vec![3], vec![3]],
    ));
    for op in ["softmax", "log_softmax", "batch_statistics"] {
        attacks.push((json!({ op: {} }), vec![vec![]]));
    }
    attacks.push((json!({ "batch_statistics": {} }), vec![vec![2, 0]]));
    attacks.push((json!({ "concat": { "axis": 0 } }), vec![]));
    attacks
}

#[test]
fn attributes_are_not_trusted() {
    for (op, inputs) in attacks() {
        let mut nodes: Vec<Value> = inputs
            .iter()
            .enumerate()
            .map(|(i, shape)| leaf(&format!("x{i}"), shape))
            .collect();
        let ids: Vec<u32> = (0..inputs.len() as u32).collect();
        nodes.push(node(op.clone(), &ids, &[1]));
        load(Value::Array(nodes)).expect_err(&op.to_string());
    }
}

/// A small network with most kinds of operators, its gradient included.
fn sample() -> jingwei_graph::Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[6, 6, 2]));
    let labels = graph.input("labels", Shape::batch_of(&[]));
    let w = graph.parameter("w", &[3, 3, 2, 4]);
    let [gamma, beta] = ["gamma", "beta"].map(|name| graph.parameter(name, &[4]));
    let dense = graph.parameter("dense", &[16, 3]);
    graph.set_layer("block");
    let y = graph.conv2d(
        x,
        w,
        ConvAttributes {
            padding: [1; 4],
            ..Default::default()
        },
    )?;
    let (y, _) = graph.batch_norm_training(y, gamma, beta, 1e-3)?;
    let y = graph.relu(y)?;
    let y = graph.max_pool2d(y, Window::square(3))?;
    let y = graph.flatten(y)?;
    let y = graph.dropout(y, 0.5, 1)?;
    let half = graph.constant(0.5);
    let y = graph.binary(BinaryKind::Mul, y, half)?;
    let y = graph.matmul(y, dense)?;
    let losses = graph.sparse_cross_entropy(y, labels, 0.1)?;
    let loss = graph.reduce(ReduceKind::Mean, losses, &[0], false)?;
    gradients(&mut graph, loss, &[w, gamma, beta, dense])?;
    Ok(graph)
}

#[test]
fn a_graph_survives_its_file() {
    let graph = sample().expect("fits");
    let text = serde_json::to_string(&graph).expect("finite numbers");
    let back: Graph = serde_json::from_str(&text).expect("its own form");
    back.validate().expect("valid");
    assert_eq!(serde_json::to_string(&back).expect("finite numbers"), text);
    assert_eq!(back.nodes(), graph.nodes());
    passes::bind(&back, &[(Symbol::Batch, 2)]).expect("fits");
}

#[test]
fn sizes_and_numbers_read_well_in_a_file() {
    let mut graph = Graph::new();
    graph.input("x", Shape::batch_of(&[28, 28, 1]));
    graph.constant(f32::NEG_INFINITY);
    graph.constant(0.1);
    assert_eq!(
        serde_json::to_string(&graph).expect("JSON"),
        r#"{"nodes":[{"op":{"input":{"name":"x"}},"inputs":[],"shape":["batch",28,28,1]},{"op":{"constant":{"value":"-inf"}},"inputs":[],"shape":[]},{"op":{"constant":{"value":0.1}},"inputs":[],"shape":[]}]}"#
    );
    let back: Graph =
        serde_json::from_value(serde_json::to_value(&graph).expect("JSON")).expect("its own form");
    assert_eq!(back, graph);
    for (shape, expected) in [
        (
            json!([-1]),
            "invalid value: integer `-1`, expected a size, \"batch\" or \"time\"",
        ),
        (
            json!(["width"]),
            "invalid value: string \"width\", expected a size, \"batch\" or \"time\"",
        ),
        (
            json!([1.5]),
            "invalid type: floating point `1.5`, expected a size, \"batch\" or \"time\"",
        ),
    ] {
        assert_eq!(
            serde_json::from_value::<Shape>(shape)
                .expect_err("no size")
                .to_string(),
            expected
        );
    }
    let word = json!({ "constant": { "value": "ten" } });
    assert_eq!(
        serde_json::from_value::<ops::Constant>(word["constant"].clone())
            .expect_err("no number")
            .to_string(),
        "invalid value: string \"ten\", expected a number, \"inf\", \"-inf\" or \"NaN\""
    );
}

/// The places of all numbers in a JSON value.
fn numbers(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Number(_) => vec![value],
        Value::Array(values) => values.iter_mut().flat_map(numbers).collect(),
        Value::Object(map) => map.values_mut().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Numbers replaced at random in a true file: loading, binding and simplifying may refuse, but not panic.
    #[test]
    fn no_number_in_a_file_makes_loading_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), number()), 1..4),
        batch in prop_oneof![Just(0usize), 1..4usize, Just(usize::MAX)],
    ) {
        let mut value = serde_json::to_value(sample().expect("fits")).expect("finite numbers");
        for (place, number) in changes {
            let mut places = numbers(&mut value);
            **place.get_mut(&mut places) = number;
        }
        let Ok(graph) = serde_json::from_value::<Graph>(value) else { return Ok(()) };
        if graph.validate().is_ok() {
            let wanted: Vec<_> = graph.ids().collect();
            let (simple, _) = passes::simplify(&graph, &wanted);
            prop_assert!(simple.validate().is_ok());
            let _ = passes::bind(&graph, &[(Symbol::Batch, batch)]);
        }
    }

    /// Any operator on any shapes: a shape or an error.
    #[test]
    fn no_operator_panics_on_any_shapes(
        op in operator(),
        shapes in prop::collection::vec(prop::collection::vec(size(), 0..6), 0..5),
    ) {
        let mut graph = Graph::new();
        let ids: Vec<_> = shapes.iter().enumerate()
            .map(|(i, shape)| graph.input(format!("x{i}"), Shape::fixed(shape)))
            .collect();
        let _ = graph.add(op, &ids);
    }
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0u64..8).prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        Just(Value::from(u64::MAX / 2)),
        Just(Value::from(1u64 << 62)),
        Just(Value::from(u32::MAX)),
        Just(Value::from(-1)),
        Just(json!(1e30)),
    ]
}

fn size() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![4 => 0usize..5, 1 => Just(usize::MAX), 1 => Just(usize::MAX / 2), 1 => Just(1usize << 62)]
}

fn operator() -> impl Strategy<Value = jingwei_graph::Op> {
    let window = (
        [size(), size()],
        [size(), size()],
        [size(), size(), size(), size()],
    )
        .prop_map(|(size, stride, padding)| Window {
            size,
            stride,
            padding,
        });
    let attributes = (
        [size(), size()],
        [size(), size(), size(), size()],
        [size(), size()],
        size(),
    )
        .prop_map(|(stride, padding, dilation, groups)| ConvAttributes {
            stride,
            padding,
            dilation,
            groups,
        });
    let shape = || prop::collection::vec(size(), 0..6).prop_map(|sizes| Shape::fixed(&sizes));
    prop_oneof![
        window
            .clone()
            .prop_map(|window| ops::MaxPool2d { window }.into()),
        window
            .clone()
            .prop_map(|window| ops::MaxPool2dGrad { window }.into()),
        (window, size(), size()).prop_map(|(window, height, width)| {
            ops::AvgPool2dGrad {
                window,
                include_padding: true,
                height,
                width,
            }
            .into()
        }),
        attributes
            .clone()
            .prop_map(|attributes| ops::Conv2d { attributes }.into()),
        (attributes.clone(), shape()).prop_map(|(attributes, shape)| ops::Conv2dGradInput {
            attributes,
            shape
        }
        .into()),
        (attributes, [size(), size()]).prop_map(|(attributes, kernel)| ops::Conv2dGradFilter {
            attributes,
            kernel
        }
        .into()),
        (size(), size(), size())
            .prop_map(|(axis, start, len)| ops::Slice { axis, start, len }.into()),
        size().prop_map(|axis| ops::Concat { axis }.into()),
        size().prop_map(|rows| ops::GatherGrad { rows }.into()),
        prop::collection::vec(size(), 0..5)
            .prop_map(|permutation| ops::Transpose { permutation }.into()),
        (
            prop::collection::vec(size(), 0..5),
            prop::collection::vec(size(), 0..5)
        )
            .prop_map(|(before, after)| ops::Pad {
                before,
                after,
                value: 0.0
            }
            .into()),
        (prop::collection::vec(size(), 0..4), any::<bool>()).prop_map(|(axes, keep)| ops::Reduce {
            kind: ReduceKind::Mean,
            axes,
            keep
        }
        .into()),
        shape().prop_map(|shape| ops::Reshape { shape }.into()),
        shape().prop_map(|shape| ops::BroadcastTo {
            shape,
            average: true
        }
        .into()),
        Just(ops::Gather {}.into()),
        Just(ops::BatchStatistics {}.into()),
        Just(ops::LayerNormGradParameters { epsilon: 0.1 }.into()),
        Just(
            ops::BatchNormGradInput {
                epsilon: 0.1,
                batch_statistics: true
            }
            .into()
        ),
        Just(
            ops::SparseCrossEntropyGrad {
                label_smoothing: 0.0
            }
            .into()
        ),
        Just(
            ops::SoftCrossEntropyGrad {
                label_smoothing: 0.0
            }
            .into()
        ),
        Just(ops::MatMul::default().into()),
        Just(ops::Where {}.into()),
        (size(), size()).prop_map(|(n, buckets)| ops::NgramHash { n, buckets }.into()),
        (size(), size()).prop_map(|(from, to)| ops::SelectIds { from, to }.into()),
        Just(ops::MaxOverTimeGrad {}.into()),
    ]
}
