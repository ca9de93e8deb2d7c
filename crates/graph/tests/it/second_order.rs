//! Gradients of gradients, where the operators have them.

use jingwei_graph::ops::{BinaryKind, ConvAttributes, ReduceKind, UnaryKind, Window};
use jingwei_graph::{Error, Graph, NodeId, Result, gradients};

use crate::differences::{Leaf, check};

/// Checks the gradient of the gradient of the sum of squares of what `build` adds, by its first parameter.
fn check_twice(leaves: &[Leaf], build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>) {
    check(leaves, |graph, p| gradient_of_squares(graph, p, &build));
}

fn gradient_of_squares(
    graph: &mut Graph,
    p: &[NodeId],
    build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>,
) -> Result<NodeId> {
    let y = build(graph, p)?;
    let y = graph.square(y)?;
    let loss = graph.sum_all(y)?;
    Ok(gradients(graph, loss, &p[..1])?[0])
}

#[test]
fn functions_of_one_value() {
    use UnaryKind::{
        Abs, Exp, Gelu, LeakyRelu, Log, Neg, Reciprocal, Relu, Sigmoid, Silu, Softplus, Sqrt,
        Square, Tanh,
    };
    for kind in [
        Relu,
        LeakyRelu(0.2),
        Gelu,
        Silu,
        Sigmoid,
        Tanh,
        Softplus,
        Exp,
        Square,
        Neg,
        Abs,
    ] {
        check_twice(&[Leaf::apart(1, &[6])], |graph, p| graph.unary(kind, p[0]));
    }
    for kind in [Log, Sqrt, Reciprocal] {
        check_twice(&[Leaf::between(2, &[5], 0.9, 1.7)], |graph, p| {
            graph.unary(kind, p[0])
        });
    }
}

#[test]
fn functions_of_two_values() {
    for kind in [
        BinaryKind::Add,
        BinaryKind::Sub,
        BinaryKind::Mul,
        BinaryKind::Div,
        BinaryKind::Pow,
    ] {
        let leaves = [
            Leaf::between(3, &[2, 3], 0.9, 1.7),
            Leaf::between(4, &[3], 0.9, 1.7),
        ];
        check_twice(&leaves, |graph, p| graph.binary(kind, p[0], p[1]));
    }
}

#[test]
fn products_convolutions_and_pooling() {
    check_twice(
        &[Leaf::random(5, &[2, 3]), Leaf::random(6, &[3, 2])],
        |graph, p| graph.matmul(p[0], p[1]),
    );
    let attributes = ConvAttributes {
        padding: [1, 0, 1, 0],
        ..Default::default()
    };
    let leaves = [
        Leaf::random(7, &[1, 3, 3, 1]),
        Leaf::random(8, &[2, 2, 1, 2]),
    ];
    check_twice(&leaves, |graph, p| graph.conv2d(p[0], p[1], attributes));
    check_twice(&leaves, |graph, p| {
        let swapped = graph.conv2d(p[0], p[1], attributes)?;
        graph.avg_pool2d(swapped, Window::square(2), false)
    });
}

#[test]
fn moving_and_joining() {
    for kind in [ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max] {
        check_twice(&[Leaf::apart(9, &[2, 3])], |graph, p| {
            graph.reduce(kind, p[0], &[1], false)
        });
    }
    check_twice(&[Leaf::random(10, &[2, 3])], |graph, p| {
        let turned = graph.transpose(p[0], &[1, 0])?;
        let part = graph.slice(turned, 0, 1, 2)?;
        let padded = graph.pad(part, &[1, 0], &[0, 1], 1.0)?;
        let flat = graph.flatten(padded)?;
        graph.concat(&[flat, flat], 1)
    });
    let indices = Leaf::given(&[3], vec![1.0, 0.0, 1.0]).constant();
    check_twice(&[Leaf::random(11, &[2, 2]), indices], |graph, p| {
        graph.gather(p[0], p[1])
    });
}

#[test]
fn softmax_and_losses() {
    check_twice(&[Leaf::random(12, &[2, 3])], |graph, p| graph.softmax(p[0]));
    check_twice(&[Leaf::random(13, &[2, 3])], |graph, p| {
        graph.log_softmax(p[0])
    });
    let labels = Leaf::given(&[2], vec![2.0, 0.0]).constant();
    check_twice(&[Leaf::random(14, &[2, 3]), labels], |graph, p| {
        graph.sparse_cross_entropy(p[0], p[1], 0.1)
    });
    check_twice(&[Leaf::random(15, &[4, 4])], |graph, p| {
        graph.dropout(p[0], 0.3, 5)
    });
}

#[test]
fn what_has_no_second_derivative_says_so() {
    let refused = |sizes: &[usize], build: &dyn Fn(&mut Graph, NodeId) -> Result<NodeId>| {
        let mut graph = Graph::new();
        graph.set_layer("block1");
        let x = graph.parameter("x", sizes);
        let first =
            gradient_of_squares(&mut graph, &[x], |graph, p| build(graph, p[0])).expect("once");
        let loss = graph.sum_all(first).expect("any shape");
        let error = gradients(&mut graph, loss, &[x]).expect_err("no second derivative");
        assert!(matches!(error, Error::NoGradient { .. }), "{error}");
        assert_eq!(graph.layer(), "block1");
        error.to_string()
    };
    assert_eq!(
        refused(&[1, 2, 2, 1], &|graph, x| graph
            .max_pool2d(x, Window::square(2))),
        "block1: max_pool2d_grad has no gradient: the second derivative of max pooling is not implemented"
    );
    let ones = |graph: &mut Graph| {
        let one = graph.constant(1.0);
        graph.broadcast_to(one, jingwei_graph::Shape::fixed(&[2]))
    };
    assert_eq!(
        refused(&[3, 2], &|graph, x| {
            let gamma = ones(graph)?;
            graph.layer_norm(x, gamma, gamma, 0.1)
        }),
        "block1: layer_norm_grad_input has no gradient: the second derivative of layer_norm is not implemented"
    );
    assert_eq!(
        refused(&[3, 2], &|graph, x| {
            let gamma = ones(graph)?;
            Ok(graph.batch_norm_training(x, gamma, gamma, 0.1)?.0)
        }),
        "block1: batch_norm_grad_input has no gradient: the second derivative of batch_norm is not implemented"
    );
    let message = refused(&[3], &|graph, x| {
        let row = graph.reshape(x, jingwei_graph::Shape::fixed(&[1, 3]))?;
        graph.soft_cross_entropy(row, row, 0.0)
    });
    assert!(
        message.contains("soft_cross_entropy is not implemented; build it from log_softmax"),
        "{message}"
    );
}

#[test]
fn batch_statistics_alone_have_no_gradient() {
    let mut graph = Graph::new();
    let x = graph.parameter("x", &[3, 2]);
    let statistics = graph.batch_statistics(x).expect("fits");
    let loss = graph.sum_all(statistics).expect("any shape");
    let error = gradients(&mut graph, loss, &[x]).expect_err("no gradient");
    assert!(
        error
            .to_string()
            .contains("take reduce with mean elsewhere"),
        "{error}"
    );
}
