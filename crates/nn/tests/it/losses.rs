//! Losses against Keras.

use jingwei_graph::{Graph, Shape, gradients};
use jingwei_nn::{
    Activation, Loss, MeanSquaredError, SparseCategoricalCrossEntropy, class_weights, mean_loss,
};

use crate::support::{Leaves, assert_close, cases, number, numbers, recipe, run};

#[test]
fn losses_give_what_keras_gives() {
    for case in cases("losses") {
        let text = case["recipe"].as_str().expect("a recipe");
        let loss: Loss = recipe(text).expect("a loss");
        let mut graph = Graph::new();
        let columns = case["columns"].as_u64().expect("a count") as usize;
        let output = graph.input("output", Shape::batch_of(&[columns]));
        let shape = loss.target_shape(graph.shape(output));
        let targets = graph.input("targets", shape);
        let weights = graph.input("weights", Shape::batch_of(&[]));
        let each = loss.build(&mut graph, output, targets).expect("a loss");
        let mean = mean_loss(&mut graph, each, None).expect("a mean");
        let weighted = mean_loss(&mut graph, each, Some(weights)).expect("a mean");
        let leaf = |name: &str| (name.to_owned(), numbers(&case[name]));
        let leaves = Leaves::from([leaf("output"), leaf("targets"), leaf("weights")]);
        let found = run(&graph, 4, &[each, mean, weighted], &leaves);
        assert_close(&found[0], &numbers(&case["each"]), 1e-5, text);
        assert_close(&found[1], &[number(&case["mean"])], 1e-5, text);
        assert_close(&found[2], &[number(&case["weighted"])], 1e-5, text);
    }
}

#[test]
fn huge_logits_overflow_nothing() {
    for (text, targets, count) in [
        ("'binary_cross_entropy'", vec![0.0, 1.0, 1.0, 0.0], 1),
        ("'sparse_categorical_cross_entropy'", vec![1.0, 0.0], 2),
    ] {
        let loss: Loss = recipe(text).expect("a loss");
        let mut graph = Graph::new();
        let output = graph.input("output", Shape::batch_of(&[count]));
        let shape = loss.target_shape(graph.shape(output));
        let labels = graph.input("targets", shape);
        let each = loss.build(&mut graph, output, labels).expect("a loss");
        let mean = mean_loss(&mut graph, each, None).expect("a mean");
        let slope = gradients(&mut graph, mean, &[output]).expect("gradients")[0];
        let logits = vec![1000.0, 1000.0, -1000.0, -1000.0];
        let leaves = Leaves::from([
            ("output".to_owned(), logits),
            ("targets".to_owned(), targets),
        ]);
        let found = run(&graph, 4 / count, &[each, slope], &leaves);
        assert!(
            found.iter().flatten().all(|value| value.is_finite()),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn classes_can_weigh_differently() {
    let table = [0.5, 2.0, 4.0];
    let of = |shape: Shape, targets: Vec<f32>| {
        let mut graph = Graph::new();
        let node = graph.input("targets", shape);
        let (weights, state) = class_weights(&mut graph, node, &table).expect("weights");
        let leaves = Leaves::from([
            ("targets".to_owned(), targets),
            (state.name.clone(), state.initial()),
        ]);
        run(&graph, 2, &[weights], &leaves).remove(0)
    };
    assert_eq!(of(Shape::batch_of(&[]), vec![2.0, 0.0]), [4.0, 0.5]);
    assert_eq!(of(Shape::batch_of(&[1]), vec![1.0, 0.0]), [2.0, 0.5]);
    assert_eq!(
        of(Shape::batch_of(&[3]), vec![0.0, 1.0, 0.0, 0.5, 0.0, 0.5]),
        [2.0, 2.25]
    );
    let mut graph = Graph::new();
    let node = graph.input("targets", Shape::batch_of(&[]));
    let error = class_weights(&mut graph, node, &[1.0, -1.0]).expect_err("a negative weight");
    assert_eq!(
        error.to_string(),
        "loss: `class_weights` must be numbers that are at least 0, found -1"
    );
}

#[test]
fn what_does_not_fit_is_told() {
    let mut graph = Graph::new();
    let output = graph.input("output", Shape::batch_of(&[3]));
    let one = graph.input("one", Shape::batch_of(&[1]));
    let labels = graph.input("labels", Shape::batch_of(&[]));
    let mse = Loss::from(MeanSquaredError {});
    let message = mse
        .build(&mut graph, output, labels)
        .expect_err("two shapes")
        .to_string();
    assert_eq!(
        message,
        "loss `mse`: expected targets of the output's shape [batch, 3], found [batch]"
    );
    assert!(
        mse.build(&mut graph, one, labels).is_ok(),
        "one value a sample needs no dimension of its own"
    );
    let sparse = Loss::from(SparseCategoricalCrossEntropy::from_logits());
    let message = sparse
        .build(&mut graph, output, output)
        .expect_err("no class numbers")
        .to_string();
    let expected = "loss `sparse_categorical_cross_entropy`: expected logits [batch, …, classes] and class numbers [batch, …], \
                    found logits [batch, 3] and targets [batch, 3]";
    assert_eq!(message, expected);
    let smooth = Loss::from(SparseCategoricalCrossEntropy::from_logits().label_smoothing(1.0));
    let message = smooth
        .build(&mut graph, output, labels)
        .expect_err("all smoothed away")
        .to_string();
    assert!(
        message.ends_with("`label_smoothing` must be at least 0 and less than 1, found 1"),
        "{message}"
    );
    let message = mean_loss(&mut graph, labels, Some(output))
        .expect_err("three weights")
        .to_string();
    assert_eq!(
        message,
        "loss: expected one weight a sample, [batch], found [batch, 3]"
    );
}

#[test]
fn predictions_take_the_function_that_the_loss_left_out() {
    let activation = |text: &str| recipe::<Loss>(text).expect("a loss").output_activation();
    assert_eq!(
        activation("'sparse_categorical_cross_entropy'"),
        Activation::Softmax
    );
    assert_eq!(activation("'binary_cross_entropy'"), Activation::Sigmoid);
    assert_eq!(activation("'huber'"), Activation::Linear);
    let mut graph = Graph::new();
    let output = graph.input("output", Shape::batch_of(&[2]));
    let loss = Loss::from(SparseCategoricalCrossEntropy::from_logits());
    let predictions = loss.predictions(&mut graph, output).expect("predictions");
    let leaves = Leaves::from([("output".to_owned(), vec![0.0, 3.0f32.ln()])]);
    assert_close(
        &run(&graph, 1, &[predictions], &leaves)[0],
        &[0.25, 0.75],
        1e-6,
        "softmax",
    );
}
