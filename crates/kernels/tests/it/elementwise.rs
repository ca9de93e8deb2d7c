use crate::golden::{golden, golden_f32};
use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::Workers;
use jingwei_kernels::elementwise::{
    Binary, Broadcast, Kept, Operand, Unary, accumulate, add_scaled, copy, fill, scale, select,
};

#[track_caller]
fn check(name: &str, expected: &[f64], tolerance: f64, f: impl Fn(&Workers, &mut [f32])) {
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![f32::NAN; expected.len()];
            f(workers, &mut y);
            y
        },
    );
    for (level, result) in results {
        assert_close(&format!("{name} at {level}"), &result, expected, tolerance);
    }
}

type Function = fn(f64) -> f64;
type PairFunction = fn(f64, f64) -> f64;

const FUNCTIONS: [(Unary, Function); 16] = [
    (Unary::Relu, |x| x.max(0.0)),
    (
        Unary::LeakyRelu(0.125),
        |x| if x > 0.0 { x } else { 0.125 * x },
    ),
    (Unary::GeluTanh, |x| {
        0.5 * x * (1.0 + (0.7978845608 * (x + 0.044715 * x * x * x)).tanh())
    }),
    (Unary::Silu, |x| x / (1.0 + (-x).exp())),
    (Unary::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
    (Unary::Tanh, f64::tanh),
    (Unary::Softplus, |x| x.exp().ln_1p()),
    (Unary::Exp, f64::exp),
    (Unary::Log, f64::ln),
    (Unary::Sqrt, f64::sqrt),
    (Unary::ReciprocalSqrt, |x| x.sqrt().recip()),
    (Unary::Square, |x| x * x),
    (Unary::Abs, f64::abs),
    (Unary::Sign, f64::signum),
    (Unary::Negate, |x| -x),
    (Unary::Reciprocal, f64::recip),
];

/// Points where the function and its slope are defined.
fn points(function: Unary, len: usize) -> Vec<f32> {
    let positive = matches!(function, Unary::Log | Unary::Sqrt | Unary::ReciprocalSqrt);
    let away = |x: f32| x + 0.01f32.copysign(x);
    let point = |x: f32| {
        if positive {
            away(x.abs())
        } else {
            away(4.0 * x)
        }
    };
    numbers(len, 9).into_iter().map(point).collect()
}

#[test]
fn unary_functions_and_finite_differences() {
    let dy = numbers(16 * 1024 + 77, 8);
    for (function, f) in FUNCTIONS {
        for len in [1, 7, 33, dy.len()] {
            let (x, dy) = (points(function, len), &dy[..len]);
            let y: Vec<f64> = x.iter().map(|&x| f(f64::from(x))).collect();
            let name = format!("{function:?} of {len}");
            check(&name, &y, 1e-6, |w, y| function.forward(w, &x, y));
            let slope = |x: f64| (f(x + 1e-6) - f(x - 1e-6)) / 2e-6;
            let dx: Vec<f64> = x
                .iter()
                .zip(dy)
                .map(|(&x, &dy)| slope(f64::from(x)) * f64::from(dy))
                .collect();
            let kept: Vec<f32> = match function.kept() {
                Kept::Input => x.clone(),
                Kept::Output => y.iter().map(|&y| y as f32).collect(),
                Kept::Nothing => vec![f32::NAN; len],
            };
            check(&format!("gradient of {name}"), &dx, 3e-6, |w, dx| {
                function.backward(w, &kept, dy, dx)
            });
        }
    }
}

#[test]
fn unary_functions_as_pytorch() {
    let (x, dy) = (golden_f32("unary.x"), golden_f32("unary.grad"));
    for (name, function) in [
        ("relu", Unary::Relu),
        ("leaky_relu", Unary::LeakyRelu(0.125)),
        ("gelu", Unary::Gelu),
        ("gelu_tanh", Unary::GeluTanh),
        ("silu", Unary::Silu),
        ("sigmoid", Unary::Sigmoid),
        ("tanh", Unary::Tanh),
        ("softplus", Unary::Softplus),
        ("exp", Unary::Exp),
        ("square", Unary::Square),
        ("erf", Unary::Erf),
    ] {
        check(name, &golden(&format!("{name}.y")), 1.5e-6, |w, y| {
            function.forward(w, &x, y)
        });
        let output: Vec<f32> = golden_f32(&format!("{name}.y"));
        let kept = if function.kept() == Kept::Output {
            &output
        } else {
            &x
        };
        let dx = golden(&format!("{name}.dx"));
        check(&format!("gradient of {name}"), &dx, 1e-6, |w, dx| {
            function.backward(w, kept, &dy, dx)
        });
    }
}

/// Largest error over the positive numbers, in units in the last place of the right result.
#[track_caller]
fn check_ulp(function: Unary, bound: f64, f: fn(f64) -> f64, x: &[f32]) {
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![0.0; x.len()];
            function.forward(workers, x, &mut y);
            y
        },
    );
    for (level, result) in results {
        for (&x, &y) in x.iter().zip(&result) {
            let right = f(f64::from(x));
            let unit = f64::from(f32::EPSILON) * 2f64.powi(right.abs().log2().floor() as i32);
            let error = (f64::from(y) - right).abs() / unit;
            assert!(
                error <= bound,
                "{function:?} at {level}: {error} units at {x}: {y}, not {right}"
            );
        }
    }
}

