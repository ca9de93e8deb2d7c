//! Connecting layers.

use jingwei_graph::{Graph, gradients};
use jingwei_nn::{
    Activation, Concat, Conv1d, Conv2d, Dense, Dropout, Initializer, LayerNorm, Mode, Network,
    Padding, Regularizer, Reshape, Sequential, mean_loss, total_loss,
};

use crate::support::{Leaves, assert_close, first_values, run, wavy};

/// Two inputs, a residual sum, a concatenation and two outputs.
fn two_headed() -> Network {
    let mut network = Network::new();
    let image = network.named_input("image", [6, 6, 2]);
    let row = network.named_input("row", [3]);
    let conv = |filters| Conv2d::new(filters, 3).padding(Padding::Same);
    let stem = network.layer(image, conv(4).activation(Activation::Relu));
    let branch = network.layer(stem, conv(4));
    let sum = network.sum([stem, branch]);
    let pooled = network.layer(sum, jingwei_nn::GlobalAvgPool2d {});
    let facts = network.layer(row, Dense::new(5).activation(Activation::Tanh));
    let both = network.concat([pooled, facts]);
    let class = network.named_layer("class", both, Dense::new(3));
    let amount = network.named_layer("amount", both, Dense::new(1));
    network.output(class);
    network.output(amount);
    network
}

#[test]
fn a_network_may_have_several_inputs_and_outputs() {
    let network = two_headed();
    let summary = network.summary().expect("a network that fits");
    let rows: Vec<_> = summary
        .rows()
        .iter()
        .map(|row| format!("{} {} {}", row.name, row.output, row.parameters))
        .collect();
    let expected = [
        "conv2d_1 [batch, 6, 6, 4] 76",
        "conv2d_2 [batch, 6, 6, 4] 148",
        "add_1 [batch, 6, 6, 4] 0",
        "global_avg_pool2d_1 [batch, 4] 0",
        "dense_1 [batch, 5] 20",
        "concat_1 [batch, 9] 0",
        "class [batch, 3] 30",
        "amount [batch, 1] 10",
    ];
    assert_eq!(rows, expected);
    assert_eq!(summary.rows()[5].inputs, ["global_avg_pool2d_1", "dense_1"]);
    let built = network
        .build(&mut Graph::new(), Mode::Training)
        .expect("a network that fits");
    assert_eq!(
        built
            .inputs
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["image", "row"]
    );
    assert_eq!(built.outputs.len(), 2);
    let decayed: Vec<_> = built
        .parameters
        .iter()
        .filter(|p| p.decay)
        .map(|p| p.name.as_str())
        .collect();
    assert_eq!(
        decayed,
        [
            "conv2d_1/kernel",
            "conv2d_2/kernel",
            "dense_1/kernel",
            "class/kernel",
            "amount/kernel"
        ]
    );
}

#[test]
fn training_and_inference_have_the_same_parameters() {
    let network: Network = Sequential::new([8, 8, 1])
        .layer(Conv2d::new(4, 3).kernel_regularizer(Regularizer { l1: 0.1, l2: 0.2 }))
        .batch_norm()
        .relu()
        .dropout(0.5)
        .flatten()
        .dense(2)
        .into();
    let build = |mode| {
        let mut graph = Graph::new();
        network
            .build(&mut graph, mode)
            .expect("a network that fits")
    };
    let (training, inference) = (build(Mode::Training), build(Mode::Inference));
    let names = |built: &jingwei_nn::Built| {
        built
            .parameters
            .iter()
            .map(|p| (p.name.clone(), p.sizes.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&training), names(&inference));
    assert_eq!(
        (
            training.updates.len(),
            training.penalties.len(),
            training.states.len()
        ),
        (1, 2, 1)
    );
    assert_eq!(
        (
            inference.updates.len(),
            inference.penalties.len(),
            inference.states.len()
        ),
        (0, 0, 1)
    );
}

#[test]
fn penalties_are_those_of_keras() {
    let dense = Dense::new(1).kernel_initializer(Initializer::Constant(
        jingwei_nn::initializer::Constant { value: -2.0 },
    ));
    let network = Network::new()
        .with_input([3])
        .followed_by(dense.kernel_regularizer(Regularizer { l1: 0.1, l2: 0.01 }));
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Training)
        .expect("a network that fits");
    let zero = graph.constant(0.0);
    let total = total_loss(&mut graph, zero, &built.penalties).expect("a sum");
    let mut leaves = first_values(&built, 1);
    leaves.insert("input".to_owned(), vec![0.0; 3]);
    assert_close(
        &run(&graph, 1, &[total], &leaves)[0],
        &[0.1 * 6.0 + 0.01 * 12.0],
        1e-6,
        "0.1 · Σ|w| + 0.01 · Σw²",
    );
}

