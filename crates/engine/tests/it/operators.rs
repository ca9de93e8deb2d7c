//! Every operator through a plan, against its reference loop.

use std::collections::HashMap;

use jingwei_engine::{Buffer, Function, Layout, Level, RunContext, Runtime, Workspace};
use jingwei_graph::ops::{
    self, BinaryKind, CompareKind, ConvAttributes, ReduceKind, UnaryKind, Window,
};
use jingwei_graph::{Graph, Op, Shape, gradients, reference};

use crate::noise;

/// Runs one operator on noise (or on the given values) at every level and on several threads.
fn check(op: impl Into<Op>, shapes: &[&[usize]], given: &[(usize, Vec<f32>)]) {
    let op: Op = op.into();
    let mut graph = Graph::new();
    let mut leaves = HashMap::new();
    let mut inputs = Vec::new();
    for (index, sizes) in shapes.iter().enumerate() {
        let name = format!("input {index}");
        inputs.push(graph.input(&name, Shape::fixed(sizes)));
        let own = given
            .iter()
            .find(|(place, _)| *place == index)
            .map(|(_, values)| values.clone());
        leaves.insert(
            name.clone(),
            own.unwrap_or_else(|| noise(&name, sizes.iter().product())),
        );
    }
    let output = graph.add(op.clone(), &inputs).unwrap();
    let context = RunContext { seed: 7, step: 3 };
    let expected = reference::evaluate(&graph, &[output], &leaves, context)
        .unwrap()
        .remove(0);
    let function = Function::new(graph, vec![output], Layout::default(), Layout::default());
    for level in Level::available() {
        for threads in [1, 2] {
            let runtime = Runtime::new(level, threads).unwrap();
            let plan = function.plan(1, level).unwrap();
            let mut workspace = Workspace::for_training(&function, &runtime);
            for (index, name) in plan.input_names().iter().enumerate() {
                workspace
                    .input_mut(&plan, index)
                    .copy_from_slice(&leaves[name]);
            }
            plan.run(&runtime, &mut workspace, context);
            let scale =
                expected.iter().fold(
                    1.0f32,
                    |m, v| if v.is_finite() { m.max(v.abs()) } else { m },
                );
            for (index, (found, expected)) in
                workspace.output(&plan, 0).iter().zip(&expected).enumerate()
            {
                let close = (found - expected).abs() <= 1e-5 * scale || found == expected;
                assert!(
                    close || (found.is_nan() && expected.is_nan()),
                    "{op:?} at {level}: [{index}] is {found}, not {expected}"
                );
            }
        }
    }
}

fn positive(len: usize) -> Vec<f32> {
    noise("positive", len)
        .iter()
        .map(|v| v.abs() + 0.1)
        .collect()
}

const UNARY: [UnaryKind; 14] = [
    UnaryKind::Relu,
    UnaryKind::LeakyRelu(0.2),
    UnaryKind::Gelu,
    UnaryKind::Silu,
    UnaryKind::Sigmoid,
    UnaryKind::Tanh,
    UnaryKind::Softplus,
    UnaryKind::Exp,
    UnaryKind::Log,
    UnaryKind::Sqrt,
    UnaryKind::Square,
    UnaryKind::Neg,
    UnaryKind::Abs,
    UnaryKind::Reciprocal,
];

#[test]
fn functions_of_one_value() {
    for kind in UNARY {
        let values = if matches!(
            kind,
            UnaryKind::Log | UnaryKind::Sqrt | UnaryKind::Reciprocal
        ) {
            vec![(0, positive(3 * 37))]
        } else {
            Vec::new()
        };
        check(ops::Unary { kind }, &[&[3, 37]], &values);
        check(ops::UnaryGrad { kind }, &[&[3, 37], &[3, 37]], &values);
    }
}

