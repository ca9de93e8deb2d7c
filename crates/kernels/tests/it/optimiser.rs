use crate::golden::{golden, golden_f32};
use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::norms::{first_non_finite, sum_of_squares, sum_of_squares_shared};
use jingwei_kernels::optimiser::{
    Decay, Rule, Step, Tensors, TouchedRows, Update, sum_of_squares_of_rows,
    sum_of_squares_of_rows_shared,
};
use jingwei_kernels::{Level, Pool, Scratch, Workers};

const ADAM: Rule = Rule::Adam {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
};

/// Parameters and then averages after a step for each of `gradients`.
fn train(update: Update, rate: f32, start: &[f32], gradients: &[f32]) -> Vec<(Level, Vec<f32>)> {
    let n = start.len();
    at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut parameters = start.to_vec();
            let mut average = start.to_vec();
            let [mut velocity, mut squares] = [update.uses_velocity(), update.uses_squares()]
                .map(|used| vec![0.0; if used { n } else { 0 }]);
            for (index, gradients) in gradients.chunks(n).enumerate() {
                let step = Step {
                    learning_rate: rate,
                    number: index as u64 + 1,
                    scale: 1.0,
                };
                let tensors = Tensors {
                    parameters: &mut parameters,
                    gradients,
                    velocity: &mut velocity,
                    squares: &mut squares,
                    average: &mut average,
                };
                update.run(workers, step, tensors);
            }
            [parameters, average].concat()
        },
    )
}

fn check_golden(name: &str, rate: f32, rule: Rule, decay: Decay) {
    let (start, gradients) = (
        golden_f32("optimiser.start"),
        golden_f32("optimiser.gradients"),
    );
    let expected = golden(&format!("optimiser.{name}"));
    let update = Update {
        decay,
        ..Update::new(rule)
    };
    for (level, result) in train(update, rate, &start, &gradients) {
        assert_close(
            &format!("{name} at {level}"),
            &result[..start.len()],
            &expected,
            1e-6,
        );
    }
}

#[test]
fn ten_steps_as_pytorch() {
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov };
    let rms_prop = |momentum| Rule::RmsProp {
        rho: 0.9,
        epsilon: 1e-7,
        momentum,
    };
    check_golden("sgd", 0.1, sgd(0.0, false), Decay::None);
    check_golden("sgd_l2", 0.1, sgd(0.0, false), Decay::L2(0.05));
    check_golden("momentum", 0.1, sgd(0.9, false), Decay::None);
    check_golden("nesterov", 0.1, sgd(0.9, true), Decay::L2(0.05));
    check_golden("rms_prop", 0.01, rms_prop(0.0), Decay::None);
    check_golden("rms_prop_momentum", 0.01, rms_prop(0.5), Decay::None);
    check_golden("adam", 0.01, ADAM, Decay::None);
    check_golden(
        "adam_l2",
        0.01,
        Rule::Adam {
            beta1: 0.8,
            beta2: 0.99,
            epsilon: 1e-7,
        },
        Decay::L2(0.05),
    );
    check_golden("adam_w", 0.01, ADAM, Decay::Decoupled(0.05));
}

#[test]
fn long_buffers_have_the_bits_of_short_ones() {
    let n = 3 * 16 * 1024 + 37;
    let (start, gradients) = (numbers(n, 1), numbers(2 * n, 2));
    let update = Update {
        average: Some(0.9),
        ..Update::new(ADAM)
    };
    let tail = n - 40;
    let of_tail = |x: &[f32]| {
        x.chunks(n)
            .flat_map(|x| x[tail..].to_vec())
            .collect::<Vec<_>>()
    };
    let short = train(update, 0.01, &start[tail..], &of_tail(&gradients));
    for ((level, long), (_, short)) in train(update, 0.01, &start, &gradients)
        .into_iter()
        .zip(short)
    {
        assert_eq!(of_tail(&long), short, "{level}");
    }
}

#[test]
fn gradients_are_scaled_then_clipped() {
    let update = Update {
        clip_value: Some(1.0),
        ..Update::new(Rule::Sgd {
            momentum: 0.0,
            nesterov: false,
        })
    };
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut parameters = vec![0.0; 5];
            let tensors = Tensors {
                parameters: &mut parameters,
                gradients: &[0.5, 4.0, -3.0, f32::NAN, f32::INFINITY],
                velocity: &mut [],
                squares: &mut [],
                average: &mut [],
            };
            update.run(
                workers,
                Step {
                    learning_rate: 1.0,
                    number: 1,
                    scale: 0.5,
                },
                tensors,
            );
            parameters
        },
    );
    for (level, result) in results {
        assert_eq!(result[..3], [-0.25, -1.0, 1.0], "{level}");
        assert!(result[3].is_nan() && result[4] == -1.0, "{level}");
    }
}