/// Every parameter gets a gradient that agrees with a difference of losses.
#[test]
fn gradients_reach_every_parameter() {
    let network: Network = Sequential::new([6, 8])
        .layer(
            Conv1d::new(4, 3)
                .padding(Padding::Same)
                .activation(Activation::Gelu),
        )
        .batch_norm()
        .max_pool1d(2)
        .layer(Dense::new(5).activation(Activation::Silu))
        .layer(LayerNorm::default())
        .layer(Reshape::new([3, 5, 1]))
        .layer(
            Conv2d::new(2, [2, 3])
                .dilation((1, 2))
                .activation(Activation::Tanh),
        )
        .avg_pool2d([2, 1])
        .flatten()
        .dropout(0.2)
        .layer(Dense::new(2).kernel_regularizer(Regularizer::l2(0.1)))
        .into();
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Training)
        .expect("a network that fits");
    let targets = graph.input("targets", jingwei_graph::Shape::batch_of(&[2]));
    let loss = jingwei_nn::Loss::from(jingwei_nn::MeanSquaredError {});
    let losses = loss
        .build(&mut graph, built.outputs[0], targets)
        .expect("a loss");
    let mean = mean_loss(&mut graph, losses, None).expect("a mean");
    let total = total_loss(&mut graph, mean, &built.penalties).expect("a sum");
    let wanted = gradients(&mut graph, total, &built.parameter_nodes()).expect("gradients");
    let mut leaves = first_values(&built, 3);
    leaves.insert("input".to_owned(), wavy(3 * 48));
    leaves.insert("targets".to_owned(), wavy(6));
    let found = run(&graph, 3, &wanted, &leaves);
    for (parameter, gradient) in built.parameters.iter().zip(&found) {
        let largest = (0..gradient.len())
            .max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs()))
            .expect("values");
        // The normalisation takes a shift before it out again.
        let shifted = parameter.name == "conv1d_1/bias";
        assert!(
            shifted || gradient[largest] != 0.0,
            "{} gets no gradient",
            parameter.name
        );
        let shift = |by: f32, leaves: &Leaves| {
            let mut leaves = leaves.clone();
            leaves.get_mut(&parameter.name).expect("a parameter")[largest] += by;
            run(&graph, 3, &[total], &leaves)[0][0]
        };
        let slope = (shift(5e-3, &leaves) - shift(-5e-3, &leaves)) / 1e-2;
        assert!(
            (slope - gradient[largest]).abs() < 0.02 * slope.abs().max(0.05),
            "{}: {slope} and {}",
            parameter.name,
            gradient[largest]
        );
    }
}

#[test]
fn a_network_can_be_built_twice_on_shared_parameters() {
    let generator: Network = Sequential::new([2]).named("generate", Dense::new(3)).into();
    let judge: Network = Sequential::new([3]).named("judge", Dense::new(1)).into();
    let mut graph = Graph::new();
    let real = judge
        .build(&mut graph, Mode::Training)
        .expect("a network that fits");
    let made = generator.build_on(&mut graph, Mode::Training, &[real.inputs[0].1]);
    let message = made.expect_err("three values are not two").to_string();
    assert_eq!(
        message,
        "the network: expected `input` of the shape [batch, 2], found [batch, 3]"
    );
    let noise = graph.input("noise", jingwei_graph::Shape::batch_of(&[2]));
    let made = generator
        .build_on(&mut graph, Mode::Training, &[noise])
        .expect("a network that fits");
    let judged = judge
        .build_on(&mut graph, Mode::Training, &made.outputs)
        .expect("a network that fits");
    assert_eq!(real.parameter_nodes(), judged.parameter_nodes());
    let other: Network = Sequential::new([3]).named("judge", Dense::new(2)).into();
    let error = other
        .build_on(&mut graph, Mode::Training, &made.outputs)
        .expect_err("other sizes cannot be shared");
    let message =
        "layer 1 `judge`: expected `judge/kernel` of the sizes [3, 2], to share it, found [3, 1]";
    assert_eq!(error.to_string(), message);
}

#[test]
fn output_activations_can_be_taken_off() {
    let mut network: Network = Sequential::new([4])
        .dense(8)
        .relu()
        .layer(Dense::new(3).activation(Activation::Softmax))
        .into();
    assert_eq!(
        network.take_output_activations().expect("names that fit"),
        [Activation::Softmax]
    );
    assert_eq!(
        network.take_output_activations().expect("names that fit"),
        [Activation::Linear]
    );
    let mut network: Network = Sequential::new([4]).dense(1).sigmoid().into();
    assert_eq!(
        network.take_output_activations().expect("names that fit"),
        [Activation::Sigmoid]
    );
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Inference)
        .expect("a network that fits");
    assert_eq!(
        graph.node(built.outputs[0]).op.name(),
        "binary",
        "the sum with the bias is last"
    );
}

#[test]
fn wrong_connections_say_what_is_wrong() {
    let mut network = Network::new();
    assert_eq!(
        network.check().expect_err("empty").to_string(),
        "the network has no input; add one with the sizes of a sample, such as [28, 28, 1]"
    );
    let x = network.input([4]);
    assert_eq!(
        network.check().expect_err("empty").to_string(),
        "the network has no layer; add at least one"
    );
    let a = network.layer(x, Dense::new(3));
    let b = network.layer(x, Dense::new(2));
    let mut sum = network.clone();
    sum.sum([a, b]);
    let message = "layer 3 `add_1`: expected inputs of one shape, the first of which is [batch, 3], found [batch, 2]";
    assert_eq!(sum.check().expect_err("two shapes").to_string(), message);
    let mut concat = network.clone();
    concat.layer([a, b], Concat::default().axis(0));
    let message = "layer 3 `concat_1`: `axis` must be a dimension of the inputs other than the batch's, found 0";
    assert_eq!(concat.check().expect_err("the batch").to_string(), message);
    let mut twice = network.clone();
    twice.named_layer("dense_1", b, Dropout::new(0.5));
    let message =
        "layer 3 `dense_1`: the name `dense_1` is taken; give each layer and input its own";
    assert_eq!(twice.check().expect_err("one name").to_string(), message);
}
