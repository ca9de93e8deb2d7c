//! Operators and their gradients against PyTorch (`scripts/golden/graph_ops.py`); the operators are read from their
//! JSON form, which this pins too.

use std::collections::HashMap;

use jingwei_graph::{Graph, NodeId, Op, RunContext, Shape, gradients, ops, reference};
use serde_json::Value;

struct Packed {
    shape: Vec<usize>,
    data: Vec<f32>,
}

fn unpack(value: &Value) -> Packed {
    let shape = value["shape"].as_array().expect("a shape");
    let data = value["data"].as_array().expect("data");
    Packed {
        shape: shape
            .iter()
            .map(|size| size.as_u64().expect("a size") as usize)
            .collect(),
        data: data
            .iter()
            .map(|value| value.as_f64().expect("a number") as f32)
            .collect(),
    }
}

fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let fits = (found - expected).abs() <= 2e-6 + 5e-6 * expected.abs();
        assert!(
            fits,
            "{what}: value {place} is {found}, PyTorch has {expected}"
        );
    }
}

/// From `scripts/golden/text_ops.py`.
#[test]
fn operators_for_texts_agree_with_pytorch() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../golden/text.json")).expect("JSON");
    assert!(cases.len() > 10);
    cases.iter().for_each(check);
}

#[test]
fn operators_agree_with_pytorch() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../golden/operators.json")).expect("JSON");
    assert!(cases.len() > 60);
    for case in &cases {
        check(case);
    }
}

/// Of PyTorch and of Keras (`scripts/golden/recurrent.py`).
#[test]
fn recurrent_layers_agree_with_pytorch_and_keras() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../golden/recurrent.json")).expect("JSON");
    assert_eq!(cases.len(), 32);
    for case in &cases {
        check(case);
    }
}

fn check(case: &Value) {
    let name = case["name"].as_str().expect("a name");
    let op: Op = serde_json::from_value(case["op"].clone())
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut graph = Graph::new();
    let mut values = HashMap::new();
    let mut inputs: Vec<NodeId> = Vec::new();
    for (i, input) in case["inputs"]
        .as_array()
        .expect("inputs")
        .iter()
        .enumerate()
    {
        let input = unpack(input);
        inputs.push(graph.parameter(format!("p{i}"), &input.shape));
        values.insert(format!("p{i}"), input.data);
    }
    let y = graph
        .add(op, &inputs)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let (output, upstream) = (unpack(&case["output"]), unpack(&case["upstream"]));
    assert_eq!(graph.shape(y), &Shape::fixed(&output.shape), "{name}");
    let found = reference::evaluate(&graph, &[y], &values, RunContext::default()).expect("bound");
    assert_close(name, &found[0], &output.data);

    let weight = graph.input("upstream", Shape::fixed(&upstream.shape));
    values.insert("upstream".to_owned(), upstream.data);
    let weighted = graph.multiply(y, weight).expect("one shape");
    let loss = graph.sum_all(weighted).expect("any shape");
    for (i, expected) in case["gradients"]
        .as_array()
        .expect("gradients")
        .iter()
        .enumerate()
    {
        if expected.is_null() {
            continue;
        }
        let gradient = gradients(&mut graph, loss, &inputs[i..=i])
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let found =
            reference::evaluate(&graph, &gradient, &values, RunContext::default()).expect("bound");
        assert_close(
            &format!("{name}, gradient of input {i}"),
            &found[0],
            &unpack(expected).data,
        );
    }
}

#[test]
fn dropout_keeps_what_philox_says() {
    let golden: Value = serde_json::from_str(include_str!("../golden/dropout.json")).expect("JSON");
    let number = |name: &str| golden[name].as_u64().expect("a whole number");
    let rate = golden["rate"].as_f64().expect("a number") as f32;
    let kept = golden["kept"].as_str().expect("flags");
    let mut graph = Graph::new();
    let x = graph.parameter("x", &[kept.len()]);
    let y = graph
        .add(
            ops::Dropout {
                rate,
                stream: number("stream"),
            }
            .into(),
            &[x],
        )
        .expect("fits");
    let values = HashMap::from([("x".to_owned(), vec![1.0; kept.len()])]);
    let context = RunContext {
        seed: number("seed"),
        step: number("step"),
    };
    let found = reference::evaluate(&graph, &[y], &values, context).expect("bound");
    let factor = 1.0 / (1.0 - rate);
    let expected: Vec<f32> = kept
        .chars()
        .map(|kept| if kept == '1' { factor } else { 0.0 })
        .collect();
    assert_eq!(found[0], expected);
}
