//! Every operator's gradient against finite differences.

use jingwei_graph::ops::{
    AddPositions, AddSinusoids, AvgPool2dGrad, Binary, BinaryKind, BroadcastTo, Conv2dGradFilter,
    ConvAttributes, GatherGrad, MatMul, MaxOverTime, ReduceKind, UnaryKind, Window,
};
use jingwei_graph::{Error, Graph, Shape, gradients};

use crate::differences::{Leaf, check};

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
        check(&[Leaf::apart(1, &[4, 5])], |graph, p| {
            graph.unary(kind, p[0])
        });
    }
    for kind in [Log, Sqrt, Reciprocal] {
        check(&[Leaf::between(2, &[7], 0.7, 2.0)], |graph, p| {
            graph.unary(kind, p[0])
        });
    }
}

#[test]
fn functions_of_two_values_with_broadcasting() {
    use BinaryKind::{Add, Div, Max, Min, Mul, Pow, Sub};
    for (a, b) in [
        (&[2, 3, 4][..], &[3, 1][..]),
        (&[1], &[2, 2]),
        (&[], &[3]),
        (&[2, 1], &[2, 1]),
    ] {
        for kind in [Add, Sub, Mul, Div, Pow] {
            let leaves = [Leaf::between(3, a, 0.7, 2.0), Leaf::between(4, b, 0.7, 2.0)];
            check(&leaves, |graph, p| graph.add(Binary { kind }.into(), p));
        }
    }
    for kind in [Max, Min] {
        let both = Leaf::apart(5, &[4, 3]);
        check(&[both], |graph, p| {
            let a = graph.slice(p[0], 0, 0, 3)?;
            let b = graph.slice(p[0], 0, 3, 1)?;
            graph.binary(kind, a, b)
        });
    }
}

#[test]
fn an_operand_used_twice_gets_both_gradients() {
    check(&[Leaf::random(6, &[3])], |graph, p| {
        graph.multiply(p[0], p[0])
    });
}

#[test]
fn choosing() {
    let condition = Leaf::given(&[2, 3], vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0]).constant();
    let leaves = [condition, Leaf::random(7, &[3]), Leaf::random(8, &[2, 1])];
    check(&leaves, |graph, p| graph.where_(p[0], p[1], p[2]));
}

#[test]
fn matrix_products() {
    for (transpose_a, transpose_b) in [(false, false), (false, true), (true, false), (true, true)] {
        let a = if transpose_a { [4, 3] } else { [3, 4] };
        let b = if transpose_b { [2, 4] } else { [4, 2] };
        check(&[Leaf::random(9, &a), Leaf::random(10, &b)], |graph, p| {
            graph.add(
                MatMul {
                    transpose_a,
                    transpose_b,
                    ..MatMul::default()
                }
                .into(),
                p,
            )
        });
    }
}

#[test]
fn matrix_products_of_sequences() {
    for (transpose_a, transpose_b, b) in [
        (false, false, &[4, 5][..]),
        (false, true, &[5, 4]),
        (true, false, &[2, 3, 5]),
    ] {
        let leaves = [Leaf::random(9, &[2, 3, 4]), Leaf::random(10, b)];
        check(&leaves, |graph, p| {
            let op = MatMul {
                transpose_a,
                transpose_b,
                ..MatMul::default()
            };
            graph.add(op.into(), p)
        });
    }
}

/// Attributes with the shapes of images and filters that try them.
fn convolutions() -> [(ConvAttributes, [usize; 4], [usize; 4]); 4] {
    let plain = ConvAttributes::default();
    [
        (plain, [2, 4, 3, 2], [3, 2, 2, 3]),
        (
            ConvAttributes {
                stride: [2, 1],
                padding: [1, 0, 2, 1],
                ..plain
            },
            [2, 5, 3, 1],
            [3, 2, 1, 2],
        ),
        (
            ConvAttributes {
                dilation: [2, 3],
                padding: [1; 4],
                ..plain
            },
            [1, 4, 5, 1],
            [2, 2, 1, 2],
        ),
        (
            ConvAttributes { groups: 2, ..plain },
            [1, 3, 3, 4],
            [2, 2, 2, 4],
        ),
    ]
}

#[test]
fn convolution() {
    for (attributes, x, w) in convolutions() {
        let leaves = [Leaf::random(11, &x), Leaf::random(12, &w)];
        check(&leaves, |graph, p| graph.conv2d(p[0], p[1], attributes));
    }
}

#[test]
fn transposed_convolution() {
    let attributes = ConvAttributes {
        stride: [2, 2],
        padding: [1, 0, 1, 0],
        ..Default::default()
    };
    let leaves = [
        Leaf::random(13, &[2, 2, 3, 3]),
        Leaf::random(14, &[3, 3, 2, 3]),
    ];
    check(&leaves, |graph, p| {
        graph.conv2d_transpose(p[0], p[1], attributes, [4, 6])
    });
}

