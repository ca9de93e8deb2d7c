//! How long it takes from a folder on disk to the first prediction, for the CNN for 28×28 images.
//!
//! `cargo run --release -p jingwei-bundle --example first_prediction`

use std::time::Instant;

use jingwei_bundle::{Bundle, Existing, OutputKind, Parts, Predictor, write};
use jingwei_engine::{Function, Layout, Runtime};
use jingwei_graph::ops::{ConvAttributes, Window};
use jingwei_graph::{Graph, NodeId, Shape};

fn convolution(
    graph: &mut Graph,
    x: NodeId,
    sizes: [usize; 4],
    name: &str,
) -> jingwei_graph::Result<NodeId> {
    let kernel = graph.parameter(format!("{name}/kernel"), &sizes);
    let bias = graph.parameter(format!("{name}/bias"), &sizes[3..]);
    let y = graph.conv2d(x, kernel, ConvAttributes::default())?;
    let y = graph.add_values(y, bias)?;
    let y = graph.relu(y)?;
    graph.max_pool2d(
        y,
        Window {
            size: [2, 2],
            stride: [2, 2],
            padding: [0; 4],
        },
    )
}

fn dense(
    graph: &mut Graph,
    x: NodeId,
    sizes: [usize; 2],
    name: &str,
) -> jingwei_graph::Result<NodeId> {
    let kernel = graph.parameter(format!("{name}/kernel"), &sizes);
    let bias = graph.parameter(format!("{name}/bias"), &sizes[1..]);
    let y = graph.matmul(x, kernel)?;
    graph.add_values(y, bias)
}

fn network() -> jingwei_graph::Result<Function> {
    let mut graph = Graph::new();
    let x = graph.input("image", Shape::batch_of(&[28, 28, 1]));
    let y = convolution(&mut graph, x, [3, 3, 1, 32], "conv1")?;
    let y = convolution(&mut graph, y, [3, 3, 32, 64], "conv2")?;
    let y = graph.flatten(y)?;
    let y = dense(&mut graph, y, [1600, 128], "dense1")?;
    let y = graph.relu(y)?;
    let y = dense(&mut graph, y, [128, 10], "dense2")?;
    let y = graph.softmax(y)?;
    let parameters = Layout::new([
        ("conv1/kernel", vec![3, 3, 1, 32]),
        ("conv1/bias", vec![32]),
        ("conv2/kernel", vec![3, 3, 32, 64]),
        ("conv2/bias", vec![64]),
        ("dense1/kernel", vec![1600, 128]),
        ("dense1/bias", vec![128]),
        ("dense2/kernel", vec![128, 10]),
        ("dense2/bias", vec![10]),
    ]);
    Ok(Function::new(graph, vec![y], parameters, Layout::default()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::from_environment()?;
    let function = network()?;
    let weight = |index: usize| ((index * 7919 % 1000) as f32 - 500.0) * 1e-4;
    let parameters: Vec<f32> = (0..function.parameters.len()).map(weight).collect();
    let folder = std::env::temp_dir().join("jingwei-first-prediction.bundle");
    let parts = Parts {
        task: "image-classification",
        function: &function,
        outputs: &[("probabilities", OutputKind::Probabilities)],
        parameters: &parameters,
        states: &[],
        preparation: None,
        reading: None,
        samples: &[],
        time: 0,
        metrics: serde_json::Value::Null,
        report: None,
        recipe: None,
    };
    write(&folder, &parts, &runtime, Existing::Replace)?;
    let image = vec![0.5; 28 * 28];
    for _ in 0..5 {
        let start = Instant::now();
        let bundle = Bundle::load(&folder)?;
        let loaded = start.elapsed();
        let runtime = Runtime::from_environment()?;
        let predictor = Predictor::new(bundle, runtime)?;
        let ready = start.elapsed();
        predictor.predict(&image, 1)?;
        println!(
            "loaded {loaded:.2?}, ready {ready:.2?}, first prediction {:.2?}",
            start.elapsed()
        );
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
