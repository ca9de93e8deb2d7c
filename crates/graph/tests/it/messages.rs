//! What is said when operands do not fit.

use jingwei_graph::ops::{
    BatchNorm, ConvAttributes, Reduce, ReduceKind, UnaryGrad, UnaryKind, Window,
};
use jingwei_graph::{Dim, Graph, NodeId, Result, Shape, Symbol, gradients};

/// The message of adding an operator to inputs of known sizes, in a layer called "layer".
fn message(inputs: &[&[usize]], build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>) -> String {
    let mut graph = Graph::new();
    let ids: Vec<NodeId> = inputs
        .iter()
        .enumerate()
        .map(|(i, sizes)| graph.input(format!("x{i}"), Shape::fixed(sizes)))
        .collect();
    graph.set_layer("layer");
    build(&mut graph, &ids)
        .expect_err("the operands do not fit")
        .to_string()
}

macro_rules! says {
    ($inputs:expr, $build:expr, $expected:literal) => {
        assert_eq!(message($inputs, $build), $expected);
    };
}

#[test]
fn products_and_functions() {
    says!(
        &[&[2, 3], &[4, 5]],
        |g, x| g.matmul(x[0], x[1]),
        "layer: matmul expects 3 values to a row on both sides, found [2, 3] and [4, 5]"
    );
    says!(
        &[&[2], &[2, 2]],
        |g, x| g.matmul(x[0], x[1]),
        "layer: matmul expects two matrices, found [2] and [2, 2]"
    );
    says!(
        &[&[2, 3], &[2]],
        |g, x| g.add_values(x[0], x[1]),
        "layer: binary expects two shapes that broadcast, found [2, 3] and [2]"
    );
    says!(
        &[&[2], &[3], &[1]],
        |g, x| g.where_(x[2], x[0], x[1]),
        "layer: where expects three shapes that broadcast, found [1], [2] and [3]"
    );
    says!(
        &[&[2]],
        |g, x| g.leaky_relu(x[0], -0.5),
        "layer: unary expects a slope of at least 0 and below 1, found -0.5"
    );
    says!(
        &[&[2], &[3]],
        |g, x| g.add(
            UnaryGrad {
                kind: UnaryKind::Relu
            }
            .into(),
            x
        ),
        "layer: unary_grad expects 2 inputs of one shape, found [2] and [3]"
    );
    says!(
        &[&[2]],
        |g, x| g.add(
            UnaryGrad {
                kind: UnaryKind::Relu
            }
            .into(),
            x
        ),
        "layer: unary_grad expects 2 inputs, found 1"
    );
    says!(
        &[&[2]],
        |g, x| g.dropout(x[0], 1.0, 0),
        "layer: dropout expects a rate of at least 0 and below 1, found 1"
    );
    says!(
        &[&[2]],
        |g, x| g.dropout(x[0], f32::NAN, 0),
        "layer: dropout expects a rate of at least 0 and below 1, found NaN"
    );
}

#[test]
fn images() {
    let plain = ConvAttributes::default();
    says!(
        &[&[2, 3], &[3, 3, 1, 4]],
        |g, x| g.conv2d(x[0], x[1], plain),
        "layer: conv2d expects images [batch, height, width, channels], found [2, 3]"
    );
    says!(
        &[&[1, 8, 8, 3], &[3, 3, 1, 4]],
        |g, x| g.conv2d(x[0], x[1], plain),
        "layer: conv2d expects filters of 3 channels for images [1, 8, 8, 3] in 1 groups, found filters [3, 3, 1, 4]"
    );
    says!(
        &[&[1, 8, 8, 3], &[3, 3, 1, 4]],
        |g, x| g.conv2d(x[0], x[1], ConvAttributes { groups: 2, ..plain }),
        "layer: conv2d expects channels and filters in 2 equal groups, found images [1, 8, 8, 3] and filters [3, 3, 1, 4]"
    );
    says!(
        &[&[1, 2, 8, 1], &[3, 3, 1, 4]],
        |g, x| g.conv2d(x[0], x[1], plain),
        "layer: conv2d expects filters that fit into the padded image, and a stride and a dilation that are not zero, \
         found images [1, 2, 8, 1] and filters [3, 3, 1, 4], stride 1 by 1, padding 0, 0, 0, 0, dilation 1 by 1"
    );
    says!(
        &[&[1, 8, 8, 1]],
        |g, x| g.max_pool2d(
            x[0],
            Window {
                padding: [2; 4],
                ..Window::square(2)
            }
        ),
        "layer: max_pool2d expects images that a window of 2 by 2 fits in, a stride that is not zero and a padding \
         smaller than the window, found [1, 8, 8, 1], stride 2 by 2, padding [2, 2, 2, 2]"
    );
    says!(
        &[&[1, 4, 4, 2], &[3, 3, 2, 5]],
        |g, x| g.conv2d_transpose(x[0], x[1], plain, [6, 6]),
        "layer: conv2d_grad_input expects a gradient [1, 4, 4, 5] for images [1, 6, 6, 2] and filters [3, 3, 2, 5], \
         found [1, 4, 4, 2]"
    );
}

