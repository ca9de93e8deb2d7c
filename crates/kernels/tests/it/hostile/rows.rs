use jingwei_kernels::batch_norm::BatchNorm;
use jingwei_kernels::cross_entropy::{CrossEntropy, Targets};
use jingwei_kernels::elementwise::{Binary, Broadcast, Operand};
use jingwei_kernels::layer_norm::{LayerNorm, LayerNormOperands};
use jingwei_kernels::reduce::{Reduce, Reduction, largest_index};
use jingwei_kernels::rms_norm::RmsNorm;
use jingwei_kernels::rotary::Rotary;
use jingwei_kernels::softmax::Softmax;
use jingwei_kernels::{Level, Workers};

use crate::support::{alone, hostile_sizes, numbers, unless_refused};

/// Sizes of tensors whose lengths could be anything, were they to wrap.
const LENGTHS: [usize; 3] = [0, 1, 6];

fn each_length(f: impl Fn(&Workers, &[f32], &mut [f32])) {
    for level in Level::available() {
        alone(level, 64, |workers| {
            for len in LENGTHS {
                f(workers, &numbers(len, 1), &mut vec![0.0; len]);
            }
        });
    }
}

#[test]
fn norms() {
    let epsilon = 1e-5;
    for [rows, columns] in hostile_sizes([2, 3]) {
        let layer = LayerNorm {
            rows,
            columns,
            epsilon,
        };
        let rms = RmsNorm {
            rows,
            columns,
            epsilon,
        };
        let batch = BatchNorm {
            rows,
            channels: columns,
            epsilon,
        };
        unless_refused(layer, || layer.shared());
        unless_refused(rms, || rms.shared());
        unless_refused(batch, || batch.shared());
        each_length(|workers, x, y| {
            for of_columns in [&[][..], &[1.0; 3]] {
                let mut sums = [vec![0.0; of_columns.len()], vec![0.0; of_columns.len()]];
                let mut shared = vec![0.0; 24];
                unless_refused(layer, || layer.forward(workers, x, [of_columns; 2], y));
                unless_refused(layer, || {
                    let [a, b] = &mut sums;
                    let operands = LayerNormOperands {
                        x,
                        dy: x,
                        gamma: of_columns,
                        added: None,
                    };
                    layer.backward(workers, operands, y, [a, b], &mut shared)
                });
                unless_refused(layer, || {
                    let [a, b] = &mut sums;
                    layer.parameter_gradients(workers, [x; 2], [a, b], &mut shared)
                });
                unless_refused(rms, || rms.forward(workers, x, of_columns, y));
                unless_refused(rms, || rms.input_gradient(workers, [x; 2], of_columns, y));
                unless_refused(rms, || {
                    rms.scale_gradient(workers, [x; 2], &mut sums[0], &mut shared)
                });
                unless_refused(batch, || {
                    let [a, b] = &mut sums;
                    batch.statistics(workers, x, [a, b], &mut shared)
                });
                unless_refused(batch, || {
                    batch.normalise(workers, x, [of_columns; 2], [of_columns; 2], y, &mut shared)
                });
            }
        });
    }
}

#[test]
fn softmax_and_losses() {
    for [rows, columns] in hostile_sizes([2, 3]) {
        let softmax = Softmax { rows, columns };
        let loss = CrossEntropy {
            rows,
            classes: columns,
            label_smoothing: 0.1,
        };
        each_length(|workers, x, y| {
            unless_refused(softmax, || softmax.forward(workers, x, y));
            unless_refused(softmax, || softmax.log_backward(workers, x, x, y));
            for labels in [&[][..], &[1.0, 2.0]] {
                let mut losses = vec![0.0; labels.len()];
                unless_refused(loss, || {
                    loss.forward(workers, x, Targets::Labels(labels), &mut losses)
                });
                unless_refused(loss, || {
                    loss.backward(workers, x, Targets::Shares(x), labels, y)
                });
            }
        });
    }
}

/// Labels come from data.
#[test]
fn labels_that_are_no_classes() {
    let loss = CrossEntropy {
        rows: 1,
        classes: 3,
        label_smoothing: 0.0,
    };
    let logits = numbers(3, 1);
    for label in [-1.0, 3.0, 0.5, 16_777_216.0, 1e30, f32::INFINITY, f32::NAN] {
        for level in Level::available() {
            alone(level, 0, |workers| {
                let labels = vec![label];
                let (mut losses, mut gradients) = (vec![0.0], vec![0.0; 3]);
                loss.forward(workers, &logits, Targets::Labels(&labels), &mut losses);
                let targets = Targets::Labels(&labels);
                loss.backward(workers, &logits, targets, &[1.0], &mut gradients);
                assert!(losses.iter().chain(&gradients).all(|x| x.is_nan()));
            });
        }
    }
}

#[test]
fn reductions() {
    for [outer, middle, inner] in hostile_sizes([2, 3, 1]) {
        let sizes = (outer, middle, inner);
        let Some(plan) = unless_refused(sizes, || {
            Reduce::new(Reduction::Maximum, outer, middle, inner)
        }) else {
            continue;
        };
        unless_refused(sizes, || plan.shared());
        each_length(|workers, x, y| {
            unless_refused(sizes, || plan.run(workers, x, y, &mut vec![0.0; 64]));
            unless_refused(sizes, || largest_index(workers, inner, x, y));
        });
    }
}

#[test]
fn elements() {
    for shape in hostile_sizes([2, 3]) {
        for broadcast in [
            Broadcast::Full,
            Broadcast::Row,
            Broadcast::Column,
            Broadcast::Groups(shape[0]),
            Broadcast::Groups(0),
            Broadcast::Scalar,
        ] {
            each_length(|workers, x, y| {
                let side = |broadcast| Operand {
                    values: x,
                    broadcast,
                };
                unless_refused((shape, broadcast), || {
                    let (a, b) = (side(Broadcast::Full), side(broadcast));
                    Binary::Add.run(workers, shape, a, b, y)
                });
                unless_refused((shape, broadcast), || {
                    Binary::Add.run(workers, shape, side(broadcast), side(broadcast), y)
                });
            });
        }
    }
}

#[test]
fn rotations() {
    for [heads, depth] in hostile_sizes([2, 4]) {
        let plan = unless_refused([heads, depth], || {
            Rotary::new(heads, depth, std::iter::repeat_n((1.0, 0.0), 6))
        });
        let Some(plan) = plan else { continue };
        each_length(|workers, x, y| {
            unless_refused([heads, depth], || plan.run(workers, x, y));
        });
    }
}
