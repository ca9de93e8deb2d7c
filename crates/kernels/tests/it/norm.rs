use jingwei_kernels::batch_norm::BatchNorm;
use jingwei_kernels::layer_norm::{LayerNorm, LayerNormOperands};

use crate::golden::{golden, golden_f32};
use crate::support::{assert_close, at_every_level, numbers};

/// `[y, dx, dγ, dβ, mean, variance]` one after the other.
fn batch_norm(plan: BatchNorm, [x, dy, gamma, beta]: [&[f32]; 4]) -> Vec<(String, Vec<Vec<f32>>)> {
    let (n, channels) = (x.len(), plan.channels);
    let results = at_every_level(
        |_| (0, plan.shared()),
        |_, workers, shared| {
            let [mut y, mut dx] = [vec![f32::NAN; n], vec![f32::NAN; n]];
            let [mut mean, mut variance, mut dgamma, mut dbeta] =
                [(); 4].map(|()| vec![f32::NAN; channels]);
            plan.statistics(workers, x, [&mut mean, &mut variance], shared);
            let moments = [&mean[..], &variance];
            plan.normalise(workers, x, [gamma, beta], moments, &mut y, shared);
            let gradients = [&mut dgamma[..], &mut dbeta[..]];
            plan.parameter_gradients(workers, [x, dy], moments, gradients, shared);
            let kept = [gamma, &mean, &variance, &dgamma, &dbeta];
            plan.input_gradient(workers, [x, dy], kept, &mut dx, shared);
            [y, dx, dgamma, dbeta, mean, variance].concat()
        },
    );
    let lengths = [n, n, channels, channels, channels, channels];
    let split = |mut all: &[f32]| {
        lengths.map(|len| {
            let (part, rest) = all.split_at(len);
            all = rest;
            part.to_vec()
        })
    };
    let named =
        |(level, all): (_, Vec<f32>)| (format!("{plan:?} at {level}"), split(&all).to_vec());
    results.into_iter().map(named).collect()
}

#[test]
fn batch_norm_as_pytorch() {
    let plan = BatchNorm {
        rows: 12,
        channels: 5,
        epsilon: 1e-3,
    };
    let [x, dy, gamma, beta] =
        ["x", "grad", "gamma", "beta"].map(|name| golden_f32(&format!("norm.{name}")));
    for (name, parts) in batch_norm(plan, [&x, &dy, &gamma, &beta]) {
        for (part, values) in ["y", "dx", "dgamma", "dbeta"].iter().zip(&parts) {
            let expected = golden(&format!("batch_norm.{part}"));
            assert_close(&format!("{part} of {name}"), values, &expected, 1e-6);
        }
    }
}

#[test]
fn batch_norm_of_every_shape() {
    for (rows, channels) in [(1, 3), (700, 33), (30_000, 1), (5000, 32), (3, 20_000)] {
        let plan = BatchNorm {
            rows,
            channels,
            epsilon: 1e-3,
        };
        // A mean a thousand times the deviation.
        let x: Vec<f32> = numbers(rows * channels, 1)
            .iter()
            .map(|x| x + 1000.0)
            .collect();
        let (dy, gamma, beta) = (
            numbers(x.len(), 2),
            numbers(channels, 3),
            numbers(channels, 4),
        );
        let column = |values: &[f32], c: usize| -> Vec<f64> {
            values
                .iter()
                .skip(c)
                .step_by(channels)
                .map(|&x| f64::from(x))
                .collect()
        };
        let n = rows as f64;
        for (name, parts) in batch_norm(plan, [&x, &dy, &gamma, &beta]) {
            for c in (0..channels).step_by(1 + channels / 50) {
                let (x, dy) = (column(&x, c), column(&dy, c));
                let mean = x.iter().sum::<f64>() / n;
                let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
                let deviation = (variance + 1e-3).sqrt();
                let (g, b) = (f64::from(gamma[c]), f64::from(beta[c]));
                let hat: Vec<f64> = x.iter().map(|x| (x - mean) / deviation).collect();
                let dbeta = dy.iter().sum::<f64>();
                let dgamma: f64 = dy.iter().zip(&hat).map(|(dy, h)| dy * h).sum();
                let y: Vec<f64> = hat.iter().map(|h| g * h + b).collect();
                let dx = |(dy, h): (&f64, &f64)| g / deviation * (dy - dbeta / n - h * dgamma / n);
                let dx: Vec<f64> = dy.iter().zip(&hat).map(dx).collect();
                let as_f32 = |part: &[f32]| -> Vec<f32> {
                    part.iter().skip(c).step_by(channels).copied().collect()
                };
                let of = |what: &str| format!("{what} of channel {c} of {name}");
                assert_close(&of("y"), &as_f32(&parts[0]), &y, 3e-4);
                assert_close(
                    &of("dx"),
                    &as_f32(&parts[1]),
                    &dx,
                    3e-4 * n.max(30.0) / n + 3e-4,
                );
                assert_close(
                    &of("dγ"),
                    &parts[2][c..=c],
                    &[dgamma],
                    1e-4 * n.max(100.0).sqrt(),
                );
                assert_close(
                    &of("dβ"),
                    &parts[3][c..=c],
                    &[dbeta],
                    1e-5 * n.max(100.0).sqrt(),
                );
                assert_close(&of("mean"), &parts[4][c..=c], &[mean], 1e-6);
                assert_close(&of("variance"), &parts[5][c..=c], &[variance], 1e-5);
            }
        }
    }
}

