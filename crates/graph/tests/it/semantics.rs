//! What operators do at their edges: ties, NaN, infinities, wrong labels, empty tensors.

use std::collections::HashMap;

use jingwei_graph::ops::{self, BinaryKind, CompareKind, ReduceKind, UnaryKind, Window};
use jingwei_graph::{Graph, NodeId, Result, RunContext, Shape, reference};

fn run(
    inputs: &[(&[usize], &[f32])],
    build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>,
) -> Vec<f32> {
    run_at(RunContext::default(), inputs, build)
}

fn run_at(
    context: RunContext,
    inputs: &[(&[usize], &[f32])],
    build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>,
) -> Vec<f32> {
    let mut graph = Graph::new();
    let ids: Vec<NodeId> = inputs
        .iter()
        .enumerate()
        .map(|(i, (sizes, _))| graph.input(format!("x{i}"), Shape::fixed(sizes)))
        .collect();
    let y = build(&mut graph, &ids).expect("the operands fit");
    let values: HashMap<String, Vec<f32>> = inputs
        .iter()
        .enumerate()
        .map(|(i, (_, data))| (format!("x{i}"), data.to_vec()))
        .collect();
    reference::evaluate(&graph, &[y], &values, context)
        .expect("bound")
        .remove(0)
}

const NAN: f32 = f32::NAN;
const INFINITY: f32 = f32::INFINITY;

#[test]
fn nan_is_never_lost() {
    for kind in [
        UnaryKind::Relu,
        UnaryKind::LeakyRelu(0.1),
        UnaryKind::Gelu,
        UnaryKind::Silu,
        UnaryKind::Softplus,
    ] {
        assert!(
            run(&[(&[], &[NAN])], |graph, x| graph.unary(kind, x[0]))[0].is_nan(),
            "{kind:?}"
        );
    }
    for kind in [BinaryKind::Max, BinaryKind::Min] {
        let found = run(&[(&[2], &[NAN, 1.0]), (&[2], &[1.0, NAN])], |graph, x| {
            graph.binary(kind, x[0], x[1])
        });
        assert!(
            found.iter().all(|value| value.is_nan()),
            "{kind:?}: {found:?}"
        );
    }
    let image = [1.0, NAN, 2.0, 0.0];
    assert!(
        run(&[(&[1, 2, 2, 1], &image)], |graph, x| graph
            .max_pool2d(x[0], Window::square(2)))[0]
            .is_nan()
    );
    assert!(
        run(&[(&[4], &image)], |graph, x| graph.reduce(
            ReduceKind::Max,
            x[0],
            &[0],
            false
        ))[0]
            .is_nan()
    );
    assert!(
        run(&[(&[1, 4], &image)], |graph, x| graph.softmax(x[0]))
            .iter()
            .all(|value| value.is_nan())
    );
}

#[test]
fn extreme_values_do_not_overflow() {
    let logits: (&[usize], &[f32]) = (&[1, 3], &[1000.0, 0.0, -1000.0]);
    assert_eq!(
        run(&[logits], |graph, x| graph.softmax(x[0])),
        [1.0, 0.0, 0.0]
    );
    assert_eq!(
        run(&[logits], |graph, x| graph.log_softmax(x[0])),
        [0.0, -1000.0, -2000.0]
    );
    let loss = run(&[logits, (&[1], &[2.0])], |graph, x| {
        graph.sparse_cross_entropy(x[0], x[1], 0.0)
    });
    assert_eq!(loss, [2000.0]);
    let masked: (&[usize], &[f32]) = (&[1, 2], &[0.0, -INFINITY]);
    assert_eq!(run(&[masked], |graph, x| graph.softmax(x[0])), [1.0, 0.0]);
    let loss = run(&[masked, (&[1, 2], &[1.0, 0.0])], |graph, x| {
        graph.soft_cross_entropy(x[0], x[1], 0.0)
    });
    assert_eq!(loss, [0.0]);
    assert_eq!(
        run(&[(&[2], &[200.0, -200.0])], |graph, x| graph.softplus(x[0])),
        [200.0, 0.0]
    );
}