#[test]
fn logarithms_are_within_two_units() {
    let x: Vec<f32> = (f32::MIN_POSITIVE.to_bits()..0x7f80_0000u32)
        .step_by(40_009)
        .map(f32::from_bits)
        .collect();
    check_ulp(Unary::Log, 2.0, f64::ln, &x);
    let near_one: Vec<f32> = (0x3f00_0000..0x4000_0000u32)
        .step_by(499)
        .map(f32::from_bits)
        .collect();
    let near_one: Vec<f32> = near_one.into_iter().filter(|&x| x != 1.0).collect();
    check_ulp(Unary::Log, 2.0, f64::ln, &near_one);
}

#[test]
fn special_numbers() {
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            // The last is too small for a full mantissa, and counts as zero.
            let x = [f32::INFINITY, -1.0, f32::NAN, 0.0, -0.0, 1e-42];
            let mut y = vec![0.0; 6];
            Unary::Log.forward(workers, &x, &mut y);
            y
        },
    );
    for (level, result) in results {
        assert_eq!(result[0], f32::INFINITY, "{level}");
        assert!(result[1].is_nan() && result[2].is_nan(), "{level}");
        assert_eq!(result[3..], [f32::NEG_INFINITY; 3], "{level}");
    }
    let inputs = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for (function, _) in FUNCTIONS {
        let results = at_every_level(
            |_| (0, 0),
            |_, workers, _| {
                let mut y = vec![0.0; 3];
                function.forward(workers, &inputs, &mut y);
                y
            },
        );
        for (level, y) in results {
            assert!(
                y[0].is_nan(),
                "{function:?} at {level} loses what is not a number"
            );
        }
    }
}

const PAIRS: [(Binary, PairFunction); 13] = [
    (Binary::Add, |a, b| a + b),
    (Binary::Subtract, |a, b| a - b),
    (Binary::Multiply, |a, b| a * b),
    (Binary::Divide, |a, b| a / b),
    (Binary::Maximum, f64::max),
    (Binary::Minimum, f64::min),
    (Binary::Power, f64::powf),
    (Binary::Equal, |a, b| f64::from(a == b)),
    (Binary::Less, |a, b| f64::from(a < b)),
    (Binary::LessOrEqual, |a, b| f64::from(a <= b)),
    (Binary::Greater, |a, b| f64::from(a > b)),
    (Binary::GreaterOrEqual, |a, b| f64::from(a >= b)),
    (Binary::NotEqual, |a, b| f64::from(a != b)),
];

fn operand(rows: usize, columns: usize, broadcast: Broadcast, seed: u64) -> Vec<f32> {
    let len = match broadcast {
        Broadcast::Full => rows * columns,
        Broadcast::Row => columns,
        Broadcast::Column => rows,
        Broadcast::Groups(of) => rows / of * columns,
        Broadcast::Scalar => 1,
    };
    // Coarse, so that some are equal, and positive, so that powers exist.
    numbers(len, seed)
        .into_iter()
        .map(|x| (x * 8.0).round() / 4.0 + 2.125)
        .collect()
}

fn at(values: &[f32], broadcast: Broadcast, row: usize, column: usize, columns: usize) -> f64 {
    f64::from(match broadcast {
        Broadcast::Full => values[row * columns + column],
        Broadcast::Row => values[column],
        Broadcast::Column => values[row],
        Broadcast::Groups(of) => values[row / of * columns + column],
        Broadcast::Scalar => values[0],
    })
}