#[test]
fn functions_of_two_values_broadcast() {
    let kinds = [
        BinaryKind::Add,
        BinaryKind::Sub,
        BinaryKind::Mul,
        BinaryKind::Div,
        BinaryKind::Max,
        BinaryKind::Min,
        BinaryKind::Pow,
    ];
    let shapes: [[&[usize]; 2]; 8] = [
        [&[3, 5, 7], &[3, 5, 7]],
        [&[3, 5, 7], &[7]],
        [&[3, 5, 7], &[1, 5, 7]],
        [&[3, 5, 7], &[3, 1, 1]],
        [&[3, 5, 7], &[3, 1, 7]],
        [&[3, 5, 7], &[]],
        [&[7], &[5, 1]],
        [&[1, 1], &[1]],
    ];
    for pair in shapes {
        let left = positive(pair[0].iter().product());
        for kind in kinds {
            check(ops::Binary { kind }, &pair, &[(0, left.clone())]);
        }
        for kind in [
            CompareKind::Equal,
            CompareKind::NotEqual,
            CompareKind::Less,
            CompareKind::GreaterEqual,
        ] {
            check(ops::Compare { kind }, &pair, &[]);
        }
    }
    check(
        ops::Where {},
        &[&[4, 5], &[4, 5], &[4, 5]],
        &[(0, (0..20).map(|i| (i % 3) as f32).collect())],
    );
    check(
        ops::Where {},
        &[&[4, 1], &[5], &[4, 5]],
        &[(0, vec![0.0, 1.0, 0.0, 1.0])],
    );
}

#[test]
fn reductions_and_broadcasts() {
    for kind in [ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max] {
        for axes in [
            vec![],
            vec![0],
            vec![1],
            vec![3],
            vec![0, 1, 2],
            vec![1, 2],
            vec![0, 2],
            vec![0, 1, 2, 3],
        ] {
            for keep in [false, true] {
                check(
                    ops::Reduce {
                        kind,
                        axes: axes.clone(),
                        keep,
                    },
                    &[&[3, 4, 5, 6]],
                    &[],
                );
            }
        }
    }
    for average in [false, true] {
        for from in [
            [1, 1, 1],
            [3, 1, 1],
            [1, 4, 5],
            [1, 4, 1],
            [3, 1, 5],
            [3, 4, 5],
        ] {
            check(
                ops::BroadcastTo {
                    shape: Shape::fixed(&[3, 4, 5]),
                    average,
                },
                &[&from],
                &[],
            );
        }
    }
}

#[test]
fn products() {
    for (m, n, k) in [
        (1, 1, 1),
        (1, 10, 128),
        (64, 10, 128),
        (5, 33, 17),
        (130, 70, 40),
        (3, 4, 0),
    ] {
        for (transpose_a, transpose_b) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let a = if transpose_a { [k, m] } else { [m, k] };
            let b = if transpose_b { [n, k] } else { [k, n] };
            check(
                ops::MatMul {
                    transpose_a,
                    transpose_b,
                    ..ops::MatMul::default()
                },
                &[&a, &b],
                &[],
            );
        }
    }
}

#[test]
fn products_of_sequences() {
    let product = |transpose_a, transpose_b| ops::MatMul {
        transpose_a,
        transpose_b,
        ..ops::MatMul::default()
    };
    check(product(false, false), &[&[3, 5, 7], &[7, 9]], &[]);
    check(product(false, true), &[&[3, 5, 7], &[9, 7]], &[]);
    check(product(true, false), &[&[3, 5, 7], &[3, 5, 9]], &[]);
}