#[test]
fn the_average_follows() {
    let update = Update {
        average: Some(0.75),
        ..Update::new(Rule::Sgd {
            momentum: 0.0,
            nesterov: false,
        })
    };
    for (level, result) in train(update, 1.0, &[1.0, 2.0], &[1.0, -2.0]) {
        assert_eq!(result, [0.0, 4.0, 0.75, 2.5], "{level}");
    }
}

#[test]
fn sum_of_squares_of_odd_lengths() {
    for n in [0, 1, 15, 17, 64, 1000, 16 * 1024, 5 * 16 * 1024 + 3] {
        let x = numbers(n, 7);
        let expected: f64 = x.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let results = at_every_level(
            |_| (0, sum_of_squares_shared(n)),
            |_, workers, shared| vec![sum_of_squares(workers, &x, shared)],
        );
        for (level, result) in results {
            assert_close(&format!("{n} at {level}"), &result, &[expected], 1e-6);
        }
    }
}

#[test]
fn the_first_bad_element_is_found() {
    let pool = Pool::new(2);
    for level in Level::available() {
        let mut scratch = Scratch::new(2, 0);
        let workers = Workers::new(level, &pool, &mut scratch);
        let mut x = vec![f32::MAX; 40_000];
        assert_eq!(first_non_finite(&workers, &x), None);
        x[39_999] = f32::NEG_INFINITY;
        assert_eq!(first_non_finite(&workers, &x), Some(39_999));
        x[17_003] = f32::NAN;
        assert_eq!(first_non_finite(&workers, &x), Some(17_003));
    }
}

const RULES: [Rule; 4] = [
    Rule::Sgd {
        momentum: 0.0,
        nesterov: false,
    },
    Rule::Sgd {
        momentum: 0.9,
        nesterov: true,
    },
    Rule::RmsProp {
        rho: 0.9,
        epsilon: 1e-7,
        momentum: 0.0,
    },
    Rule::RmsProp {
        rho: 0.9,
        epsilon: 1e-7,
        momentum: 0.5,
    },
];

/// A table of 5 rows of 19 values before and after three steps by rows; then the same by a dense update of each touched
/// row alone.
#[test]
fn touched_rows_are_updated_as_if_they_were_alone() {
    const WIDTH: usize = 19;
    let indices = [3.0, 1.0, 3.0, f32::NAN, 0.0, 7.0, 3.0, -1.0, 0.5];
    let buffer = numbers(5 + indices.len() * WIDTH, 3);
    let start = numbers(5 * WIDTH, 4);
    for rule in RULES {
        let update = Update {
            clip_value: Some(0.7),
            decay: Decay::Decoupled(0.1),
            average: Some(0.9),
            ..Update::new(rule)
        };
        let results = at_every_level(
            |_| (WIDTH, 0),
            |_, workers, _| {
                let mut touched = TouchedRows::new(5, WIDTH, indices.len());
                touched.add(&indices[..4], 5);
                touched.add(&indices[4..], 5 + 4 * WIDTH);
                touched.sort();
                assert_eq!(touched.numbers().collect::<Vec<_>>(), [0, 1, 3]);
                let (mut found, mut expected) = (Slots::new(&start), Slots::new(&start));
                for number in 1..=3 {
                    let step = Step {
                        learning_rate: 0.1,
                        number,
                        scale: 0.5,
                    };
                    update.run_rows(
                        workers,
                        step,
                        found.tensors(0..5 * WIDTH, &buffer),
                        &touched,
                    );
                    for row in touched.numbers() {
                        let mut gradient = [0.0; WIDTH];
                        for place in (0..indices.len()).filter(|&i| indices[i] == row as f32) {
                            for (sum, x) in gradient.iter_mut().zip(&buffer[5 + place * WIDTH..]) {
                                *sum += x;
                            }
                        }
                        let own = row * WIDTH..(row + 1) * WIDTH;
                        let alone = Update {
                            average: None,
                            ..update
                        };
                        alone.run(workers, step, expected.tensors(own, &gradient));
                    }
                    for (a, p) in expected.average.iter_mut().zip(&expected.parameters) {
                        *a = 0.9f32 * *a + 0.1 * p;
                    }
                }
                assert_eq!(found.parameters, expected.parameters, "{rule:?}");
                assert_eq!(found.velocity, expected.velocity, "{rule:?}");
                assert_eq!(found.squares, expected.squares, "{rule:?}");
                assert_close(
                    "averages",
                    &found.average,
                    &expected
                        .average
                        .iter()
                        .map(|&x| f64::from(x))
                        .collect::<Vec<_>>(),
                    1e-6,
                );
                assert_eq!(
                    found.parameters[2 * WIDTH..3 * WIDTH],
                    start[2 * WIDTH..3 * WIDTH]
                );
                found.parameters
            },
        );
        assert!(!results.is_empty());
    }
}