#[test]
fn binary_functions_with_every_broadcast() {
    for [rows, columns, group] in [[1, 1, 1], [3, 5, 3], [8, 33, 2], [2000, 17, 50]] {
        let kinds = [
            Broadcast::Full,
            Broadcast::Row,
            Broadcast::Column,
            Broadcast::Groups(group),
            Broadcast::Scalar,
        ];
        for a_kind in kinds {
            for b_kind in kinds {
                let a = operand(rows, columns, a_kind, 1);
                let b = operand(rows, columns, b_kind, 2);
                for (function, f) in PAIRS {
                    let value = |i: usize| {
                        let (row, column) = (i / columns, i % columns);
                        f(
                            at(&a, a_kind, row, column, columns),
                            at(&b, b_kind, row, column, columns),
                        )
                    };
                    let expected: Vec<f64> = (0..rows * columns).map(value).collect();
                    let name = format!("{function:?} of {rows}×{columns}, {a_kind:?}, {b_kind:?}");
                    check(&name, &expected, 3e-6, |w, y| {
                        let a = Operand {
                            values: &a,
                            broadcast: a_kind,
                        };
                        let b = Operand {
                            values: &b,
                            broadcast: b_kind,
                        };
                        function.run(w, [rows, columns], a, b, y);
                    });
                }
            }
        }
    }
}

#[test]
fn powers_of_special_numbers() {
    let a = [
        -2.0,
        -2.0,
        -2.0,
        0.0,
        0.0,
        1.0,
        f32::NAN,
        3.0,
        f32::INFINITY,
    ];
    let b = [3.0, 2.0, 0.5, 2.0, -1.0, f32::NAN, 0.0, 0.0, -1.0];
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![0.0; a.len()];
            Binary::Power.run(
                workers,
                [1, a.len()],
                Operand::full(&a),
                Operand::full(&b),
                &mut y,
            );
            y
        },
    );
    for (level, y) in results {
        for ((&a, &b), &y) in a.iter().zip(&b).zip(&y) {
            let right = a.powf(b);
            let close = (y - right).abs() <= 1e-6 * right.abs();
            assert!(
                y == right || close || y.is_nan() && right.is_nan(),
                "{a}^{b} at {level}: {y}"
            );
        }
    }
}

#[test]
fn extremes_keep_what_is_not_a_number() {
    let (a, b) = ([f32::NAN, 1.0], [1.0, f32::NAN]);
    for function in [Binary::Maximum, Binary::Minimum] {
        let results = at_every_level(
            |_| (0, 0),
            |_, workers, _| {
                let mut y = vec![0.0; 2];
                function.run(
                    workers,
                    [1, 2],
                    Operand::full(&a),
                    Operand::full(&b),
                    &mut y,
                );
                y
            },
        );
        for (level, y) in results {
            assert!(y[0].is_nan() && y[1].is_nan(), "{function:?} at {level}");
        }
    }
}

#[test]
fn moving_and_adding() {
    let n = 16 * 1024 * 2 + 5;
    let (x, z) = (numbers(n, 1), numbers(n, 2));
    let condition: Vec<f32> = z.iter().map(|&z| if z > 0.0 { z } else { 0.0 }).collect();
    let of = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<f64>>();
    let (x64, z64) = (|i: usize| f64::from(x[i]), |i: usize| f64::from(z[i]));
    check("fill", &of(&|_| 2.5), 0.0, |w, y| fill(w, y, 2.5));
    check("copy", &of(&x64), 0.0, |w, y| copy(w, &x, y));
    check("accumulate", &of(&|i| x64(i) + z64(i)), 1e-7, |w, y| {
        copy(w, &z, y);
        accumulate(w, &x, y);
    });
    check(
        "add scaled",
        &of(&|i| 3.0 * x64(i) + z64(i)),
        2e-7,
        |w, y| {
            copy(w, &z, y);
            add_scaled(w, 3.0, &x, y);
        },
    );
    check("scale", &of(&|i| 3.0 * x64(i)), 1e-7, |w, y| {
        copy(w, &x, y);
        scale(w, y, 3.0);
    });
    check(
        "select",
        &of(&|i| if z[i] > 0.0 { x64(i) } else { z64(i) }),
        0.0,
        |w, y| {
            select(w, &condition, &x, &z, y);
        },
    );
}
