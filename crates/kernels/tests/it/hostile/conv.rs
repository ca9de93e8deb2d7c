use crate::conv::each_product;
use crate::support::{
    HOSTILE, alone, assert_close, assert_refused, hostile_sizes, numbers, unless_refused,
};
use jingwei_kernels::pooling::{GlobalMaximum, Pooling};
use jingwei_kernels::{
    Conv2dForward, Conv2dGradFilter, Conv2dGradInput, ConvMaxForward, ConvMaxGradFilter,
    ConvMaxGradInput, ConvReluPoolForward, ConvReluPoolGradFilter, ConvReluPoolGradInput,
    ConvShape, Epilogue, Level, SequenceShape,
};

/// Tensors up to this size are made and computed.
const SMALL: usize = 1 << 12;

fn shape(
    [batch, height, width, channels, filters, groups]: [usize; 6],
    rest: [usize; 10],
) -> ConvShape {
    let [kh, kw, sh, sw, dh, dw, top, bottom, left, right] = rest;
    ConvShape {
        batch,
        height,
        width,
        channels,
        filters,
        groups,
        kernel: [kh, kw],
        stride: [sh, sw],
        dilation: [dh, dw],
        padding: [top, bottom, left, right],
    }
}

fn run_forward(level: Level, shape: ConvShape) {
    let plan = Conv2dForward::new(level, shape, Epilogue::default());
    let sizes = [shape.input_len(), shape.filter_len(), shape.output_len()];
    let (scratch, shared) = (plan.scratch(), plan.shared());
    let others = [scratch, shared, shape.batch];
    if sizes.iter().chain(&others).any(|&size| size > SMALL) {
        return;
    }
    let (x, w) = (numbers(sizes[0], 1), numbers(sizes[1], 2));
    let (mut y, mut shared) = (vec![0.0; sizes[2]], vec![0.0; shared]);
    alone(level, scratch, |workers| {
        plan.run(workers, &x, &w, None, &mut y, &mut shared);
    });
    let mut expected = vec![0.0; y.len()];
    each_product(&shape, |i, t, o| {
        expected[o] += f64::from(x[i]) * f64::from(w[t])
    });
    assert_close(&format!("{level} {shape:?}"), &y, &expected, 1e-5);
}

fn run_gradients(level: Level, shape: ConvShape) {
    let filter = Conv2dGradFilter::new(level, shape);
    let input = Conv2dGradInput::new(level, shape);
    let sizes = [shape.input_len(), shape.filter_len(), shape.output_len()];
    let scratch = filter.scratch().max(input.scratch());
    let shared = filter.shared().max(input.shared());
    if sizes
        .iter()
        .chain(&[scratch, shared, shape.batch])
        .any(|&size| size > SMALL)
    {
        return;
    }
    let (x, w, dy) = (
        numbers(sizes[0], 1),
        numbers(sizes[1], 2),
        numbers(sizes[2], 3),
    );
    let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
    let mut shared = vec![0.0; shared];
    alone(level, scratch, |workers| {
        filter.run(workers, &x, &dy, &mut dw, None, &mut shared);
        input.run(workers, &w, &dy, &mut dx, &mut shared);
    });
    let mut expected = [vec![0.0; x.len()], vec![0.0; w.len()]];
    each_product(&shape, |i, t, o| {
        expected[0][i] += f64::from(dy[o]) * f64::from(w[t]);
        expected[1][t] += f64::from(dy[o]) * f64::from(x[i]);
    });
    assert_close(&format!("dx {level} {shape:?}"), &dx, &expected[0], 1e-5);
    assert_close(&format!("dw {level} {shape:?}"), &dw, &expected[1], 1e-5);
}

fn run_pooled(level: Level, shape: ConvShape) {
    let plan = ConvReluPoolForward::new(level, shape);
    plan.scratch();
    plan.shared();
    let plan = ConvReluPoolGradFilter::new(level, shape);
    plan.scratch();
    plan.shared();
    let plan = ConvReluPoolGradInput::new(level, shape);
    plan.scratch();
    plan.shared();
}

/// Of these, each size is hostile once, and with each other one: a padding of 2⁶⁰ with 16 channels among them.
#[test]
fn convolutions() {
    let plain = [1, 1, 1, 1, 0, 0, 0, 0];
    for (sizes, kernel) in [([2, 5, 6, 16, 3, 1], [3, 2]), ([1, 4, 4, 4, 4, 2], [1, 1])] {
        let mut all = [0; 16];
        all[..6].copy_from_slice(&sizes);
        all[6..8].copy_from_slice(&kernel);
        all[8..].copy_from_slice(&plain);
        for sizes in hostile_sizes(all) {
            let (first, rest) = sizes.split_at(6);
            let shape = shape(first.try_into().unwrap(), rest.try_into().unwrap());
            for level in Level::available() {
                unless_refused(shape, || run_forward(level, shape));
                unless_refused(shape, || run_gradients(level, shape));
                unless_refused(shape, || run_pooled(level, shape));
            }
        }
    }
}