#[test]
fn batch_norm_for_inference() {
    let plan = BatchNorm {
        rows: 3,
        channels: 2,
        epsilon: 0.25,
    };
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let results = at_every_level(
        |_| (0, plan.shared()),
        |_, workers, shared| {
            let mut y = vec![0.0; 6];
            let (affine, moments) = (
                [&[2.0, 1.0][..], &[0.5, 0.0]],
                [&[1.0, 2.0][..], &[0.75, 3.75]],
            );
            plan.normalise(workers, &x, affine, moments, &mut y, shared);
            y
        },
    );
    for (level, result) in results {
        assert_close(
            &level.to_string(),
            &result,
            &[0.5, 0.0, 4.5, 1.0, 8.5, 2.0],
            1e-6,
        );
    }
}

/// `[y, dx, dγ, dβ]`.
fn layer_norm(plan: LayerNorm, [x, dy, gamma, beta]: [&[f32]; 4]) -> Vec<(String, [Vec<f32>; 4])> {
    let (n, columns) = (x.len(), plan.columns);
    let results = at_every_level(
        |_| (0, plan.shared()),
        |_, workers, shared| {
            let [mut y, mut dx] = [vec![f32::NAN; n], vec![f32::NAN; n]];
            let [mut dgamma, mut dbeta] = [vec![f32::NAN; columns], vec![f32::NAN; columns]];
            plan.forward(workers, x, [gamma, beta], &mut y);
            let operands = LayerNormOperands {
                x,
                dy,
                gamma,
                added: None,
            };
            plan.backward(
                workers,
                operands,
                &mut dx,
                [&mut dgamma, &mut dbeta],
                shared,
            );
            [y, dx, dgamma, dbeta].concat()
        },
    );
    let split = |all: Vec<f32>| {
        let ranges = [
            0..n,
            n..2 * n,
            2 * n..2 * n + columns,
            2 * n + columns..all.len(),
        ];
        ranges.map(|range| all[range].to_vec())
    };
    let named = |(level, all)| (format!("{plan:?} at {level}"), split(all));
    results.into_iter().map(named).collect()
}

#[test]
fn layer_norm_as_pytorch() {
    let plan = LayerNorm {
        rows: 12,
        columns: 5,
        epsilon: 1e-5,
    };
    let [x, dy, gamma, beta] =
        ["x", "grad", "gamma", "beta"].map(|name| golden_f32(&format!("norm.{name}")));
    for (name, parts) in layer_norm(plan, [&x, &dy, &gamma, &beta]) {
        for (part, values) in ["y", "dx", "dgamma", "dbeta"].iter().zip(&parts) {
            let expected = golden(&format!("layer_norm.{part}"));
            assert_close(&format!("{part} of {name}"), values, &expected, 2e-6);
        }
    }
}

#[test]
fn layer_norm_of_every_shape() {
    for (rows, columns) in [(1, 1), (5, 33), (2000, 65), (3, 20_000)] {
        let plan = LayerNorm {
            rows,
            columns,
            epsilon: 1e-3,
        };
        let (x, dy) = (numbers(rows * columns, 1), numbers(rows * columns, 2));
        let (gamma, beta) = (numbers(columns, 3), numbers(columns, 4));
        let (mut y, mut dx) = (Vec::new(), Vec::new());
        let (mut dgamma, mut dbeta) = (vec![0.0; columns], vec![0.0; columns]);
        let n = columns as f64;
        for (x, dy) in x.chunks(columns).zip(dy.chunks(columns)) {
            let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let variance = x
                .iter()
                .map(|&x| (f64::from(x) - mean).powi(2))
                .sum::<f64>()
                / n;
            let deviation = (variance + 1e-3).sqrt();
            let hat: Vec<f64> = x
                .iter()
                .map(|&x| (f64::from(x) - mean) / deviation)
                .collect();
            let g: Vec<f64> = dy
                .iter()
                .zip(&gamma)
                .map(|(&d, &g)| f64::from(d) * f64::from(g))
                .collect();
            let constant = g.iter().sum::<f64>() / n;
            let slope = g.iter().zip(&hat).map(|(g, h)| g * h).sum::<f64>() / n;
            for c in 0..columns {
                y.push(f64::from(gamma[c]) * hat[c] + f64::from(beta[c]));
                dx.push((g[c] - constant - hat[c] * slope) / deviation);
                dgamma[c] += f64::from(dy[c]) * hat[c];
                dbeta[c] += f64::from(dy[c]);
            }
        }
        for (name, parts) in layer_norm(plan, [&x, &dy, &gamma, &beta]) {
            for (part, expected) in parts.iter().zip([&y, &dx, &dgamma, &dbeta]) {
                assert_close(&name, part, expected, 1e-5);
            }
        }
    }
}