#[test]
fn convolutions_and_their_gradients() {
    let plain = ConvAttributes::default();
    let cases = [
        (plain, [2, 9, 8, 3], [3, 3], 5),
        (
            ConvAttributes {
                stride: [2, 1],
                padding: [1, 0, 2, 1],
                ..plain
            },
            [3, 9, 8, 4],
            [3, 2],
            6,
        ),
        (
            ConvAttributes {
                dilation: [2, 3],
                padding: [2; 4],
                ..plain
            },
            [2, 9, 10, 4],
            [3, 3],
            6,
        ),
        (
            ConvAttributes {
                groups: 2,
                padding: [1; 4],
                ..plain
            },
            [2, 7, 7, 4],
            [3, 3],
            6,
        ),
        (
            ConvAttributes { groups: 8, ..plain },
            [2, 7, 7, 8],
            [3, 3],
            8,
        ),
        (plain, [4, 1, 20, 16], [1, 5], 32),
        (plain, [2, 6, 6, 16], [1, 1], 40),
    ];
    for (attributes, x, kernel, filters) in cases {
        let w = [kernel[0], kernel[1], x[3] / attributes.groups, filters];
        let mut graph = Graph::new();
        let (a, b) = (
            graph.input("x", Shape::fixed(&x)),
            graph.input("w", Shape::fixed(&w)),
        );
        let y = graph
            .add(ops::Conv2d { attributes }.into(), &[a, b])
            .unwrap();
        let y = graph.shape(y).sizes().unwrap();
        check(ops::Conv2d { attributes }, &[&x, &w], &[]);
        check(
            ops::Conv2dGradInput {
                attributes,
                shape: Shape::fixed(&x),
            },
            &[&w, &y],
            &[],
        );
        check(ops::Conv2dGradFilter { attributes, kernel }, &[&x, &y], &[]);
    }
}

#[test]
fn pooling_and_its_gradients() {
    let windows = [
        Window {
            size: [2, 2],
            stride: [2, 2],
            padding: [0; 4],
        },
        Window {
            size: [3, 2],
            stride: [1, 2],
            padding: [1, 0, 1, 1],
        },
        Window {
            size: [3, 3],
            stride: [3, 3],
            padding: [1; 4],
        },
    ];
    for window in windows {
        let x = [2, 9, 8, 20];
        let mut graph = Graph::new();
        let input = graph.input("x", Shape::fixed(&x));
        let y = graph
            .add(ops::MaxPool2d { window }.into(), &[input])
            .unwrap();
        let y = graph.shape(y).sizes().unwrap();
        check(ops::MaxPool2d { window }, &[&x], &[]);
        check(ops::MaxPool2dGrad { window }, &[&x, &y], &[]);
        max_pool_network(window, x);
        for include_padding in [false, true] {
            check(
                ops::AvgPool2d {
                    window,
                    include_padding,
                },
                &[&x],
                &[],
            );
            check(
                ops::AvgPool2dGrad {
                    window,
                    include_padding,
                    height: 9,
                    width: 8,
                },
                &[&y],
                &[],
            );
        }
    }
}

/// The gradient next to its forward pass, which tells it what won.
fn max_pool_network(window: Window, x: [usize; 4]) {
    let mut graph = Graph::new();
    let leaf = graph.parameter("x", &x);
    let y = graph
        .add(ops::MaxPool2d { window }.into(), &[leaf])
        .unwrap();
    let squares = graph.square(y).unwrap();
    let loss = graph.sum_all(squares).unwrap();
    let gradient = gradients(&mut graph, loss, &[leaf]).unwrap()[0];
    let values = noise("x", x.iter().product());
    let leaves = HashMap::from([("x".to_owned(), values.clone())]);
    let expected = reference::evaluate(&graph, &[gradient], &leaves, RunContext::default())
        .unwrap()
        .remove(0);
    let parameters = Layout::new([("x", x.to_vec())]);
    let function = Function::new(graph, vec![gradient], parameters, Layout::default());
    for level in Level::available() {
        let runtime = Runtime::new(level, 2).unwrap();
        let plan = function.plan(1, level).unwrap();
        let mut workspace = Workspace::for_training(&function, &runtime);
        workspace.buffer_mut(Buffer::Parameters)[..values.len()].copy_from_slice(&values);
        plan.run(&runtime, &mut workspace, RunContext::default());
        assert_eq!(workspace.output(&plan, 0), expected, "{level}");
    }
}

