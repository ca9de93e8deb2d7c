use crate::golden::{golden, golden_f32};
use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::Workers;
use jingwei_kernels::cross_entropy::{CrossEntropy, Targets};
use jingwei_kernels::softmax::Softmax;

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

#[test]
fn softmax_as_pytorch() {
    let softmax = Softmax {
        rows: 5,
        columns: 7,
    };
    let (x, dy) = (golden_f32("softmax.x"), golden_f32("softmax.grad"));
    let (y, log_y) = (golden_f32("softmax.y"), golden_f32("log_softmax.y"));
    check("forward", &golden("softmax.y"), 3e-7, |w, out| {
        softmax.forward(w, &x, out)
    });
    check("backward", &golden("softmax.dx"), 3e-7, |w, out| {
        softmax.backward(w, &y, &dy, out)
    });
    check("log forward", &golden("log_softmax.y"), 3e-7, |w, out| {
        softmax.log_forward(w, &x, out)
    });
    check("log backward", &golden("log_softmax.dx"), 1e-6, |w, out| {
        softmax.log_backward(w, &log_y, &dy, out);
    });
}

#[test]
fn softmax_of_any_width() {
    for (rows, columns) in [(1, 1), (3, 2), (2, 16), (5, 33), (700, 65), (2, 40_000)] {
        let x: Vec<f32> = numbers(rows * columns, 3)
            .iter()
            .map(|x| 20.0 * x)
            .collect();
        let mut expected = Vec::new();
        for row in x.chunks(columns) {
            let max = row.iter().fold(f32::MIN, |a, &b| a.max(b));
            let powers: Vec<f64> = row.iter().map(|&x| f64::from(x - max).exp()).collect();
            let sum: f64 = powers.iter().sum();
            expected.extend(powers.iter().map(|p| p / sum));
        }
        let softmax = Softmax { rows, columns };
        check(&format!("{softmax:?}"), &expected, 1e-6, |w, y| {
            softmax.forward(w, &x, y)
        });
    }
}

#[test]
fn softmax_of_large_logits_is_finite() {
    let x = [1e30, -1e30, 1e30, f32::NEG_INFINITY];
    let softmax = Softmax {
        rows: 1,
        columns: 4,
    };
    check("large", &[0.5, 0.0, 0.5, 0.0], 1e-7, |w, y| {
        softmax.forward(w, &x, y)
    });
}

#[test]
fn cross_entropy_as_pytorch() {
    let (x, dloss) = (golden_f32("softmax.x"), golden_f32("softmax.dloss"));
    let (labels, shares) = (golden_f32("softmax.labels"), golden_f32("softmax.shares"));
    let kinds = [
        ("labels", Targets::Labels(&labels)),
        ("shares", Targets::Shares(&shares)),
    ];
    for (name, targets) in kinds {
        for (smoothing, label_smoothing) in [("0.0", 0.0), ("0.1", 0.1)] {
            let loss = CrossEntropy {
                rows: 5,
                classes: 7,
                label_smoothing,
            };
            let name = format!("cross_entropy.{name}.{smoothing}");
            check(&name, &golden(&format!("{name}.y")), 5e-7, |w, y| {
                loss.forward(w, &x, targets, y)
            });
            check(&name, &golden(&format!("{name}.dx")), 5e-7, |w, dx| {
                loss.backward(w, &x, targets, &dloss, dx);
            });
        }
    }
}

#[test]
fn cross_entropy_of_many_rows() {
    let (rows, classes) = (5000, 10);
    let x = numbers(rows * classes, 5);
    let labels: Vec<f32> = (0..rows).map(|row| (row * 7 % classes) as f32).collect();
    let dloss = numbers(rows, 6);
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for (row, x) in x.chunks(classes).enumerate() {
        let sum: f64 = x.iter().map(|&x| f64::from(x).exp()).sum();
        let label = labels[row] as usize;
        losses.push(sum.ln() - f64::from(x[label]));
        gradients.extend(x.iter().enumerate().map(|(class, &x)| {
            let target = if class == label { 1.0 } else { 0.0 };
            f64::from(dloss[row]) * (f64::from(x).exp() / sum - target)
        }));
    }
    let loss = CrossEntropy {
        rows,
        classes,
        label_smoothing: 0.0,
    };
    let targets = Targets::Labels(&labels);
    check("losses", &losses, 5e-7, |w, y| {
        loss.forward(w, &x, targets, y)
    });
    check("gradients", &gradients, 5e-7, |w, dx| {
        loss.backward(w, &x, targets, &dloss, dx)
    });
}

#[test]
fn a_wrong_label_gives_no_number() {
    let labels = [3.0, -1.0, 0.5, f32::NAN, f32::INFINITY, 2.0];
    let x = numbers(18, 1);
    let loss = CrossEntropy {
        rows: 6,
        classes: 3,
        label_smoothing: 0.1,
    };
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let (mut losses, mut gradients) = (vec![0.0; 6], vec![0.0; 18]);
            loss.forward(workers, &x, Targets::Labels(&labels), &mut losses);
            loss.backward(
                workers,
                &x,
                Targets::Labels(&labels),
                &[1.0; 6],
                &mut gradients,
            );
            let firsts = gradients.chunks(3).map(|row| row[0]);
            losses
                .iter()
                .copied()
                .chain(firsts)
                .map(|x| f32::from(x.is_nan()))
                .collect()
        },
    );
    for (level, result) in results {
        assert_eq!(result, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0].repeat(2), "{level}");
    }
}
