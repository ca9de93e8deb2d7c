//! A training loop of one's own: two compiled functions over shared parameters, and plain gradient descent.
//!
//! The task is to tell two interleaved spirals apart. `cargo run --release -p jingwei --example custom_loop`

use jingwei::engine::{Buffer, Function, Layout, RunContext, Runtime, Workspace};
use jingwei::graph::{Graph, gradients};
use jingwei::nn::{Loss, Mode, mean_loss};
use jingwei::prelude::*;

const SAMPLES: usize = 400;
const STEPS: u64 = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network: Network = Sequential::new([2])
        .dense(32)
        .tanh()
        .dense(32)
        .tanh()
        .dense(2)
        .into();
    let loss = Loss::from(SparseCategoricalCrossEntropy::from_logits());

    // What training computes: the loss, and the gradient of every parameter.
    let mut graph = Graph::new();
    let built = network.build(&mut graph, Mode::Training)?;
    let labels = graph.input("labels", loss.target_shape(graph.shape(built.outputs[0])));
    let losses = loss.build(&mut graph, built.outputs[0], labels)?;
    let mean = mean_loss(&mut graph, losses, None)?;
    let slopes = gradients(&mut graph, mean, &built.parameter_nodes())?;
    let layout = Layout::new(
        built
            .parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), parameter.sizes.clone())),
    );
    let names = built
        .parameters
        .iter()
        .map(|parameter| parameter.name.clone());
    let training = Function {
        gradients: names.zip(slopes).collect(),
        ..Function::new(graph, vec![mean], layout.clone(), Layout::default())
    };

    // What prediction computes, over the same parameters.
    let mut graph = Graph::new();
    let outputs = network.build(&mut graph, Mode::Inference)?.outputs;
    let probabilities = loss.predictions(&mut graph, outputs[0])?;
    let inference = Function::new(
        graph,
        vec![probabilities],
        layout.clone(),
        Layout::default(),
    );

    let runtime = Runtime::from_environment()?;
    let training = training.plan(SAMPLES, runtime.level())?;
    let inference = inference.plan(SAMPLES, runtime.level())?;
    let mut workspace = Workspace::for_training(
        &Function::new(Graph::new(), Vec::new(), layout.clone(), Layout::default()),
        &runtime,
    );
    for (entry, parameter) in layout.entries().iter().zip(&built.parameters) {
        workspace.buffer_mut(Buffer::Parameters)[entry.range()]
            .copy_from_slice(&parameter.initial(0));
    }

    let (points, classes) = spirals();
    for step in 0..STEPS {
        let (features, labels) = workspace.two_inputs_mut(&training, 0, 1);
        features.copy_from_slice(&points);
        labels.copy_from_slice(&classes);
        training.run(&runtime, &mut workspace, RunContext { seed: 0, step });
        if step % 200 == 0 {
            println!("step {step}: loss {:.4}", workspace.output(&training, 0)[0]);
        }
        let (parameters, slopes) = workspace.update();
        parameters
            .iter_mut()
            .zip(slopes)
            .for_each(|(parameter, slope)| *parameter -= 0.5 * slope);
    }

    workspace.input_mut(&inference, 0).copy_from_slice(&points);
    inference.run(&runtime, &mut workspace, RunContext::default());
    let rows = workspace.output(&inference, 0).chunks_exact(2);
    let right = rows
        .zip(&classes)
        .filter(|(row, class)| (row[1] > row[0]) == (**class == 1.0))
        .count();
    println!("{right} of {SAMPLES} points are on the right spiral");
    Ok(())
}

/// Points of two spirals, one after the other, and their classes.
fn spirals() -> (Vec<f32>, Vec<f32>) {
    let point = |index: usize| {
        let (class, place) = (index % 2, index / 2);
        let radius = place as f32 / (SAMPLES / 2) as f32;
        let angle = radius * 7.0 + class as f32 * std::f32::consts::PI;
        [radius * angle.cos(), radius * angle.sin()]
    };
    let classes = (0..SAMPLES).map(|index| (index % 2) as f32);
    ((0..SAMPLES).flat_map(point).collect(), classes.collect())
}
