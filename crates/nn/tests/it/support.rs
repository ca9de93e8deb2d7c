//! What the tests share.

use std::collections::HashMap;

use jingwei_graph::passes::bind;
use jingwei_graph::reference::{RunContext, evaluate};
use jingwei_graph::{Graph, NodeId, Symbol};
use jingwei_nn::{Built, Entry};
use serde::Deserialize;
use serde_json::Value;

/// The golden cases of a kind.
pub fn golden(kind: &str) -> Value {
    let text = include_str!("../golden/nn.json");
    let all: Value = serde_json::from_str(text).expect("the golden file is JSON");
    all[kind].clone()
}

pub fn cases(kind: &str) -> Vec<Value> {
    golden(kind).as_array().expect("a list of cases").clone()
}

pub fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(number)
        .collect()
}

pub fn number(value: &Value) -> f32 {
    value.as_f64().expect("a number") as f32
}

pub fn sizes(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|size| size.as_u64().expect("a size") as usize)
        .collect()
}

/// What a recipe says in one line of TOML.
pub fn recipe<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Line<T> {
        value: T,
    }
    toml::from_str(&format!("value = {text}"))
        .map(|line: Line<T>| line.value)
        .map_err(|error| error.to_string())
}

pub fn entry(text: &str) -> Entry {
    recipe(&format!("{{ {text} }}")).expect("the recipe of a layer")
}

#[track_caller]
pub fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(
            near,
            "{what}: value {index} is {found}, expected {expected}"
        );
    }
}

/// The values of leaves by name.
pub type Leaves = HashMap<String, Vec<f32>>;

/// First values of everything that a network holds.
pub fn first_values(built: &Built, seed: u64) -> Leaves {
    let parameters = built
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.initial(seed)));
    parameters
        .chain(
            built
                .states
                .iter()
                .map(|state| (state.name.clone(), state.initial())),
        )
        .collect()
}

pub fn run(graph: &Graph, batch: usize, wanted: &[NodeId], leaves: &Leaves) -> Vec<Vec<f32>> {
    let bound = bind(graph, &[(Symbol::Batch, batch)]).expect("a graph that binds");
    evaluate(&bound, wanted, leaves, RunContext::default()).expect("a graph that runs")
}

/// Numbers that are all different, between −1 and 1.
pub fn wavy(count: usize) -> Vec<f32> {
    (0..count)
        .map(|index| (index as f32 * 1.7 + 0.3).sin())
        .collect()
}