#[test]
fn a_wrong_label_gives_nan_and_never_a_panic() {
    let labels = [-1.0, 3.0, 0.5, NAN, INFINITY, 1.0];
    let found = run(&[(&[6, 3], &[0.0; 18]), (&[6], &labels)], |graph, x| {
        graph.sparse_cross_entropy(x[0], x[1], 0.1)
    });
    assert!(found[..5].iter().all(|loss| loss.is_nan()), "{found:?}");
    assert!((found[5] - 3.0f32.ln()).abs() < 1e-6);
}

#[test]
fn a_wrong_index_gives_a_row_of_nan() {
    let table: (&[usize], &[f32]) = (&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let found = run(&[table, (&[4], &[1.0, 2.0, -1.0, NAN])], |graph, x| {
        graph.gather(x[0], x[1])
    });
    assert_eq!(found[..2], [3.0, 4.0]);
    assert!(found[2..].iter().all(|value| value.is_nan()));
}

#[test]
fn comparisons_with_nan_fail_but_for_inequality() {
    use CompareKind::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    for (kind, expected) in [
        (Equal, [0.0, 1.0]),
        (NotEqual, [1.0, 0.0]),
        (Less, [0.0, 0.0]),
        (LessEqual, [0.0, 1.0]),
        (Greater, [0.0, 0.0]),
        (GreaterEqual, [0.0, 1.0]),
    ] {
        let found = run(&[(&[2], &[NAN, 1.0]), (&[], &[1.0])], |graph, x| {
            graph.compare(kind, x[0], x[1])
        });
        assert_eq!(found, expected, "{kind:?}");
    }
}

#[test]
fn padding_never_wins() {
    let window = Window {
        size: [2, 2],
        stride: [2, 2],
        padding: [1; 4],
    };
    let found = run(&[(&[1, 2, 2, 1], &[-1.0, -2.0, -3.0, -4.0])], |graph, x| {
        graph.max_pool2d(x[0], window)
    });
    assert_eq!(found, [-1.0, -2.0, -3.0, -4.0]);
}

#[test]
fn dropout_depends_on_seed_step_and_stream_and_keeps_its_share() {
    let ones = vec![1.0; 20_000];
    let run = |seed, step, stream| {
        let context = RunContext { seed, step };
        run_at(context, &[(&[100, 200], &ones)], |graph, x| {
            graph.dropout(x[0], 0.25, stream)
        })
    };
    let first = run(1, 1, 1);
    assert_eq!(first, run(1, 1, 1));
    for other in [
        run(2, 1, 1),
        run(1, 2, 1),
        run(1, 1, 2),
        run(1 << 32 | 1, 1, 1),
        run(1, 1, 1 << 32 | 1),
    ] {
        assert_ne!(first, other);
    }
    let kept = first.iter().filter(|&&value| value > 0.0).count() as f64 / 20_000.0;
    // Four standard deviations of a share of 3/4 of 20,000.
    assert!(
        (kept - 0.75).abs() < 4.0 * (0.75f64 * 0.25 / 20_000.0).sqrt(),
        "{kept}"
    );
    assert!(
        first
            .iter()
            .all(|&value| value == 0.0 || value == 1.0 / 0.75)
    );
}

#[test]
fn empty_batches_pass_through() {
    let empty: (&[usize], &[f32]) = (&[0, 3], &[]);
    assert!(run(&[empty], |graph, x| graph.softmax(x[0])).is_empty());
    assert!(
        run(&[empty, (&[0], &[])], |graph, x| graph
            .sparse_cross_entropy(x[0], x[1], 0.0))
        .is_empty()
    );
    assert!(
        run(&[empty, (&[3, 2], &[0.0; 6])], |graph, x| graph
            .matmul(x[0], x[1]))
        .is_empty()
    );
    assert_eq!(run(&[empty], |graph, x| graph.sum_all(x[0])), [0.0]);
    assert!(run(&[empty], |graph, x| graph.mean_all(x[0]))[0].is_nan());
    assert!(run(&[empty, empty], |graph, x| graph.concat(x, 0)).is_empty());
    assert!(run(&[empty], |graph, x| graph.transpose(x[0], &[1, 0])).is_empty());
    assert!(run(&[empty], |graph, x| graph.slice(x[0], 1, 1, 2)).is_empty());
    let image: (&[usize], &[f32]) = (&[0, 4, 4, 2], &[]);
    assert!(
        run(&[image], |graph, x| graph
            .max_pool2d(x[0], Window::square(2)))
        .is_empty()
    );
    assert!(run(&[(&[2, 0], &[])], |graph, x| graph.softmax(x[0])).is_empty());
}

#[test]
fn ngrams_have_the_same_buckets_everywhere() {
    let hash = |n, buckets, ids: &[f32]| {
        let op = ops::NgramHash { n, buckets };
        run(&[(&[1, ids.len()], ids)], |graph, x| {
            graph.add(op.into(), x)
        })
    };
    // By the formula in the operator's documentation, computed elsewhere.
    let found = hash(2, 1000, &[5.0, 7.0, 1.0, 2.0, 0.0, 3.0, 4.0]);
    assert_eq!(found, [644.0, 345.0, 949.0, 0.0, 0.0, 911.0, 0.0]);
    let found = hash(3, 1 << 24, &[1.0, 20000.0, 16_777_216.0, 9.0]);
    assert_eq!(found, [4_189_608.0, 6_434_633.0, 0.0, 0.0]);
    assert_eq!(hash(1, 10, &[1.0, 2.0, 3.0, 0.0]), [1.0, 6.0, 3.0, 0.0]);
    assert_eq!(hash(2, 2, &[4.0, 4.0]), [1.0, 0.0]);
    assert_eq!(
        hash(3, 10, &[4.0, 4.0]),
        [0.0, 0.0],
        "too short for an n-gram"
    );
    let wrong = hash(1, 10, &[NAN, -1.0, 0.5, 3e7, INFINITY]);
    assert!(wrong.iter().all(|bucket| bucket.is_nan()), "{wrong:?}");
}

#[test]
fn selected_ids_come_first_and_padding_after_them() {
    let ids = [0.0, 5.0, 2.0, 9.0, 1.0, 4.0, 7.0, NAN, 4.0, 0.0];
    let select = |from, to| {
        run(&[(&[2, 5], &ids)], |graph, x| {
            graph.add(ops::SelectIds { from, to }.into(), x)
        })
    };
    let words = select(4, 9);
    assert_eq!(words[..7], [5.0, 0.0, 0.0, 0.0, 0.0, 4.0, 7.0]);
    assert!(words[7].is_nan(), "a wrong id shows");
    assert_eq!(words[8..], [4.0, 0.0]);
    assert_eq!(select(1, 4)[..5], [2.0, 1.0, 0.0, 0.0, 0.0]);
    let op = ops::SelectIds { from: 4, to: 9 };
    let kept: Vec<u32> = (0..12).filter(|&id| op.keeps(id)).collect();
    assert_eq!(kept, [4, 5, 6, 7, 8]);
}

#[test]
fn a_sequence_of_padding_has_the_maximum_0() {
    let x = [-3.0, 5.0, -1.0, 7.0, -2.0, NAN];
    let max = |mask: &[f32]| {
        run(&[(&[1, 3, 2], &x), (&[1, 3], mask)], |graph, x| {
            graph.add(ops::MaxOverTime {}.into(), x)
        })
    };
    assert_eq!(max(&[0.0, 0.0, 0.0]), [0.0, 0.0]);
    assert_eq!(max(&[1.0, 1.0, 0.0]), [-1.0, 7.0]);
    assert!(max(&[1.0, 0.0, 1.0])[1].is_nan());
}
