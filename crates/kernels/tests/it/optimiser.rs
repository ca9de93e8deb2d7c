use crate::golden::{golden, golden_f32};
use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::norms::{first_non_finite, sum_of_squares, sum_of_squares_shared};
use jingwei_kernels::optimiser::{Decay, Rule, Step, Tensors, Update};
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
