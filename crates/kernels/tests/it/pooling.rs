use crate::golden::{golden, golden_f32};
use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::Workers;
use jingwei_kernels::pooling::{GlobalMaximum, Pooling, packed_positions};

#[track_caller]
fn check(name: &str, expected: &[f64], f: impl Fn(&Workers, &mut [f32])) {
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut y = vec![f32::NAN; expected.len()];
            f(workers, &mut y);
            y
        },
    );
    for (level, result) in results {
        assert_close(&format!("{name} at {level}"), &result, expected, 1e-6);
    }
}

fn maximum_and_gradient(
    shape: Pooling,
    w: &Workers,
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) -> Vec<f32> {
    let mut y = vec![f32::NAN; shape.output_len()];
    let mut positions = vec![f32::NAN; packed_positions(y.len())];
    shape.maximum(w, x, &mut y, &mut positions);
    shape.maximum_backward(w, &positions, dy, dx);
    y
}

#[test]
fn as_pytorch() {
    let maximum = Pooling {
        batch: 2,
        input: [7, 6],
        channels: 3,
        window: [3, 2],
        stride: [2, 1],
        padding: [1, 0],
        output: [4, 5],
    };
    let x = golden_f32("pool.x");
    let dy = golden_f32("pool.max.grad");
    check("maximum", &golden("pool.max.y"), |w, y| {
        y.copy_from_slice(&maximum_and_gradient(
            maximum,
            w,
            &x,
            &dy,
            &mut vec![0.0; x.len()],
        ));
    });
    check("gradient of maximum", &golden("pool.max.dx"), |w, dx| {
        maximum_and_gradient(maximum, w, &x, &dy, dx);
    });
    let average = Pooling {
        padding: [1, 1],
        output: [4, 7],
        ..maximum
    };
    for (name, count_padding) in [("average", false), ("average_padded", true)] {
        let dy = golden_f32(&format!("pool.{name}.grad"));
        check(name, &golden(&format!("pool.{name}.y")), |w, y| {
            average.average(w, count_padding, &x, y)
        });
        check(
            &format!("gradient of {name}"),
            &golden(&format!("pool.{name}.dx")),
            |w, dx| {
                average.average_backward(w, count_padding, &dy, dx);
            },
        );
    }
}

/// The elements that a window sees, in order, as indices of the input.
fn seen(shape: &Pooling, output: usize) -> Vec<usize> {
    let Pooling {
        input: [height, width],
        channels,
        ..
    } = *shape;
    let (channel, rest) = (output % channels, output / channels);
    let (column, rest) = (rest % shape.output[1], rest / shape.output[1]);
    let (row, sample) = (rest % shape.output[0], rest / shape.output[0]);
    let mut seen = Vec::new();
    for i in 0..shape.window[0] {
        for j in 0..shape.window[1] {
            let y = (row * shape.stride[0] + i).wrapping_sub(shape.padding[0]);
            let x = (column * shape.stride[1] + j).wrapping_sub(shape.padding[1]);
            if y < height && x < width {
                seen.push(((sample * height + y) * width + x) * channels + channel);
            }
        }
    }
    seen
}

fn shapes() -> Vec<Pooling> {
    let plain = Pooling {
        batch: 5,
        input: [9, 8],
        channels: 33,
        window: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        output: [4, 4],
    };
    vec![
        plain,
        Pooling {
            batch: 1,
            channels: 1,
            ..plain
        },
        Pooling {
            batch: 64,
            input: [26, 26],
            channels: 32,
            output: [13, 13],
            ..plain
        },
        Pooling {
            window: [3, 3],
            stride: [1, 1],
            padding: [1, 1],
            output: [9, 8],
            ..plain
        },
        Pooling {
            window: [5, 4],
            stride: [3, 2],
            padding: [2, 3],
            output: [4, 6],
            channels: 7,
            ..plain
        },
        Pooling {
            input: [1, 30],
            window: [1, 4],
            stride: [1, 3],
            output: [1, 9],
            ..plain
        },
        Pooling {
            batch: 3,
            input: [1, 300],
            window: [1, 255],
            stride: [1, 45],
            output: [1, 2],
            ..plain
        },
        Pooling { batch: 0, ..plain },
    ]
}

#[test]
fn every_shape() {
    for shape in shapes() {
        let x = numbers(shape.input_len(), 1);
        let dy = numbers(shape.output_len(), 2);
        let (mut maximum, mut average) = (Vec::new(), Vec::new());
        let (mut of_maximum, mut of_average) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        for (output, &dy) in dy.iter().enumerate() {
            let seen = seen(&shape, output);
            let first = seen
                .iter()
                .copied()
                .reduce(|a, b| if x[b] > x[a] { b } else { a })
                .unwrap();
            maximum.push(f64::from(x[first]));
            of_maximum[first] += f64::from(dy);
            average.push(seen.iter().map(|&i| f64::from(x[i])).sum::<f64>() / seen.len() as f64);
            seen.iter()
                .for_each(|&i| of_average[i] += f64::from(dy) / seen.len() as f64);
        }
        check(&format!("maximum {shape:?}"), &maximum, |w, y| {
            y.copy_from_slice(&maximum_and_gradient(
                shape,
                w,
                &x,
                &dy,
                &mut vec![0.0; x.len()],
            ));
        });
        check(
            &format!("gradient of maximum {shape:?}"),
            &of_maximum,
            |w, dx| {
                maximum_and_gradient(shape, w, &x, &dy, dx);
            },
        );
        check(&format!("average {shape:?}"), &average, |w, y| {
            shape.average(w, false, &x, y)
        });
        check(
            &format!("gradient of average {shape:?}"),
            &of_average,
            |w, dx| {
                shape.average_backward(w, false, &dy, dx);
            },
        );
    }
}

#[test]
fn what_is_not_a_number_stays() {
    let shape = shapes()[1];
    let mut x = numbers(shape.input_len(), 1);
    x[1] = f32::NAN;
    let dy = vec![1.0; shape.output_len()];
    let results = at_every_level(
        |_| (0, 0),
        |_, workers, _| {
            let mut dx = vec![f32::NAN; x.len()];
            let y = maximum_and_gradient(shape, workers, &x, &dy, &mut dx);
            vec![f32::from(y[0].is_nan()), dx[0], dx[1]]
        },
    );
    for (level, result) in results {
        assert_eq!(result, [1.0, 0.0, 1.0], "{level}");
    }
}

#[test]
fn maximum_of_whole_images() {
    for (batch, positions, channels) in [(3, 676, 5), (64, 49, 33), (2, 1, 1)] {
        let pool = GlobalMaximum {
            batch,
            positions,
            channels,
        };
        let x = numbers(batch * positions * channels, 1);
        let dy = numbers(batch * channels, 2);
        let (mut expected, mut gradient) = (Vec::new(), vec![0.0; x.len()]);
        for (output, &dy) in dy.iter().enumerate() {
            let at = |p: usize| (output / channels * positions + p) * channels + output % channels;
            let best = (0..positions)
                .map(at)
                .reduce(|a, b| if x[b] > x[a] { b } else { a })
                .unwrap();
            expected.push(f64::from(x[best]));
            gradient[best] = f64::from(dy);
        }
        check(&format!("{pool:?}"), &expected, |w, y| {
            pool.forward(w, &x, None, y, &mut vec![0.0; batch * channels]);
        });
        check(&format!("gradient of {pool:?}"), &gradient, |w, dx| {
            let mut at = vec![0.0; batch * channels];
            pool.forward(w, &x, None, &mut vec![0.0; batch * channels], &mut at);
            pool.backward(w, &at, &dy, dx);
        });
    }
}
