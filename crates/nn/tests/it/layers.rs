//! Each layer against Keras.

use jingwei_graph::Graph;
use jingwei_nn::{BatchNorm, Mode, Network};
use serde_json::Value;

use crate::support::{Leaves, assert_close, cases, entry, golden, numbers, run, sizes};

#[test]
fn layers_give_what_keras_gives() {
    check(&cases("layers"));
}

/// Written by `scripts/golden/recurrent_layers.py`.
#[test]
fn recurrent_layers_give_what_keras_gives() {
    let text = include_str!("../golden/recurrent.json");
    check(&serde_json::from_str::<Vec<Value>>(text).expect("the golden file is JSON"));
}

fn check(cases: &[Value]) {
    for case in cases {
        let text = case["recipe"].as_str().expect("a recipe");
        let network = Network::new()
            .with_input(sizes(&case["sizes"]))
            .followed_by(entry(text));
        let mut graph = Graph::new();
        let built = network
            .build(&mut graph, Mode::Inference)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let names = built.parameters.iter().map(|parameter| &parameter.name);
        let names: Vec<_> = names
            .chain(built.states.iter().map(|state| &state.name))
            .cloned()
            .collect();
        let weights: Vec<Vec<f32>> = case["weights"]
            .as_array()
            .expect("a list")
            .iter()
            .map(numbers)
            .collect();
        assert_eq!(names.len(), weights.len(), "{text}: {names:?}");
        let mut leaves: Leaves = names.into_iter().zip(weights).collect();
        leaves.insert("input".to_owned(), numbers(&case["x"]));
        let shape = graph.shape(built.outputs[0]);
        let found: Vec<_> = (1..shape.rank())
            .filter_map(|axis| shape.size(axis))
            .collect();
        assert_eq!(found, sizes(&case["output"]), "{text}");
        let summary = network.summary().expect("a network that fits");
        assert_eq!(
            summary.parameters() as u64,
            case["parameters"].as_u64().expect("a count"),
            "{text}"
        );
        let y = run(&graph, 2, &built.outputs, &leaves);
        assert_close(&y[0], &numbers(&case["y"]), 1e-5, text);
    }
}

#[test]
fn batch_norm_keeps_running_averages_as_keras_does() {
    let case = golden("batch_norm_training");
    let network = Network::new()
        .with_input([2])
        .followed_by(BatchNorm::default());
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Training)
        .expect("a network that fits");
    let mut leaves = crate::support::first_values(&built, 0);
    leaves.insert("input".to_owned(), numbers(&case["x"]));
    let (state, next) = built.updates[0];
    assert_eq!(state, built.states[0].node);
    assert_eq!(built.states[0].initial(), [0.0, 0.0, 1.0, 1.0]);
    let found = run(&graph, 4, &[built.outputs[0], next], &leaves);
    assert_close(&found[0], &numbers(&case["y"]), 1e-5, "normalised");
    assert_close(&found[1], &numbers(&case["statistics"]), 1e-6, "statistics");
}

#[test]
fn dropout_drops_in_training_alone() {
    let network = Network::new()
        .with_input([1000])
        .followed_by(entry("dropout = { rate = 0.25 }"));
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Training)
        .expect("a network that fits");
    let leaves = Leaves::from([("input".to_owned(), vec![3.0; 1000])]);
    let y = &run(&graph, 1, &built.outputs, &leaves)[0];
    let dropped = y.iter().filter(|value| **value == 0.0).count();
    assert!((200..300).contains(&dropped), "{dropped} of 1000 dropped");
    assert!(y.iter().all(|&value| value == 0.0 || value == 4.0));
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Inference)
        .expect("a network that fits");
    assert_eq!(
        built.outputs[0], built.inputs[0].1,
        "at inference nothing is left of it"
    );
}

#[test]
fn layers_that_cannot_work_say_why() {
    let error = |sizes: &[usize], text: &str| {
        let network = Network::new().with_input(sizes).followed_by(entry(text));
        network
            .check()
            .expect_err("a network that does not fit")
            .to_string()
    };
    let expect = |sizes: &[usize], text: &str, message: &str| {
        assert_eq!(error(sizes, text), message, "{text}")
    };
    expect(
        &[2, 2, 1],
        "conv2d = { filters = 4, kernel = 3 }",
        "layer 1 `conv2d_1`: expected at least 3 × 3 values for its window, found [batch, 2, 2, 1]",
    );
    expect(
        &[9, 2],
        "conv1d = { filters = 4, kernel = 5, dilation = 3 }",
        "layer 1 `conv1d_1`: expected at least 13 values along the length for its window, found [batch, 9, 2]",
    );
    expect(
        &[10],
        "max_pool2d = {}",
        "layer 1 `max_pool2d_1`: expected images [batch, height, width, channels], found [batch, 10]",
    );
    expect(
        &[8, 8, 3],
        "conv2d = { filters = 4, kernel = 3, groups = 2 }",
        "layer 1 `conv2d_1`: expected channels that 2 groups share evenly, found [batch, 8, 8, 3]",
    );
    expect(
        &[8, 8, 2],
        "conv2d = { filters = 3, kernel = 3, groups = 2 }",
        "layer 1 `conv2d_1`: expected filters that 2 groups share evenly, found 3 filters",
    );
    expect(
        &[8, 8, 2],
        "conv2d = { filters = 3, kernel = 3, stride = 0 }",
        "layer 1 `conv2d_1`: `stride` must be at least 1, found 0",
    );
    expect(
        &[4],
        "dense = { units = 0 }",
        "layer 1 `dense_1`: `units` must be at least 1, found 0",
    );
    expect(
        &[4],
        "dropout = { rate = 1.0 }",
        "layer 1 `dropout_1`: `rate` must be at least 0 and less than 1, found 1",
    );
    expect(
        &[4, 3],
        "reshape = { sizes = [5] }",
        "layer 1 `reshape_1`: expected 5 values a sample for the sizes [5], found [batch, 4, 3]",
    );
    expect(
        &[4],
        "add = {}",
        "layer 1 `add_1`: expected two inputs or more, found 1",
    );
    expect(
        &[4],
        "batch_norm = { momentum = 1.5 }",
        "layer 1 `batch_norm_1`: `momentum` must be between 0 and 1, found 1.5",
    );
    expect(
        &[4],
        "dense = { units = 2, kernel_regularizer = { l2 = -1 } }",
        "layer 1 `dense_1`: `l2` must be at least 0, found -1",
    );
    let huge = "dense = { units = 4611686018427387904 }";
    let message = "layer 1 `dense_1`: expected fewer values than memory could ever hold, \
                   found the sizes [4, 4611686018427387904]";
    expect(&[4], huge, message);
    let reach = "conv2d = { filters = 1, kernel = 9007199254740992, dilation = 9007199254740992, padding = 'same' }";
    assert!(error(&[4, 4, 1], reach).contains("fewer values than memory could ever hold"));
}
