//! What a graph may state: sizes and attributes that would overflow further on are refused, wherever they come from.

use jingwei_graph::limits::{MOST_NGRAM, MOST_STEPS, MOST_VALUES};
use jingwei_graph::ops::{self, ConvAttributes, Window};
use jingwei_graph::{Dim, Error, Graph, NodeId, Op, Shape, Symbol, passes};
use serde_json::{Value, json};

/// Operators with the shapes of their operands that each pass for a sound one, sizes apart: the result that their rules
/// give is small.
fn attacks() -> Vec<(Value, Vec<Value>, Value)> {
    let conv = |stride: u64, padding: [u64; 4], dilation: u64| {
        let attributes = json!({
            "stride": [stride, stride], "padding": padding, "dilation": [dilation, dilation], "groups": 1
        });
        json!({ "conv2d": { "attributes": attributes } })
    };
    let image = json!(["batch", 8, 8, 16]);
    let two = || vec![image.clone(), json!([2, 2, 16, 4])];
    let three = || vec![image.clone(), json!([3, 3, 16, 4])];
    let one = || json!(["batch", 1, 1, 4]);
    let window = |stride: u64, size: u64, padding: u64| {
        let padding = [padding, 0, 0, 0];
        json!({ "size": [size, 2], "stride": [stride, 1], "padding": padding })
    };
    let mut attacks = Vec::new();
    for power in [17, 32, 40, 60, 62] {
        let far = 1u64 << power;
        // The filter reaches from before the padding into the image.
        attacks.push((conv(1, [far - 7, 0, far - 7, 0], far), two(), one()));
        attacks.push((conv(far, [0; 4], 1), three(), one()));
        attacks.push((
            conv(far, [far; 4], 1),
            vec![image.clone(), json!([1, 1, 16, 4])],
            json!(["batch", 3, 3, 4]),
        ));
        attacks.push((
            json!({ "max_pool2d": { "window": window(far, 2, 0) } }),
            vec![image.clone()],
            json!(["batch", 1, 7, 16]),
        ));
        attacks.push((
            json!({ "avg_pool2d": { "window": window(1, far, far - 8), "include_padding": true } }),
            vec![image.clone()],
            json!(["batch", 1, 7, 16]),
        ));
    }
    attacks.push((
        json!({ "ngram_hash": { "n": MOST_NGRAM + 1, "buckets": 8 } }),
        vec![json!(["batch", 4])],
        json!(["batch", 4]),
    ));
    attacks.push((
        json!({ "rotary_embedding": { "base": 10.0, "inverse": false } }),
        vec![json!(["batch", 3, 0, 2])],
        json!(["batch", 3, 0, 2]),
    ));
    // A filter of too many rows, and one at too many places.
    attacks.push((
        conv(1, [0; 4], 1),
        vec![json!([1, 1 << 25, 2, 1]), json!([1 << 25, 1, 1, 1])],
        json!([1, 1, 2, 1]),
    ));
    attacks.push((
        conv(1, [0; 4], 1),
        vec![json!([1, 1 << 15, 1 << 14, 1]), json!([1, 1, 1, 1])],
        json!([1, 1 << 15, 1 << 14, 1]),
    ));
    // Padding in bounds, around an image whose rows are then longer than any tensor.
    let side = MOST_STEPS as u64;
    attacks.push((
        conv(side, [side; 4], 1),
        vec![json!([1, 1, 1, 1 << 30]), json!([1, 1, 1 << 30, 1])],
        json!([1, 3, 3, 1]),
    ));
    attacks
}

fn graph(op: &Value, operands: &[Value], result: &Value) -> Value {
    let mut nodes: Vec<Value> = (operands.iter().enumerate())
        .map(|(i, shape)| json!({ "op": { "input": { "name": format!("x{i}") } }, "inputs": [], "shape": shape }))
        .collect();
    let inputs: Vec<usize> = (0..operands.len()).collect();
    nodes.push(json!({ "op": op, "inputs": inputs, "shape": result }));
    json!({ "nodes": nodes })
}

#[test]
fn extreme_attributes_are_refused_on_loading_and_on_building() {
    for (op, operands, result) in attacks() {
        let file = graph(&op, &operands, &result);
        let loaded: Graph = serde_json::from_value(file).expect("the form of a graph");
        let error = loaded.validate().expect_err(&op.to_string());
        assert!(
            matches!(error, Error::Invalid { node, .. } if node == operands.len()),
            "{op}: {error}"
        );

        let mut built = Graph::new();
        let inputs: Vec<NodeId> = operands
            .iter()
            .map(|shape| serde_json::from_value(shape.clone()).expect("a shape"))
            .map(|shape: Shape| built.input(format!("x{}", built.nodes().len()), shape))
            .collect();
        let node: Op = serde_json::from_value(op.clone()).expect("an operator");
        let error = built.add(node, &inputs).expect_err(&op.to_string());
        assert!(matches!(error, Error::Shape { .. }), "{op}: {error}");
    }
}

#[test]
fn messages_name_the_limit() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[8, 8, 1]));
    let w = graph.parameter("w", &[2, 2, 1, 1]);
    graph.set_layer("far");
    let attributes = ConvAttributes {
        stride: [1 << 40; 2],
        ..ConvAttributes::default()
    };
    assert_eq!(
        graph
            .conv2d(x, w, attributes)
            .expect_err("too far")
            .to_string(),
        "far: conv2d expects strides, dilations and paddings of at most 65536, found 1099511627776"
    );
}

