use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::layer_norm::LayerNorm;
use jingwei_kernels::rms_norm::RmsNorm;
use jingwei_kernels::{
    Activation, AlignedVec, Companion, Epilogue, Extras, Level, MatMul, MatMulShape, Precision,
    RowNorm,
};
use proptest::prelude::*;

fn activate(activation: Activation, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu(slope) if x < 0.0 => x * f64::from(slope),
        Activation::LeakyRelu(_) => x,
        Activation::Gelu => x * sigmoid(1.702 * x),
        Activation::Silu => x * sigmoid(x),
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
    }
}

fn expected(
    shape: MatMulShape,
    epilogue: Epilogue,
    a: &[f32],
    b: &[f32],
    bias: &[f32],
    c: &[f32],
) -> Vec<f64> {
    let MatMulShape { m, n, k, .. } = shape;
    let mut result = Vec::with_capacity(m * n);
    for row in 0..m {
        for column in 0..n {
            let mut sum = 0.0;
            for step in 0..k {
                let a = a[if shape.transpose_a {
                    step * m + row
                } else {
                    row * k + step
                }];
                let b = b[if shape.transpose_b {
                    column * k + step
                } else {
                    step * n + column
                }];
                sum += f64::from(a) * f64::from(b);
            }
            if epilogue.bias {
                sum += f64::from(bias[column]);
            }
            if epilogue.accumulate {
                sum += f64::from(c[row * n + column]);
            }
            result.push(activate(epilogue.activation, sum));
        }
    }
    result
}

fn check(shape: MatMulShape, epilogue: Epilogue) {
    let MatMulShape { m, n, k, .. } = shape;
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let (bias, c) = (numbers(n, 3), numbers(m * n, 4));
    let expected = expected(shape, epilogue, &a, &b, &bias, &c);
    let high =
        |level, shape, epilogue| MatMul::with_precision(level, shape, epilogue, Precision::High);
    type Plan = fn(Level, MatMulShape, Epilogue) -> MatMul;
    let plans: [(Plan, &str, f64); 3] = [
        (MatMul::new, "as it is", 1e-6),
        (MatMul::with_constant_b, "constant", 1e-6),
        (high, "in high precision", 1e-5),
    ];
    for (plan, what, tolerance) in plans {
        let plan = |level: Level| plan(level, shape, epilogue);
        let results = at_every_level(
            |level| (plan(level).scratch(), plan(level).shared()),
            |level, workers, shared| {
                let plan = plan(level);
                let mut prepared = AlignedVec::new(plan.prepared());
                plan.prepare(&b, &mut prepared);
                let b = if prepared.is_empty() { &b } else { &*prepared };
                let mut c = c.clone();
                let bias = epilogue.bias.then_some(bias.as_slice());
                plan.run(workers, &a, b, bias, &mut c, shared);
                c
            },
        );
        for (level, result) in results {
            let tolerance = tolerance * (k as f64).sqrt().max(4.0);
            assert_close(
                &format!("{level} {shape:?} {epilogue:?}, b {what}"),
                &result,
                &expected,
                tolerance,
            );
        }
    }
}

fn plain(m: usize, n: usize, k: usize) -> MatMulShape {
    MatMulShape {
        m,
        n,
        k,
        ..MatMulShape::default()
    }
}

#[test]
fn every_small_shape() {
    for m in [1, 2, 3, 5, 12, 13, 25] {
        for n in [1, 7, 16, 17, 31, 33, 130] {
            for k in [0, 1, 3, 16, 33, 300] {
                check(plain(m, n, k), Epilogue::default());
            }
        }
    }
}

#[test]
fn shapes_of_the_workloads() {
    let epilogue = Epilogue {
        bias: true,
        activation: Activation::Relu,
        accumulate: false,
    };
    check(plain(64, 128, 1600), epilogue);
    check(plain(64, 10, 128), epilogue);
    check(plain(32, 128, 30), epilogue);
    check(plain(1, 128, 1600), epilogue);
    check(plain(17, 24, 5000), epilogue);
    check(
        MatMulShape {
            transpose_a: true,
            ..plain(1600, 128, 64)
        },
        Epilogue::default(),
    );
    check(
        MatMulShape {
            transpose_b: true,
            ..plain(64, 1600, 128)
        },
        Epilogue::default(),
    );
    check(
        MatMulShape {
            transpose_b: true,
            ..plain(1, 1600, 128)
        },
        Epilogue::default(),
    );
}

/// Long rows, columns and depths with ragged ends, stored either way: what a level with tiles shares out differently.
#[test]
fn large_shapes() {
    for (m, n, k) in [
        (1000, 70, 90),
        (70, 1000, 90),
        (70, 100, 3000),
        (300, 300, 1100),
    ] {
        for transposed in 0..4 {
            let shape = MatMulShape {
                transpose_a: transposed & 1 == 1,
                transpose_b: transposed & 2 == 2,
                ..plain(m, n, k)
            };
            let epilogue = Epilogue {
                bias: true,
                activation: Activation::LeakyRelu(0.1),
                accumulate: transposed == 3,
            };
            check(shape, epilogue);
        }
    }
}

