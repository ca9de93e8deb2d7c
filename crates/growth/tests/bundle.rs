//! Bundles are written, loaded and verified in time that grows with their length.

#![cfg(counted)]

use std::hint::black_box;

use jingwei_bundle::{Bundle, Existing, OutputKind, Parts, Predictor, write};
use jingwei_data::Preparation;
use jingwei_data::prepare::{Column, ColumnScaling, FeaturePreparation, TargetPreparation};
use jingwei_engine::{Function, Layout, Level, Runtime};
use jingwei_graph::ops::BinaryKind;
use jingwei_graph::{Graph, Shape};
use jingwei_growth::{assert_linear, count};

/// Writes a model of some columns and classes, and loads it.
fn write_and_load(columns: usize, classes: usize) {
    let mut graph = Graph::new();
    let x = graph.input("columns", Shape::batch_of(&[columns]));
    let kernel = graph.parameter("kernel", &[columns, classes]);
    let y = graph.matmul(x, kernel).unwrap();
    let y = graph.softmax(y).unwrap();
    let layout = Layout::new([("kernel", vec![columns, classes])]);
    let parameters = vec![0.0; layout.len()];
    let column = |at: usize| Column {
        name: format!("column {at}"),
        scaling: ColumnScaling::None,
    };
    let preparation = Preparation {
        features: FeaturePreparation::Rows((0..columns).map(column).collect()),
        targets: TargetPreparation::Classes((0..classes).map(|at| format!("class {at}")).collect()),
    };
    let function = Function::new(graph, vec![y], layout, Layout::default());
    let runtime = Runtime::new(Level::best(), 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bundle");
    let parts = Parts {
        task: "test",
        function: &function,
        outputs: &[("probabilities", OutputKind::Probabilities)],
        parameters: &parameters,
        states: &[],
        preparation: Some(&preparation),
        reading: None,
        samples: &[],
        time: 0,
        metrics: serde_json::Value::Null,
        report: None,
        recipe: None,
    };
    write(&path, &parts, &runtime, Existing::Refuse).unwrap();
    let bundle = Bundle::load(path).unwrap();
    bundle.verify(&runtime).unwrap();
    black_box(Predictor::new(bundle, runtime).unwrap());
}

#[test]
fn many_classes_are_loaded_linearly() {
    assert_linear(
        "classes",
        |count| count,
        |&classes| write_and_load(2, classes),
    );
}

#[test]
fn many_columns_are_loaded_linearly() {
    assert_linear(
        "columns",
        |count| count,
        |&columns| write_and_load(columns, 2),
    );
}

/// Writes a model of some operators one after another, and loads it.
fn write_and_load_nodes(nodes: usize) {
    let mut graph = Graph::new();
    let x = graph.input("columns", Shape::batch_of(&[2]));
    let mut y = x;
    for _ in 0..nodes / 2 {
        let positive = graph.relu(y).unwrap();
        y = graph.binary(BinaryKind::Max, y, positive).unwrap();
    }
    let function = Function::new(graph, vec![y], Layout::default(), Layout::default());
    let runtime = Runtime::new(Level::best(), 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bundle");
    let parts = Parts {
        task: "test",
        function: &function,
        outputs: &[("values", OutputKind::Values)],
        parameters: &[],
        states: &[],
        preparation: None,
        reading: None,
        samples: &[],
        time: 0,
        metrics: serde_json::Value::Null,
        report: None,
        recipe: None,
    };
    write(&path, &parts, &runtime, Existing::Refuse).unwrap();
    black_box(Predictor::new(Bundle::load(path).unwrap(), runtime).unwrap());
}

#[test]
fn large_graphs_are_planned_linearly() {
    // Beyond the few values that are placed greedily.
    let work = |nodes: usize| count(|| write_and_load_nodes(nodes));
    let (small, large) = (work(5_000), work(40_000));
    assert!(
        large <= 16 * small,
        "{small} for 5,000 nodes, {large} for 40,000"
    );
}