#[test]
fn the_limits_themselves_are_allowed() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[1, 2, 1]));
    let w = graph.parameter("w", &[1, 2, 1, 1]);
    let attributes = ConvAttributes {
        stride: [1, MOST_STEPS],
        padding: [0, 0, MOST_STEPS, 0],
        dilation: [1, MOST_STEPS],
        groups: 1,
    };
    let y = graph.conv2d(x, w, attributes).expect("fits");
    assert_eq!(graph.shape(y).to_string(), "[batch, 1, 1, 1]");
    let window = Window {
        size: [1, 2],
        stride: [1, MOST_STEPS],
        padding: [0; 4],
    };
    graph.max_pool2d(x, window).expect("fits");
    let whole = graph.input("whole", Shape::batch_of(&[MOST_VALUES]));
    graph.relu(whole).expect("fits");
    graph.validate().expect("valid");
}

#[test]
fn numbers_that_kernels_cannot_take_are_refused() {
    let vector = json!(["batch", 4]);
    let heads = json!(["batch", 3, 2, 4]);
    // A file has no infinity, but numbers that are none as an `f32`.
    for (op, operands, result) in [
        (json!({ "constant": { "value": "NaN" } }), vec![], json!([])),
        (
            json!({ "constant": { "value": "-inf" } }),
            vec![],
            json!([]),
        ),
        (json!({ "constant": { "value": 1e300 } }), vec![], json!([])),
        (
            json!({ "pad": { "before": [0, 1], "after": [0, 0], "value": "inf" } }),
            vec![vector.clone()],
            json!(["batch", 5]),
        ),
        (
            json!({ "rms_norm": { "epsilon": 1e300 } }),
            vec![vector.clone(), json!([4])],
            vector.clone(),
        ),
        (
            json!({ "attention": { "causal": false, "scale": -1e300 } }),
            vec![heads.clone(); 3],
            heads.clone(),
        ),
        (
            json!({ "attention": { "causal": false, "scale": 1e5 } }),
            vec![heads.clone(); 3],
            heads.clone(),
        ),
        // Kernels take subnormal numbers for 0.
        (
            json!({ "rms_norm": { "epsilon": 1e-45 } }),
            vec![vector.clone(), json!([4])],
            vector.clone(),
        ),
        (
            json!({ "rotary_embedding": { "base": 1e-45, "inverse": false } }),
            vec![heads.clone()],
            heads.clone(),
        ),
        (
            json!({ "add_sinusoids": { "base": 1e300 } }),
            vec![json!(["batch", 3, 2])],
            json!(["batch", 3, 2]),
        ),
    ] {
        let loaded: Graph =
            serde_json::from_value(graph(&op, &operands, &result)).expect("a graph");
        loaded.validate().expect_err(&op.to_string());
    }
}

/// Neither the batch nor the length of sequences makes a tensor that cannot be counted.
#[test]
fn sizes_of_a_run_are_bounded() {
    let mut graph = Graph::new();
    let (batch, time) = (Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time));
    let x = graph.input("x", Shape(vec![batch, time, 8.into()]));
    graph.set_layer("norm");
    let y = graph.relu(x).expect("fits");
    let huge = [1 << 20, 1 << 32, 1 << 61, usize::MAX];
    for sizes in huge.into_iter().flat_map(|a| huge.map(|b| (a, b))) {
        let bound = [(Symbol::Batch, sizes.0), (Symbol::Time, sizes.1)];
        let error = passes::bind(&graph, &bound).expect_err("too large");
        assert!(matches!(error, Error::Invalid { node: 0, .. }), "{error}");
    }
    let bound = [(Symbol::Batch, 1 << 11), (Symbol::Time, 1 << 20)];
    let bound = passes::bind(&graph, &bound).expect("just fits");
    assert_eq!(bound.shape(y).len(), Some(MOST_VALUES));
    let bound = [(Symbol::Batch, 1 << 11), (Symbol::Time, (1 << 20) + 1)];
    assert_eq!(
        passes::bind(&graph, &bound)
            .expect_err("does not")
            .to_string(),
        "broken graph: node 0: has more values than memory can hold: [2048, 1048577, 8]"
    );
}

#[test]
fn operands_are_bounded_where_they_are_used() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[1 << 20]));
    let w = graph.parameter("w", &[1 << 20, 1 << 21]);
    graph.set_layer("dense");
    assert_eq!(
        graph.matmul(x, w).expect_err("too large").to_string(),
        "dense: matmul expects tensors of at most 16 dimensions and 2^34 values, found [1048576, 2097152]"
    );
    let many = graph.input("many", Shape::fixed(&[1; 16]));
    let ids = graph.input("ids", Shape::fixed(&[1; 16]));
    let table = graph.parameter("table", &[4, 2]);
    graph.relu(many).expect("fits");
    graph
        .add(ops::Gather {}.into(), &[table, ids])
        .expect_err("a dimension too many");
}

#[test]
fn nodes_that_nobody_needs_are_found() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[2]));
    let y = graph.relu(x).expect("fits");
    let z = graph.tanh(x).expect("fits");
    assert_eq!(graph.first_unused(&[y]), Some(z));
    assert_eq!(graph.first_unused(&[y, z]), None);
    assert_eq!(graph.first_unused(&[]), Some(x));
}
