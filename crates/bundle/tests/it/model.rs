//! Small models with seeded weights.

use jingwei_bundle::{Existing, OutputKind, Parts, write};
use jingwei_data::Preparation;
use jingwei_data::prepare::{
    Column, ColumnScaling, FeaturePreparation, ImagePreparation, ImageScaling, TargetPreparation,
};
use jingwei_engine::{Function, Layout, Level, Runtime};
use jingwei_graph::ops::{ConvAttributes, Window};
use jingwei_graph::{Graph, Shape};

/// A network with everything that a bundle needs.
pub struct Model {
    pub task: &'static str,
    pub function: Function,
    pub output: (&'static str, OutputKind),
    pub parameters: Vec<f32>,
    pub preparation: Preparation,
    pub samples: Vec<f32>,
}

impl Model {
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            task: self.task,
            function: &self.function,
            outputs: std::slice::from_ref(&self.output),
            parameters: &self.parameters,
            states: &[],
            preparation: Some(&self.preparation),
            reading: None,
            samples: &[],
            time: 0,
            metrics: serde_json::json!({ "test": { "accuracy": 0.987_654_321_012_345_6 } }),
            report: Some("<!doctype html>"),
            recipe: Some("task = \"image-classification\"\n"),
        }
    }

    pub fn write(&self, folder: &std::path::Path) {
        let samples: &[&[f32]] = &[&self.samples];
        let parts = Parts {
            samples,
            ..self.parts()
        };
        write(folder, &parts, &runtime(), Existing::Refuse).unwrap();
    }
}

pub fn runtime() -> Runtime {
    Runtime::new(Level::best(), 2).unwrap()
}

/// Values in (-1, 1).
pub fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32) - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn weights(layout: &Layout) -> Vec<f32> {
    let mut values = vec![0.0; layout.len()];
    for (seed, entry) in layout.entries().iter().enumerate() {
        values[entry.range()].copy_from_slice(&noise(seed as u64 + 1, entry.len));
    }
    values
}

/// conv → relu → pool → dense → softmax over pictures of 8×8×1 and three classes.
pub fn pictures() -> Model {
    let mut graph = Graph::new();
    let x = graph.input("pixels", Shape::batch_of(&[8, 8, 1]));
    let kernel = graph.parameter("conv/kernel", &[3, 3, 1, 4]);
    let bias = graph.parameter("conv/bias", &[4]);
    let y = graph.conv2d(x, kernel, ConvAttributes::default()).unwrap();
    let y = graph.add_values(y, bias).unwrap();
    let y = graph.relu(y).unwrap();
    let window = Window {
        size: [2, 2],
        stride: [2, 2],
        padding: [0; 4],
    };
    let y = graph.max_pool2d(y, window).unwrap();
    let y = graph.flatten(y).unwrap();
    let kernel = graph.parameter("dense/kernel", &[36, 3]);
    let bias = graph.parameter("dense/bias", &[3]);
    let y = graph.matmul(y, kernel).unwrap();
    let y = graph.add_values(y, bias).unwrap();
    let y = graph.softmax(y).unwrap();
    let layout = Layout::new([
        ("conv/kernel", vec![3, 3, 1, 4]),
        ("conv/bias", vec![4]),
        ("dense/kernel", vec![36, 3]),
        ("dense/bias", vec![3]),
    ]);
    let images = ImagePreparation {
        height: 8,
        width: 8,
        channels: 1,
        scaling: ImageScaling::Unit,
    };
    Model {
        task: "image-classification",
        parameters: weights(&layout),
        function: Function::new(graph, vec![y], layout, Layout::default()),
        output: ("probabilities", OutputKind::Probabilities),
        preparation: Preparation {
            features: FeaturePreparation::Images(images),
            targets: TargetPreparation::Classes(["bird", "sea", "pebble"].map(String::from).into()),
        },
        samples: noise(7, 5 * 64).iter().map(|value| value.abs()).collect(),
    }
}

/// price = dense(area, rooms), both scaled.
pub fn rows() -> Model {
    let mut graph = Graph::new();
    let x = graph.input("columns", Shape::batch_of(&[2]));
    let kernel = graph.parameter("dense/kernel", &[2, 1]);
    let y = graph.matmul(x, kernel).unwrap();
    let layout = Layout::new([("dense/kernel", vec![2, 1])]);
    let mut parameters = vec![0.0; layout.len()];
    parameters[..2].copy_from_slice(&[2.0, 1.0]);
    let column = |name: &str, mean, std| Column {
        name: name.to_owned(),
        scaling: ColumnScaling::Standardise { mean, std },
    };
    Model {
        task: "regression",
        parameters,
        function: Function::new(graph, vec![y], layout, Layout::default()),
        output: ("values", OutputKind::Values),
        preparation: Preparation {
            features: FeaturePreparation::Rows(vec![
                column("area", 100.0, 50.0),
                column("rooms", 3.0, 1.0),
            ]),
            targets: TargetPreparation::Values(vec![column("price", 1000.0, 10.0)]),
        },
        samples: noise(3, 8 * 2),
    }
}