#[test]
fn filter_gradient_of_a_convolution() {
    for (attributes, x, w) in convolutions() {
        let [height, width] = attributes.output([x[1], x[2]], [w[0], w[1]]).expect("fits");
        let leaves = [
            Leaf::random(15, &x),
            Leaf::random(16, &[x[0], height, width, w[3]]),
        ];
        check(&leaves, |graph, p| {
            graph.add(
                Conv2dGradFilter {
                    attributes,
                    kernel: [w[0], w[1]],
                }
                .into(),
                p,
            )
        });
    }
}

/// Windows with and without overlap and padding.
fn windows() -> [Window; 3] {
    [
        Window::square(2),
        Window {
            size: [3, 2],
            stride: [1, 2],
            padding: [0; 4],
        },
        Window {
            size: [3, 3],
            stride: [2, 2],
            padding: [1, 2, 2, 1],
        },
    ]
}

#[test]
fn pooling() {
    for window in windows() {
        check(&[Leaf::apart(17, &[2, 4, 5, 2])], |graph, p| {
            graph.max_pool2d(p[0], window)
        });
        for include_padding in [false, true] {
            let x = Leaf::random(18, &[2, 4, 5, 2]);
            check(&[x], |graph, p| {
                graph.avg_pool2d(p[0], window, include_padding)
            });
            let [height, width] = window.output(4, 5).expect("fits");
            let op = AvgPool2dGrad {
                window,
                include_padding,
                height: 4,
                width: 5,
            };
            check(&[Leaf::random(19, &[2, height, width, 2])], |graph, p| {
                graph.add(op.into(), p)
            });
        }
    }
}

#[test]
fn batch_norm_in_training_and_in_use() {
    let [x, gamma, beta] = [
        Leaf::random(20, &[2, 3, 2, 3]),
        Leaf::random(21, &[3]),
        Leaf::random(22, &[3]),
    ];
    check(&[x.clone(), gamma.clone(), beta.clone()], |graph, p| {
        Ok(graph.batch_norm_training(p[0], p[1], p[2], 0.1)?.0)
    });
    let statistics = Leaf::between(23, &[2, 3], 0.5, 1.5).constant();
    check(&[x, statistics, gamma, beta], |graph, p| {
        graph.batch_norm(p[0], p[1], p[2], p[3], 0.1)
    });
}

#[test]
fn layer_norm() {
    let leaves = [
        Leaf::random(24, &[2, 3, 5]),
        Leaf::random(25, &[5]),
        Leaf::random(26, &[5]),
    ];
    check(&leaves, |graph, p| graph.layer_norm(p[0], p[1], p[2], 0.1));
}

#[test]
fn dropout() {
    check(&[Leaf::random(27, &[5, 7])], |graph, p| {
        graph.dropout(p[0], 0.4, 12345)
    });
}

#[test]
fn reductions_and_repetitions() {
    for kind in [ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max] {
        for (axes, keep) in [
            (&[0, 2][..], false),
            (&[1], true),
            (&[], false),
            (&[0, 1, 2], true),
        ] {
            check(&[Leaf::apart(28, &[2, 3, 4])], |graph, p| {
                graph.reduce(kind, p[0], axes, keep)
            });
        }
    }
    for average in [false, true] {
        let shape = Shape::fixed(&[2, 3, 4]);
        check(&[Leaf::random(29, &[2, 1, 1])], |graph, p| {
            graph.add(
                BroadcastTo {
                    shape: shape.clone(),
                    average,
                }
                .into(),
                p,
            )
        });
    }
    check(&[Leaf::random(30, &[3])], |graph, p| {
        graph.broadcast_to(p[0], Shape::fixed(&[2, 2, 3]))
    });
}

#[test]
fn moving_values() {
    check(&[Leaf::random(31, &[2, 6])], |graph, p| {
        graph.reshape(p[0], Shape::fixed(&[3, 4]))
    });
    check(&[Leaf::random(32, &[2, 3, 2])], |graph, p| {
        graph.flatten(p[0])
    });
    check(&[Leaf::random(33, &[2, 3, 4])], |graph, p| {
        graph.transpose(p[0], &[1, 2, 0])
    });
    check(&[Leaf::random(34, &[2, 4, 3])], |graph, p| {
        graph.slice(p[0], 1, 1, 2)
    });
    check(&[Leaf::random(35, &[2, 3])], |graph, p| {
        graph.pad(p[0], &[1, 0], &[2, 3], 4.0)
    });
    let parts = [
        Leaf::random(36, &[2, 1, 2]),
        Leaf::random(37, &[2, 3, 2]),
        Leaf::random(38, &[2, 2, 2]),
    ];
    check(&parts, |graph, p| graph.concat(p, 1));
}

#[test]
fn gathering() {
    let indices = Leaf::given(&[2, 3], vec![4.0, 0.0, 4.0, 1.0, 1.0, 4.0]).constant();
    check(&[Leaf::random(39, &[5, 2]), indices.clone()], |graph, p| {
        graph.gather(p[0], p[1])
    });
    check(&[indices, Leaf::random(40, &[2, 3, 2])], |graph, p| {
        graph.add(GatherGrad { rows: 5 }.into(), p)
    });
}