/// A row that is touched twice, and in between by 300 dense steps without a gradient: Adam's momentum has moved it as far.
#[test]
fn adam_moves_a_row_at_once_as_far_as_its_momentum_would() {
    const WIDTH: usize = 19;
    let (start, gradients) = (numbers(WIDTH, 5), numbers(2 * WIDTH, 6));
    let update = Update::new(ADAM);
    let step = |number| Step {
        learning_rate: 0.1,
        number,
        scale: 1.0,
    };
    let touches = [5_000, 5_300];
    at_every_level(
        |_| (WIDTH, 0),
        |level, workers, _| {
            let (mut found, mut expected) = (Slots::new(&start), Slots::new(&start));
            let mut touched = TouchedRows::new(1, WIDTH, 1);
            touched.add(&[0.0], 0);
            touched.sort();
            for (touch, gradient) in touches.into_iter().zip(gradients.chunks(WIDTH)) {
                let tensors = found.tensors(0..WIDTH, gradient);
                update.run_rows(workers, step(touch), tensors, &touched);
                update.run(workers, step(touch), expected.tensors(0..WIDTH, gradient));
                for number in touch + 1..touch + 300 {
                    let tensors = expected.tensors(0..WIDTH, &[0.0; WIDTH]);
                    update.run(workers, step(number), tensors);
                }
                let rows = found.parameters.iter().zip(&expected.parameters);
                for ((found, dense), start) in rows.zip(&start) {
                    let (found, dense) = (found - start, dense - start);
                    assert!(
                        (found - dense).abs() <= 0.01 * dense.abs().max(1.0),
                        "{level} after {touch}: moved by {found}, dense {dense}"
                    );
                }
            }
            found.parameters
        },
    );
}

struct Slots {
    parameters: Vec<f32>,
    velocity: Vec<f32>,
    squares: Vec<f32>,
    average: Vec<f32>,
}

impl Slots {
    fn new(start: &[f32]) -> Self {
        Self {
            parameters: start.to_vec(),
            velocity: vec![0.0; start.len()],
            squares: vec![0.0; start.len()],
            average: start.to_vec(),
        }
    }

    fn tensors<'a>(
        &'a mut self,
        range: std::ops::Range<usize>,
        gradients: &'a [f32],
    ) -> Tensors<'a> {
        Tensors {
            parameters: &mut self.parameters[range.clone()],
            gradients,
            velocity: &mut self.velocity[range.clone()],
            squares: &mut self.squares[range.clone()],
            average: &mut self.average[range],
        }
    }
}

#[test]
fn squares_of_touched_rows_count_what_is_summed_first() {
    let (rows, width, count) = (1 << 21, 40, 3000);
    let indices: Vec<f32> = (0..count).map(|i| (i * i * 7919 % rows) as f32).collect();
    let buffer = numbers(count * width, 5);
    let mut dense = std::collections::BTreeMap::<usize, Vec<f64>>::new();
    for (index, gradient) in indices.iter().zip(buffer.chunks(width)) {
        let sums = dense.entry(*index as usize).or_insert(vec![0.0; width]);
        sums.iter_mut()
            .zip(gradient)
            .for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let expected: f64 = dense.values().flatten().map(|x| x * x).sum();
    let mut touched = TouchedRows::new(rows, width, count);
    touched.add(&indices, 0);
    touched.sort();
    assert!(touched.numbers().eq(dense.keys().copied()));
    let results = at_every_level(
        |_| (width, sum_of_squares_of_rows_shared(count, width)),
        |_, workers, shared| vec![sum_of_squares_of_rows(workers, &touched, &buffer, shared)],
    );
    for (level, found) in results {
        assert_close(&format!("squares at {level}"), &found, &[expected], 1e-5);
    }
}