/// `a · b` at every level.
fn products(
    plan: impl Fn(Level) -> MatMul,
    shape: MatMulShape,
    [a, b]: [&[f32]; 2],
) -> Vec<(Level, Vec<f32>)> {
    at_every_level(
        |level| (plan(level).scratch(), plan(level).shared()),
        |level, workers, shared| {
            let mut c = vec![0.0; shape.m * shape.n];
            plan(level).run(workers, a, b, None, &mut c, shared);
            c
        },
    )
}

/// Parts of sixteen bits must not lose what a float of 24 bits holds, however large or small the numbers.
#[test]
fn every_magnitude_is_exact() {
    let shape = plain(64, 64, 64);
    for scale in [1e-15f32, 1.0, 1e15] {
        let a: Vec<f32> = numbers(64 * 64, 1).iter().map(|x| x * scale).collect();
        let mut identity = vec![0.0; 64 * 64];
        (0..64).for_each(|i| identity[i * 65] = 1.0);
        let plan = |level: Level| MatMul::new(level, shape, Epilogue::default());
        for (level, c) in products(plan, shape, [&a, &identity]) {
            assert!(c == a, "{level} at {scale}");
        }
    }
}

/// The error of a sum, in the root of the mean square, against what such sums are: what the documentation says of it.
#[test]
fn precisions_are_what_they_say() {
    let shape = plain(96, 96, 400);
    let (a, b) = (numbers(96 * 400, 1), numbers(400 * 96, 2));
    let exact = expected(shape, Epilogue::default(), &a, &b, &[], &[]);
    let root = |squares: f64| (squares / exact.len() as f64).sqrt();
    let size = root(exact.iter().map(|x| x * x).sum());
    for (precision, most) in [(Precision::Highest, 6e-7), (Precision::High, 6e-6)] {
        let plan = |level| MatMul::with_precision(level, shape, Epilogue::default(), precision);
        for (level, c) in products(plan, shape, [&a, &b]) {
            let errors = c
                .iter()
                .zip(&exact)
                .map(|(c, x)| (f64::from(*c) - x).powi(2));
            let error = root(errors.sum()) / size;
            assert!(error < most, "{precision} at {level}: {error:e}");
        }
    }
}

#[test]
fn every_activation() {
    for activation in [
        Activation::Relu,
        Activation::LeakyRelu(0.2),
        Activation::Silu,
        Activation::Sigmoid,
        Activation::Tanh,
    ] {
        for accumulate in [false, true] {
            check(
                plain(9, 37, 700),
                Epilogue {
                    bias: true,
                    activation,
                    accumulate,
                },
            );
            check(
                plain(2, 37, 2000),
                Epilogue {
                    bias: true,
                    activation,
                    accumulate,
                },
            );
        }
    }
}