#[test]
fn normalisation() {
    for c in [1, 5, 40] {
        let (x, pair) = ([6, 4, c], [2, c]);
        let statistics: Vec<f32> = noise("mean", c).into_iter().chain(positive(c)).collect();
        check(ops::BatchStatistics {}, &[&x], &[]);
        for batch_statistics in [false, true] {
            let epsilon = 1e-3;
            let given = [(1, statistics.clone())];
            check(
                ops::BatchNorm {
                    epsilon,
                    batch_statistics,
                },
                &[&x, &pair, &[c], &[c]],
                &given,
            );
            check(
                ops::BatchNormGradParameters { epsilon },
                &[&x, &pair, &x],
                &given,
            );
            check(
                ops::BatchNormGradInput {
                    epsilon,
                    batch_statistics,
                },
                &[&x, &pair, &[c], &x, &pair],
                &given,
            );
        }
        let epsilon = 1e-3;
        check(ops::LayerNorm { epsilon }, &[&x, &[c], &[c]], &[]);
        check(ops::LayerNormGradInput { epsilon }, &[&x, &[c], &x], &[]);
        check(ops::LayerNormGradParameters { epsilon }, &[&x, &x], &[]);
        check(ops::RmsNorm { epsilon }, &[&x, &[c]], &[]);
        check(ops::RmsNormGradInput { epsilon }, &[&x, &[c], &x], &[]);
        check(ops::RmsNormGradScale { epsilon }, &[&x, &x], &[]);
    }
}

#[test]
fn attention_and_its_gradients() {
    for (heads, kv_heads, depth) in [(2, 2, 16), (4, 2, 5), (3, 1, 40)] {
        let (q, k) = ([2, 9, heads, depth], [2, 11, kv_heads, depth]);
        let mask = (0..22).map(|i| f32::from(u8::from(i % 3 > 0 && i < 18)));
        let mask: Vec<f32> = mask.collect();
        for causal in [false, true] {
            let scale = 0.4;
            check(ops::Attention { causal, scale }, &[&q, &k, &k], &[]);
            check(
                ops::Attention { causal, scale },
                &[&q, &k, &k, &[2, 11]],
                &[(3, mask.clone())],
            );
            let gradients: [Op; 3] = [
                ops::AttentionGradQuery { causal, scale }.into(),
                ops::AttentionGradKey { causal, scale }.into(),
                ops::AttentionGradValue { causal, scale }.into(),
            ];
            for op in gradients {
                check(op.clone(), &[&q, &k, &k, &q], &[]);
                check(op, &[&q, &k, &k, &q, &[2, 11]], &[(4, mask.clone())]);
            }
        }
    }
    for inverse in [false, true] {
        let base = 100.0;
        check(
            ops::RotaryEmbedding { base, inverse },
            &[&[2, 9, 3, 10]],
            &[],
        );
    }
}

#[test]
fn positions() {
    check(ops::AddPositions {}, &[&[3, 5, 7], &[9, 7]], &[]);
    check(ops::AddPositions {}, &[&[3, 9, 7], &[9, 7]], &[]);
    for rows in [5, 9] {
        check(ops::AddPositionsGrad { rows }, &[&[3, 5, 7]], &[]);
    }
    check(ops::AddSinusoids { base: 50.0 }, &[&[3, 5, 7]], &[]);
}

#[test]
fn layout_operators() {
    for permutation in [
        vec![1, 0, 2, 3],
        vec![3, 2, 1, 0],
        vec![0, 2, 3, 1],
        vec![0, 1, 3, 2],
    ] {
        check(ops::Transpose { permutation }, &[&[2, 3, 4, 5]], &[]);
    }
    check(
        ops::Slice {
            axis: 1,
            start: 1,
            len: 2,
        },
        &[&[3, 4, 5]],
        &[],
    );
    check(
        ops::Pad {
            before: vec![0, 1, 2],
            after: vec![1, 0, 3],
            value: -2.0,
        },
        &[&[3, 4, 5]],
        &[],
    );
    for count in [1, 2, 7] {
        let shapes: Vec<&[usize]> = [&[2, 3, 4][..], &[2, 1, 4], &[2, 5, 4]]
            .into_iter()
            .cycle()
            .take(count)
            .collect();
        check(ops::Concat { axis: 1 }, &shapes, &[]);
    }
    let indices = vec![3.0, 0.0, 3.0, 1.0, 9.0, -1.0];
    check(ops::Gather {}, &[&[4, 5], &[2, 3]], &[(1, indices.clone())]);
    check(
        ops::GatherGrad { rows: 4 },
        &[&[6], &[6, 5]],
        &[(0, indices)],
    );
}

