//! Binding, simplifying, and running.

use std::collections::HashMap;

use jingwei_graph::passes::{bind, simplify};
use jingwei_graph::{
    Error, Graph, NodeId, Op, Result, RunContext, Shape, Symbol, gradients, reference,
};

/// A small classifier: its graph, the loss and the gradients of its two parameters.
fn classifier() -> Result<(Graph, NodeId, Vec<NodeId>)> {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[4]));
    let labels = graph.input("labels", Shape::batch_of(&[]));
    let w = graph.parameter("w", &[4, 3]);
    let b = graph.parameter("b", &[3]);
    graph.set_layer("dense");
    let logits = graph.matmul(x, w)?;
    let logits = graph.add_values(logits, b)?;
    let losses = graph.sparse_cross_entropy(logits, labels, 0.0)?;
    let loss = graph.mean_all(losses)?;
    let gradient = gradients(&mut graph, loss, &[w, b])?;
    Ok((graph, loss, gradient))
}

fn values(batch: usize) -> HashMap<String, Vec<f32>> {
    let ramp = |len: usize| {
        (0..len)
            .map(|i| (i % 7) as f32 * 0.25 - 0.5)
            .collect::<Vec<_>>()
    };
    HashMap::from([
        ("x".to_owned(), ramp(4 * batch)),
        (
            "labels".to_owned(),
            (0..batch).map(|i| (i % 3) as f32).collect(),
        ),
        ("w".to_owned(), ramp(12)),
        ("b".to_owned(), vec![0.1, -0.2, 0.3]),
    ])
}

#[test]
fn a_mean_divides_by_the_size_that_the_batch_has() {
    let (graph, loss, gradient) = classifier().expect("fits");
    graph.validate().expect("valid");
    for batch in [1, 2, 5] {
        let bound = bind(&graph, &[(Symbol::Batch, batch)]).expect("fits");
        let found = reference::evaluate(
            &bound,
            &[loss, gradient[1]],
            &values(batch),
            RunContext::default(),
        );
        let found = found.expect("bound");
        // The gradients of the biases of a cross-entropy add up to zero; their mean is not scaled by the batch.
        assert!(found[1].iter().sum::<f32>().abs() < 1e-6);
        assert!((0.1..3.0).contains(&found[0][0]), "{}", found[0][0]);
    }
}

#[test]
fn twice_the_same_batch_has_the_same_mean_and_gradient() {
    let (graph, loss, gradient) = classifier().expect("fits");
    let wanted = [loss, gradient[0], gradient[1]];
    let run = |copies: usize| {
        let mut values = values(3);
        for name in ["x", "labels"] {
            let once = values[name].clone();
            values.insert(name.to_owned(), once.repeat(copies));
        }
        let bound = bind(&graph, &[(Symbol::Batch, 3 * copies)]).expect("fits");
        reference::evaluate(&bound, &wanted, &values, RunContext::default())
            .expect("bound")
            .concat()
    };
    for (once, twice) in run(1).iter().zip(run(2)) {
        assert!((once - twice).abs() < 1e-6, "{once} {twice}");
    }
}

#[test]
fn an_unbound_symbol_is_named() {
    let (graph, loss, _) = classifier().expect("fits");
    let error = bind(&graph, &[(Symbol::Time, 3)]).expect_err("unbound");
    assert!(
        matches!(&error, Error::Unbound { symbol, .. } if symbol == "batch"),
        "{error}"
    );
    let error = reference::evaluate(&graph, &[loss], &values(1), RunContext::default())
        .expect_err("unbound");
    assert!(matches!(error, Error::Unbound { .. }), "{error}");
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[2]));
    graph.square(x).expect("any shape");
    let error = bind(&graph, &[(Symbol::Batch, usize::MAX)]).expect_err("too large");
    assert!(matches!(error, Error::Invalid { node: 0, .. }), "{error}");
}

#[test]
fn simplifying_drops_what_nobody_wants_and_keeps_the_result() {
    let (mut graph, loss, gradient) = classifier().expect("fits");
    let unused = graph.square(loss).expect("any shape");
    graph.exp(unused).expect("any shape");
    let (simple, wanted) = simplify(&graph, &[gradient[1], loss, gradient[0]]);
    simple.validate().expect("valid");
    assert!(simple.nodes().len() < graph.nodes().len() - 1);
    assert_eq!(simple.shape(wanted[0]), &Shape::fixed(&[3]));
    assert_eq!(simple.shape(wanted[1]), &Shape::scalar());
    let run = |graph: &Graph, wanted: &[NodeId]| {
        let bound = bind(graph, &[(Symbol::Batch, 4)]).expect("fits");
        reference::evaluate(&bound, wanted, &values(4), RunContext::default()).expect("bound")
    };
    assert_eq!(
        run(&simple, &wanted),
        run(&graph, &[gradient[1], loss, gradient[0]])
    );
    let (again, _) = simplify(&simple, &wanted);
    assert_eq!(again, simple);
}

#[test]
fn equal_nodes_are_merged_and_different_ones_are_not() {
    let mut graph = Graph::new();
    let x = graph.parameter("x", &[2, 2]);
    let [first, second] = [0, 1].map(|_| graph.scale(x, 2.0).expect("any shape"));
    let third = graph.scale(x, 3.0).expect("any shape");
    let [drop, same, other] =
        [1, 1, 2].map(|stream| graph.dropout(x, 0.5, stream).expect("any shape"));
    let (simple, wanted) = simplify(&graph, &[first, second, third, drop, same, other]);
    assert_eq!(wanted[0], wanted[1]);
    assert_ne!(wanted[0], wanted[2]);
    assert_eq!(wanted[3], wanted[4]);
    assert_ne!(wanted[3], wanted[5]);
    // x, two constants, two products, two dropouts
    assert_eq!(simple.nodes().len(), 7);
}

#[test]
fn a_reshape_that_a_merge_made_idle_disappears() {
    let mut graph = Graph::new();
    let x = graph.parameter("x", &[2, 3]);
    let y = graph
        .add(
            jingwei_graph::ops::Reshape {
                shape: Shape::fixed(&[2, 3]),
            }
            .into(),
            &[x],
        )
        .expect("fits");
    let y = graph.exp(y).expect("any shape");
    let (simple, _) = simplify(&graph, &[y]);
    assert!(
        !simple
            .nodes()
            .iter()
            .any(|node| matches!(node.op, Op::Reshape(_)))
    );
}

#[test]
fn only_the_leaves_that_are_needed_are_asked_for() {
    let (graph, loss, gradient) = classifier().expect("fits");
    let bound = bind(&graph, &[(Symbol::Batch, 2)]).expect("fits");
    let mut given = values(2);
    let error = |given: &HashMap<String, Vec<f32>>| {
        reference::evaluate(&bound, &[gradient[0]], given, RunContext::default())
            .expect_err("missing")
            .to_string()
    };
    given.insert("w".to_owned(), vec![0.0; 5]);
    assert_eq!(
        error(&given),
        "broken graph: node 2: `w` needs 12 values, found 5"
    );
    given.remove("w");
    assert_eq!(
        error(&given),
        "broken graph: node 2: `w` needs 12 values, found none"
    );
    assert!(reference::evaluate(&bound, &[NodeId(0)], &given, RunContext::default()).is_ok());
    assert!(loss.index() > 0);
}

#[test]
fn gradients_belong_to_the_layer_they_come_from() {
    let (graph, loss, gradient) = classifier().expect("fits");
    assert!(gradient[0] > loss);
    assert_eq!(graph.node(gradient[0]).layer, "dense");
}