/// Strides and dilations that are never taken may be any number; a padding of 2⁶⁰ may not.
#[test]
fn what_is_refused_of_convolutions() {
    let fits = shape([2, 5, 6, 16, 3, 1], [5, 6, 1, 1, 1, 1, 0, 0, 0, 0]);
    for far in HOSTILE {
        for level in Level::available() {
            run_forward(
                level,
                ConvShape {
                    stride: [far; 2],
                    ..fits
                },
            );
            run_gradients(
                level,
                ConvShape {
                    stride: [far; 2],
                    ..fits
                },
            );
            let point = ConvShape {
                kernel: [1; 2],
                dilation: [far; 2],
                ..fits
            };
            run_forward(level, point);
            run_gradients(level, point);
            // It does not fit, and has no positions.
            run_forward(
                level,
                ConvShape {
                    dilation: [far; 2],
                    ..fits
                },
            );
            run_gradients(
                level,
                ConvShape {
                    dilation: [far; 2],
                    ..fits
                },
            );
            for side in 0..4 {
                let mut padding = [0; 4];
                padding[side] = far;
                let shape = ConvShape { padding, ..fits };
                assert_refused(shape, || {
                    Conv2dForward::new(level, shape, Epilogue::default())
                });
                assert_refused(shape, || Conv2dGradFilter::new(level, shape));
                assert_refused(shape, || Conv2dGradInput::new(level, shape));
                assert_refused(shape, || ConvReluPoolForward::new(level, shape));
                if far >= 1 << 40 {
                    assert_refused(shape, || shape.output_len());
                }
            }
        }
    }
}

#[test]
fn maxima_of_convolutions() {
    for [batch, time, channels, filters, kernel, before, after] in
        hostile_sizes([2, 7, 16, 20, 3, 1, 0])
    {
        let shape = SequenceShape {
            batch,
            time,
            channels,
            filters,
            kernel,
            padding: [before, after],
            relu: true,
        };
        for level in Level::available() {
            unless_refused(shape, || {
                let plan = ConvMaxForward::new(level, shape);
                (plan.scratch(), plan.shared())
            });
            unless_refused(shape, || ConvMaxGradFilter::new(level, shape).scratch());
            unless_refused(shape, || ConvMaxGradInput::new(level, shape).shared());
        }
    }
}

/// Places come from a buffer: what is none reads and writes nothing outside.
#[test]
fn places_that_are_none() {
    let shape = SequenceShape {
        batch: 2,
        time: 7,
        channels: 5,
        filters: 9,
        kernel: 3,
        padding: [1, 2],
        relu: false,
    };
    let results = shape.batch * shape.filters;
    let (x, w) = (numbers(2 * 7 * 5, 1), numbers(3 * 5 * 9, 2));
    let (y, dy) = (numbers(results, 3), numbers(results, 4));
    for place in [8.0, 9.0, 1e7, 2e7, 1e30, f32::INFINITY, f32::NAN, -5.0, 0.5] {
        let at = vec![place; results];
        for level in Level::available() {
            let filter = ConvMaxGradFilter::new(level, shape);
            let input = ConvMaxGradInput::new(level, shape);
            let (mut dw, mut db) = (vec![0.0; w.len()], vec![0.0; shape.filters]);
            let (mut dx, mut shared) = (vec![0.0; x.len()], vec![0.0; input.shared()]);
            alone(level, filter.scratch(), |workers| {
                unless_refused(place, || {
                    filter.run(workers, &x, [&y, &at, &dy], &mut dw, &mut db)
                });
                unless_refused(place, || {
                    input.run(workers, &w, [&y, &at, &dy], &mut dx, &mut shared)
                });
            });
        }
    }
}

#[test]
fn poolings() {
    let sizes = [2, 5, 6, 3, 2, 3, 2, 2, 1, 0, 3, 2];
    for sizes in hostile_sizes(sizes) {
        let pooling = Pooling {
            batch: sizes[0],
            input: [sizes[1], sizes[2]],
            channels: sizes[3],
            window: [sizes[4], sizes[5]],
            stride: [sizes[6], sizes[7]],
            padding: [sizes[8], sizes[9]],
            output: [sizes[10], sizes[11]],
        };
        alone(Level::Scalar, 0, |workers| {
            unless_refused(pooling, || pool(workers, pooling));
            // Lengths that wrapped products would have.
            unless_refused(pooling, || pooling.average(workers, true, &[], &mut []));
            unless_refused(pooling, || pooling.maximum(workers, &[], &mut [], &mut []));
        });
    }
    for [batch, positions, channels] in hostile_sizes([2, 3, 5]) {
        let global = GlobalMaximum {
            batch,
            positions,
            channels,
        };
        alone(Level::Scalar, 0, |workers| {
            unless_refused(global, || {
                global.forward(workers, &[], None, &mut [], &mut [])
            });
            unless_refused(global, || global.backward(workers, &[], &[], &mut []));
        });
    }
}

fn pool(workers: &jingwei_kernels::Workers, pooling: Pooling) {
    let (input, output) = (pooling.input_len(), pooling.output_len());
    if input.max(output) > SMALL {
        return;
    }
    let (mut x, mut y) = (numbers(input, 1), vec![0.0; output]);
    let mut positions = vec![0.0; jingwei_kernels::pooling::packed_positions(output)];
    for count_padding in [false, true] {
        pooling.average(workers, count_padding, &x, &mut y);
        pooling.average_backward(workers, count_padding, &y, &mut x);
    }
    pooling.maximum(workers, &x, &mut y, &mut positions);
    pooling.maximum_backward(workers, &positions, &y, &mut x);
    // What the positions say comes from a buffer, too.
    positions.fill(f32::from_bits(u32::MAX));
    pooling.maximum_backward(workers, &positions, &y, &mut x);
}

#[test]
fn positions_that_are_none() {
    let global = GlobalMaximum {
        batch: 1,
        positions: 4,
        channels: 3,
    };
    for position in [4.0, 1e9, 1e30, f32::INFINITY] {
        let (at, dy, mut dx) = (vec![position; 3], vec![1.0; 3], vec![0.0; 12]);
        alone(Level::Scalar, 0, |workers| {
            assert_refused(position, || global.backward(workers, &at, &dy, &mut dx));
        });
    }
}