#[test]
fn softmax_and_losses() {
    for k in [1, 2, 10, 37] {
        check(ops::Softmax {}, &[&[9, k]], &[]);
        check(ops::LogSoftmax {}, &[&[9, k]], &[]);
        check(ops::SoftmaxGrad {}, &[&[9, k], &[9, k]], &[]);
        check(ops::LogSoftmaxGrad {}, &[&[9, k], &[9, k]], &[]);
        for label_smoothing in [0.0, 0.1] {
            let labels = (0..9)
                .map(|i| if i == 4 { 99.0 } else { (i % k) as f32 })
                .collect();
            let given = [(1, labels)];
            check(
                ops::SparseCrossEntropy { label_smoothing },
                &[&[9, k], &[9]],
                &given,
            );
            check(
                ops::SparseCrossEntropyGrad { label_smoothing },
                &[&[9, k], &[9], &[9]],
                &given,
            );
            check(
                ops::SoftCrossEntropy { label_smoothing },
                &[&[9, k], &[9, k]],
                &[],
            );
            check(
                ops::SoftCrossEntropyGrad { label_smoothing },
                &[&[9, k], &[9, k], &[9]],
                &[],
            );
        }
    }
}

#[test]
fn dropout_is_the_same_everywhere() {
    check(
        ops::Dropout {
            rate: 0.3,
            stream: 0x1234_5678_9abc_def0,
        },
        &[&[7, 301]],
        &[],
    );
}

#[test]
fn the_largest_over_time() {
    let mask: Vec<f32> = (0..3 * 300)
        .map(|i| f32::from(u8::from(i >= 300 && i % 3 > 0)))
        .collect();
    for channels in [1, 5, 64] {
        let sizes = [3, 300, channels];
        check(ops::MaxOverTime {}, &[&sizes], &[]);
        check(
            ops::MaxOverTime {},
            &[&sizes, &[3, 300]],
            &[(1, mask.clone())],
        );
        check(
            ops::MaxOverTimeGrad {},
            &[&sizes, &[3, channels], &[3, 300]],
            &[(2, mask.clone())],
        );
    }
}

#[test]
fn ngrams_are_hashed() {
    let ids = (0..60).map(|i| (i * i % 17) as f32).collect();
    check(
        ops::NgramHash { n: 2, buckets: 50 },
        &[&[3, 20]],
        &[(0, ids)],
    );
}

#[test]
fn ids_are_selected() {
    let ids = (0..60).map(|i| (i * i % 17) as f32).collect();
    check(ops::SelectIds { from: 3, to: 12 }, &[&[3, 20]], &[(0, ids)]);
}

#[test]
fn conditional_random_fields() {
    let (batch, time) = (5, 23);
    let mask: Vec<f32> = (0..batch * time)
        .map(|i| f32::from(u8::from(i / time < 4 && i * i % 7 != 3)))
        .collect();
    for tags in [1, 3, 13, 17] {
        let (chain, steps, scores) = ([batch, time, tags], [batch, time], [tags + 2, tags]);
        let given: Vec<f32> = (0..batch * time).map(|i| (i * 5 % tags) as f32).collect();
        let wide: Vec<f32> = noise("emissions", batch * time * tags)
            .iter()
            .map(|v| v * 20.0)
            .collect();
        for emissions in [wide, noise("emissions", batch * time * tags)] {
            let of = |mask_at: usize| vec![(0, emissions.clone()), (mask_at, mask.clone())];
            check(ops::ViterbiDecode {}, &[&chain, &scores, &steps], &of(2));
            check(ops::CrfMarginals {}, &[&chain, &scores, &steps], &of(2));
            let mut with_tags = of(3);
            with_tags.push((1, given.clone()));
            check(
                ops::CrfLoss {},
                &[&chain, &steps, &scores, &steps],
                &with_tags,
            );
            let shapes: [&[usize]; 5] = [&chain, &steps, &scores, &steps, &[batch]];
            check(ops::CrfEmissionsGrad {}, &shapes, &with_tags);
            check(ops::CrfScoresGrad {}, &shapes, &with_tags);
        }
    }
}