#[test]
fn nan_stays() {
    let shape = plain(3, 20, 4);
    let mut a = numbers(12, 1);
    a[5] = f32::NAN;
    let b = numbers(80, 2);
    let epilogue = Epilogue {
        activation: Activation::Relu,
        ..Epilogue::default()
    };
    let plan = |level: Level| MatMul::new(level, shape, epilogue);
    let results = at_every_level(
        |level| (plan(level).scratch(), plan(level).shared()),
        |level, workers, shared| {
            let mut c = vec![0.0; 60];
            plan(level).run(workers, &a, &b, None, &mut c, shared);
            c
        },
    );
    for (level, c) in results {
        assert!(c[20..40].iter().all(|x| x.is_nan()), "{level}");
        assert!(
            c[..20].iter().chain(&c[40..]).all(|x| !x.is_nan()),
            "{level}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_shape(m in 1usize..90, n in 1usize..90, k in 1usize..700, ta: bool, tb: bool, bias: bool, accumulate: bool) {
        let shape = MatMulShape { m, n, k, transpose_a: ta, transpose_b: tb };
        check(shape, Epilogue { bias, accumulate, activation: Activation::None });
    }
}

/// The last shapes share a depth, have a single row, and have no whole vector.
#[test]
fn a_companion_takes_part_in_the_end() {
    for (m, n, k) in [
        (70, 130, 40),
        (20, 24, 3000),
        (1, 700, 100),
        (5, 3, 2),
        (200, 90, 600),
    ] {
        let shape = MatMulShape {
            m,
            n,
            k,
            ..MatMulShape::default()
        };
        let epilogue = Epilogue {
            bias: true,
            activation: Activation::Gelu,
            accumulate: false,
        };
        let plain = Epilogue {
            activation: Activation::None,
            ..epilogue
        };
        let factor = 1.0 / (k as f32).sqrt();
        let a: Vec<f32> = numbers(m * k, 1).iter().map(|x| x * factor).collect();
        let (b, bias, other) = (numbers(k * n, 2), numbers(n, 3), numbers(m * n, 4));
        let results = at_every_level(
            |level| {
                let plan = MatMul::new(level, shape, epilogue);
                (plan.scratch(), plan.shared())
            },
            |level, workers, shared| {
                let run = |epilogue, companion: Companion, shared: &mut [f32]| {
                    let mut c = vec![f32::NAN; m * n];
                    let plan = MatMul::new(level, shape, epilogue);
                    let extras = Extras {
                        bias: Some(&bias),
                        companion,
                        norm: None,
                    };
                    plan.run_with(workers, [&a, &b], extras, &mut c, shared);
                    c
                };
                let mut sums = vec![f32::NAN; m * n];
                let function = run(epilogue, Companion::Sums(&mut sums), shared);
                let added = run(epilogue, Companion::Added(&other), shared);
                let slope = run(epilogue, Companion::Slope(&other), shared);
                let expected_sums = run(plain, Companion::None, shared);
                let expected = run(epilogue, Companion::None, shared);
                [sums, function, added, slope, expected_sums, expected].concat()
            },
        );
        for (level, all) in results {
            let parts: Vec<&[f32]> = all.chunks_exact(m * n).collect();
            let wide = |part: &[f32]| part.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
            let name = |what: &str| format!("{what} of {m} × {n} × {k} at {level}");
            assert_close(&name("sums"), parts[0], &wide(parts[4]), 1e-6);
            assert_close(&name("function"), parts[1], &wide(parts[5]), 1e-6);
            let added = parts[5]
                .iter()
                .zip(&other)
                .map(|(y, o)| f64::from(*y) + f64::from(*o));
            assert_close(&name("added"), parts[2], &added.collect::<Vec<f64>>(), 1e-6);
            // The slope of GELU by a difference of second order.
            let gelu = |x: f64| {
                let steps = 2000;
                let width = x / f64::from(steps);
                let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                let area: f64 = (0..steps)
                    .map(|i| density((f64::from(i) + 0.5) * width) * width)
                    .sum();
                x * (0.5 + area)
            };
            let slope = |x: f64| (gelu(x + 1e-3) - gelu(x - 1e-3)) / 2e-3;
            let some = (0..m * n).step_by(1 + m * n / 40);
            for at in some {
                let exact = f64::from(parts[4][at]) * slope(f64::from(other[at]));
                assert_close(&name("slope"), &parts[3][at..=at], &[exact], 1e-5);
            }
        }
    }
}

/// Pieces of rows and of columns, rows that all threads split, ragged ends; the last does not normalise by itself.
#[test]
fn rows_are_normalised_on_their_way() {
    for (m, n, k) in [
        (64, 384, 128),
        (64, 100, 128),
        (700, 130, 90),
        (300, 600, 200),
        (70, 1000, 90),
        (90, 700, 400),
        (64, 128, 512),
    ] {
        let shape = plain(m, n, k);
        let a: Vec<f32> = numbers(m * k, 1).iter().map(|x| 3.0 * x + 0.5).collect();
        let (b, gamma, beta) = (numbers(k * n, 2), numbers(k, 3), numbers(k, 4));
        let (rows, columns, epsilon) = (m, k, 1e-3);
        let layer = LayerNorm {
            rows,
            columns,
            epsilon,
        };
        let root = RmsNorm {
            rows,
            columns,
            epsilon,
        };
        let plan = |level| MatMul::with_constant_b(level, shape, Epilogue::default());
        at_every_level(
            |level| (plan(level).scratch(), plan(level).shared()),
            |level, workers, shared| {
                let plan = plan(level);
                let mut prepared = AlignedVec::new(plan.prepared());
                plan.prepare(&b, &mut prepared);
                let b = if prepared.is_empty() { &b } else { &*prepared };
                let normalises = level == Level::Amx && (m, n, k) != (64, 128, 512);
                assert_eq!(plan.normalises(), normalises, "{level} {shape:?}");
                let mut run = |a: &[f32], norm| {
                    let extras = Extras {
                        norm,
                        ..Extras::default()
                    };
                    let mut c = vec![f32::NAN; m * n];
                    plan.run_with(workers, [a, b], extras, &mut c, shared);
                    c
                };
                let mut normal = vec![0.0; m * k];
                layer.forward(workers, &a, [&gamma, &beta], &mut normal);
                let mut expected = run(&normal, None);
                root.forward(workers, &a, &gamma, &mut normal);
                expected.extend(run(&normal, None));
                if !normalises {
                    return expected;
                }
                let affine = [gamma.as_slice(), beta.as_slice()];
                let mut results = run(&a, Some(RowNorm::Layer { epsilon, affine }));
                let gamma = &gamma;
                results.extend(run(&a, Some(RowNorm::RootMeanSquare { epsilon, gamma })));
                assert!(results == expected, "{level} {shape:?}");
                results
            },
        );
    }
}
