//! The networks by name.

use jingwei_graph::{Graph, Shape, gradients};
use jingwei_nn::{Loss, Mode, Network, SparseCategoricalCrossEntropy, mean_loss, zoo};

/// The parameters of PyTorch's and Keras's networks of the same layers.
#[test]
fn sizes_are_known() {
    let parameters =
        |network: Network| network.summary().expect("a network that fits").parameters();
    assert_eq!(parameters(zoo::cnn_mnist()), 225_034);
    assert_eq!(parameters(zoo::cnn_cifar()), 122_570);
    assert_eq!(parameters(zoo::mlp(30, 2)), 12_354);
    assert!(parameters(zoo::cnn_compact([28, 28, 1], 10)) < 100_000);
    for depth in [8, 14, 20] {
        let network = zoo::resnet([32, 32, 3], 10, depth, 16).expect("a depth of 6n + 2");
        let convolutions = network
            .layers()
            .iter()
            .filter(|entry| entry.layer.kind() == "conv2d");
        assert_eq!(convolutions.count(), depth - 1 + 2, "and two shortcuts");
    }
    let error = zoo::resnet([32, 32, 3], 10, 18, 16)
        .expect_err("not 6n + 2")
        .to_string();
    assert_eq!(
        error,
        "resnet: `depth` must be 6n + 2, such as 8, 14 or 20, found 18"
    );
}

#[test]
fn all_train() {
    let resnet = zoo::resnet([28, 28, 1], 10, 8, 16).expect("a depth of 6n + 2");
    for network in [
        zoo::cnn_mnist(),
        zoo::cnn_cifar(),
        zoo::mlp(30, 2),
        zoo::cnn_compact([28, 28, 1], 10),
        resnet,
    ] {
        let mut graph = Graph::new();
        let built = network
            .build(&mut graph, Mode::Training)
            .expect("a network that fits");
        let labels = graph.input("labels", Shape::batch_of(&[]));
        let loss = Loss::from(SparseCategoricalCrossEntropy::from_logits());
        let losses = loss
            .build(&mut graph, built.outputs[0], labels)
            .expect("a loss");
        let mean = mean_loss(&mut graph, losses, None).expect("a mean");
        let found = gradients(&mut graph, mean, &built.parameter_nodes()).expect("gradients");
        for (parameter, gradient) in built.parameters.iter().zip(found) {
            assert_eq!(
                graph.shape(gradient),
                &Shape::fixed(&parameter.sizes),
                "{}",
                parameter.name
            );
        }
        graph.validate().expect("a sound graph");
    }
}