#[test]
fn softmax_and_losses() {
    check(&[Leaf::random(41, &[2, 2, 4])], |graph, p| {
        graph.softmax(p[0])
    });
    check(&[Leaf::random(42, &[2, 4])], |graph, p| {
        graph.log_softmax(p[0])
    });
    for smoothing in [0.0, 0.2] {
        let labels = Leaf::given(&[3], vec![3.0, 0.0, 2.0]).constant();
        check(&[Leaf::random(43, &[3, 4]), labels], |graph, p| {
            graph.sparse_cross_entropy(p[0], p[1], smoothing)
        });
        let targets = Leaf::between(44, &[3, 4], 0.1, 1.0);
        check(&[Leaf::random(45, &[3, 4]), targets], |graph, p| {
            graph.soft_cross_entropy(p[0], p[1], smoothing)
        });
    }
}

#[test]
fn attention() {
    let q = Leaf::random(50, &[2, 3, 4, 2]);
    for (kv_heads, source) in [(4, 3), (2, 4), (1, 2)] {
        let kv = [2, source, kv_heads, 2];
        let leaves = [q.clone(), Leaf::random(51, &kv), Leaf::random(52, &kv)];
        // In the second sample the first query sees nothing where it is causal.
        let places: Vec<f32> = (0..2 * source)
            .map(|place| f32::from(u8::from(place != 1 && place != source)))
            .collect();
        let mask = Leaf::given(&[2, source], places).constant();
        for causal in [false, true] {
            check(&leaves, |graph, p| {
                graph.attention([p[0], p[1], p[2]], None, causal)
            });
            let masked = [&leaves[..], std::slice::from_ref(&mask)].concat();
            check(&masked, |graph, p| {
                graph.attention([p[0], p[1], p[2]], Some(p[3]), causal)
            });
        }
    }
}

#[test]
fn positions() {
    let leaves = [Leaf::random(56, &[2, 3, 4]), Leaf::random(57, &[5, 4])];
    check(&leaves, |graph, p| graph.add(AddPositions {}.into(), p));
    let op = AddSinusoids { base: 100.0 };
    check(&leaves[..1], |graph, p| graph.add(op.into(), p));
}

#[test]
fn losses_of_sequences() {
    let labels = Leaf::given(&[2, 3], vec![3.0, 0.0, 2.0, 1.0, 1.0, 0.0]).constant();
    check(&[Leaf::random(58, &[2, 3, 4]), labels], |graph, p| {
        graph.sparse_cross_entropy(p[0], p[1], 0.1)
    });
    let leaves = [
        Leaf::random(59, &[2, 3, 4]),
        Leaf::between(60, &[2, 3, 4], 0.1, 1.0),
    ];
    check(&leaves, |graph, p| {
        graph.soft_cross_entropy(p[0], p[1], 0.0)
    });
}

#[test]
fn rotary_embedding() {
    check(&[Leaf::random(53, &[2, 3, 2, 4])], |graph, p| {
        graph.rotary_embedding(p[0], 100.0)
    });
}

#[test]
fn rms_norm() {
    let leaves = [Leaf::random(54, &[2, 3, 4]), Leaf::random(55, &[4])];
    check(&leaves, |graph, p| graph.rms_norm(p[0], p[1], 1e-3));
}

#[test]
fn a_stopped_factor_is_a_constant() {
    let mut graph = Graph::new();
    let x = graph.parameter("x", &[]);
    let stopped = graph.stop_gradient(x).expect("any shape");
    let product = graph.multiply(x, stopped).expect("one shape");
    let gradient = gradients(&mut graph, product, &[x]).expect("differentiable");
    let values = std::collections::HashMap::from([("x".to_owned(), vec![3.0])]);
    let found = jingwei_graph::reference::evaluate(&graph, &gradient, &values, Default::default())
        .expect("bound");
    assert_eq!(found, [[3.0]]);
}

#[test]
fn a_parameter_out_of_reach_is_named() {
    let mut graph = Graph::new();
    let [w, unused] = ["w", "unused"].map(|name| graph.parameter(name, &[]));
    let stopped = graph.stop_gradient(unused).expect("any shape");
    let loss = graph.multiply(w, stopped).expect("one shape");
    assert_eq!(
        gradients(&mut graph, loss, &[w, unused]).expect_err("independent"),
        Error::Independent {
            name: "unused".to_owned()
        }
    );
}

#[test]
fn the_largest_over_time() {
    check(&[Leaf::apart(71, &[2, 5, 3])], |graph, p| {
        graph.add(MaxOverTime {}.into(), p)
    });
    let mask = vec![0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let mask = Leaf::given(&[2, 5], mask).constant();
    check(&[Leaf::apart(72, &[2, 5, 3]), mask], |graph, p| {
        graph.add(MaxOverTime {}.into(), p)
    });
}