#[test]
fn norms_and_losses() {
    says!(
        &[&[4, 3], &[2, 3], &[3], &[2]],
        |g, x| g.add(
            BatchNorm {
                epsilon: 1e-3,
                batch_statistics: true
            }
            .into(),
            x
        ),
        "layer: batch_norm expects statistics [2, 3], gamma and beta [3] for [4, 3], found [2, 3], [3] and [2]"
    );
    says!(
        &[&[4, 3], &[3], &[3]],
        |g, x| g.layer_norm(x[0], x[1], x[2], -1.0),
        "layer: layer_norm expects a finite epsilon that is not negative, found -1"
    );
    says!(
        &[&[4, 3], &[5]],
        |g, x| g.sparse_cross_entropy(x[0], x[1], 0.0),
        "layer: sparse_cross_entropy expects labels [4] for logits [4, 3], found [5]"
    );
    says!(
        &[&[4, 3], &[4, 2]],
        |g, x| g.soft_cross_entropy(x[0], x[1], 0.0),
        "layer: soft_cross_entropy expects targets [4, 3] like the logits, found [4, 2]"
    );
    says!(
        &[&[]],
        |g, x| g.softmax(x[0]),
        "layer: softmax expects at least one dimension, found []"
    );
}

#[test]
fn moving() {
    says!(
        &[&[2, 3]],
        |g, x| g.reshape(x[0], Shape::fixed(&[4])),
        "layer: reshape expects one input with as many values as [4] holds, found [2, 3]"
    );
    says!(
        &[&[2, 3]],
        |g, x| g.add(
            Reduce {
                kind: ReduceKind::Sum,
                axes: vec![1, 0],
                keep: false
            }
            .into(),
            x
        ),
        "layer: reduce expects ascending dimensions of its input, found [1, 0] of [2, 3]"
    );
    says!(
        &[&[2, 3]],
        |g, x| g.broadcast_to(x[0], Shape::fixed(&[4, 3])),
        "layer: broadcast_to expects a shape of the same rank that repeats to [4, 3], found [2, 3]"
    );
    says!(
        &[&[2, 3]],
        |g, x| g.transpose(x[0], &[0, 0]),
        "layer: transpose expects each of the 2 dimensions of [2, 3] once, found [0, 0]"
    );
    says!(
        &[&[2, 3]],
        |g, x| g.slice(x[0], 1, 2, 2),
        "layer: slice expects 2 places from place 2 on along dimension 1, found [2, 3]"
    );
    says!(
        &[&[2, 3], &[2, 4]],
        |g, x| g.concat(x, 0),
        "layer: concat expects shapes with known sizes of dimension 0 that are alike in all others, found [2, 3] and [2, 4]"
    );
    says!(
        &[&[2]],
        |g, x| g.pad(x[0], &[1], &[], 0.0),
        "layer: pad expects a number of places before and after each dimension, none at one of open size, \
         found [2], before [1], after []"
    );
    says!(
        &[&[2], &[2]],
        |g, x| g.gather(x[0], x[1]),
        "layer: gather expects a table [rows, width], found [2]"
    );
}

#[test]
fn symbols_are_shown_by_name_and_an_operator_outside_any_layer_by_its_own() {
    let mut graph = Graph::new();
    let x = graph.input(
        "x",
        Shape(vec![
            Dim::Symbol(Symbol::Batch),
            Dim::Symbol(Symbol::Time),
            Dim::Size(2),
        ]),
    );
    let error = graph.flatten(x).expect_err("open sizes").to_string();
    assert_eq!(
        error,
        "flatten: reshape expects known sizes behind the first dimension, found [batch, time, 2]"
    );
    let error = graph
        .slice(x, 0, 0, 1)
        .expect_err("an open size")
        .to_string();
    assert_eq!(
        error,
        "slice: slice expects 1 places from place 0 on along dimension 0, found [batch, time, 2]"
    );
}

#[test]
fn a_loss_of_many_numbers_is_refused() {
    let mut graph = Graph::new();
    let w = graph.parameter("w", &[3]);
    assert_eq!(
        gradients(&mut graph, w, &[w])
            .expect_err("not a scalar")
            .to_string(),
        "a gradient needs a loss of one number, found the shape [3]: reduce it first, for example by its mean"
    );
}
