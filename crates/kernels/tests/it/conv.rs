use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::{
    Activation, Conv2dForward, Conv2dGradFilter, Conv2dGradInput, ConvShape, Epilogue, Level,
};
use proptest::prelude::*;

/// Calls `f(x index, w index, y index)` for each product of the convolution.
pub fn each_product(s: &ConvShape, mut f: impl FnMut(usize, usize, usize)) {
    if s.output_len() == 0 {
        return;
    }
    let (channels, filters) = (s.channels / s.groups, s.filters / s.groups);
    for n in 0..s.batch {
        for oy in 0..s.out_height() {
            for ox in 0..s.out_width() {
                for ky in 0..s.kernel[0] {
                    for kx in 0..s.kernel[1] {
                        let y = (oy * s.stride[0] + ky * s.dilation[0]).wrapping_sub(s.padding[0]);
                        let x = (ox * s.stride[1] + kx * s.dilation[1]).wrapping_sub(s.padding[2]);
                        if y >= s.height || x >= s.width {
                            continue;
                        }
                        for c in 0..channels {
                            for o in 0..s.filters {
                                let channel = o / filters * channels + c;
                                let from =
                                    ((n * s.height + y) * s.width + x) * s.channels + channel;
                                let tap = ((ky * s.kernel[1] + kx) * channels + c) * s.filters + o;
                                let to = ((n * s.out_height() + oy) * s.out_width() + ox)
                                    * s.filters
                                    + o;
                                f(from, tap, to);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn check_forward(shape: ConvShape, epilogue: Epilogue) {
    let (x, w) = (
        numbers(shape.input_len(), 1),
        numbers(shape.filter_len(), 2),
    );
    let (bias, before) = (numbers(shape.filters, 3), numbers(shape.output_len(), 4));
    let mut expected = vec![0.0; shape.output_len()];
    each_product(&shape, |i, t, o| {
        expected[o] += f64::from(x[i]) * f64::from(w[t])
    });
    for (index, value) in expected.iter_mut().enumerate() {
        if epilogue.bias {
            *value += f64::from(bias[index % shape.filters]);
        }
        if epilogue.accumulate {
            *value += f64::from(before[index]);
        }
        *value = match epilogue.activation {
            Activation::Relu => value.max(0.0),
            Activation::Tanh => value.tanh(),
            _ => *value,
        };
    }
    let plan = |level: Level| Conv2dForward::new(level, shape, epilogue);
    let results = at_every_level(
        |level| (plan(level).scratch(), plan(level).shared()),
        |level, workers, shared| {
            let mut y = before.clone();
            let bias = epilogue.bias.then_some(bias.as_slice());
            plan(level).run(workers, &x, &w, bias, &mut y, shared);
            y
        },
    );
    for (level, y) in results {
        assert_close(&format!("{level} {shape:?}"), &y, &expected, 2e-5);
    }
}

fn check_gradients(shape: ConvShape) {
    let (x, w) = (
        numbers(shape.input_len(), 1),
        numbers(shape.filter_len(), 2),
    );
    let dy = numbers(shape.output_len(), 5);
    let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
    each_product(&shape, |i, t, o| {
        dx[i] += f64::from(dy[o]) * f64::from(w[t]);
        dw[t] += f64::from(dy[o]) * f64::from(x[i]);
    });
    let mut db = vec![0.0; shape.filters];
    for (index, &dy) in dy.iter().enumerate() {
        db[index % shape.filters] += f64::from(dy);
    }
    dw.extend(&db);
    let plan = |level: Level| Conv2dGradFilter::new(level, shape);
    let results = at_every_level(
        |level| (plan(level).scratch(), plan(level).shared()),
        |level, workers, shared| {
            let (mut dw, mut db) = (vec![f32::NAN; w.len()], vec![f32::NAN; shape.filters]);
            plan(level).run(workers, &x, &dy, &mut dw, Some(&mut db), shared);
            dw.extend(db);
            dw
        },
    );
    for (level, result) in results {
        assert_close(&format!("dw {level} {shape:?}"), &result, &dw, 1e-4);
    }
    let plan = |level: Level| Conv2dGradInput::new(level, shape);
    let results = at_every_level(
        |level| (plan(level).scratch(), plan(level).shared()),
        |level, workers, shared| {
            let mut dx = vec![f32::NAN; x.len()];
            plan(level).run(workers, &w, &dy, &mut dx, shared);
            dx
        },
    );
    for (level, result) in results {
        assert_close(&format!("dx {level} {shape:?}"), &result, &dx, 2e-5);
    }
}

pub fn valid(batch: usize, size: usize, channels: usize, filters: usize) -> ConvShape {
    ConvShape {
        batch,
        height: size,
        width: size,
        channels,
        filters,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [0; 4],
        dilation: [1, 1],
        groups: 1,
    }
}

#[test]
fn shapes_of_the_workloads() {
    let relu = Epilogue {
        bias: true,
        activation: Activation::Relu,
        accumulate: false,
    };
    for shape in [
        valid(9, 12, 1, 32),
        valid(10, 9, 32, 64),
        valid(1, 28, 3, 32),
        ConvShape {
            padding: [1; 4],
            ..valid(3, 10, 32, 48)
        },
        ConvShape {
            height: 1,
            kernel: [1, 5],
            width: 60,
            ..valid(4, 0, 24, 40)
        },
    ] {
        check_forward(shape, relu);
        check_gradients(shape);
    }
}

/// Transformed filters have 16 terms instead of nine taps.
fn assert_transformed(shape: ConvShape) {
    for level in Level::available() {
        let shared = Conv2dForward::new(level, shape, Epilogue::default()).shared();
        assert!(
            shared >= 16 * shape.channels * shape.filters,
            "{level} {shape:?}"
        );
    }
}

/// Enough channels and tiles for Winograd's transforms at every level, forward and backward.
#[test]
fn tiles_of_three_by_three() {
    let relu = Epilogue {
        bias: true,
        activation: Activation::Relu,
        accumulate: false,
    };
    for shape in [
        valid(30, 6, 64, 64),
        ConvShape {
            padding: [1; 4],
            ..valid(9, 7, 48, 32)
        },
        ConvShape {
            padding: [1; 4],
            ..valid(2, 14, 32, 80)
        },
        ConvShape {
            padding: [2, 0, 1, 2],
            width: 13,
            ..valid(3, 10, 32, 48)
        },
        ConvShape {
            padding: [1; 4],
            ..valid(1, 28, 32, 40)
        },
        ConvShape {
            padding: [0, 3, 4, 0],
            ..valid(11, 9, 32, 96)
        },
    ] {
        assert_transformed(shape);
        check_forward(shape, relu);
        check_gradients(shape);
    }
    let shape = valid(12, 9, 16, 20);
    assert_transformed(shape);
    for activation in [Activation::None, Activation::Tanh] {
        let epilogue = Epilogue {
            bias: false,
            activation,
            accumulate: true,
        };
        check_forward(shape, epilogue);
    }
}

#[test]
fn epilogues() {
    for activation in [Activation::None, Activation::Tanh] {
        for accumulate in [false, true] {
            check_forward(
                valid(2, 7, 5, 21),
                Epilogue {
                    bias: accumulate,
                    activation,
                    accumulate,
                },
            );
        }
    }
}

#[test]
fn depthwise() {
    let shape = ConvShape {
        groups: 20,
        padding: [1; 4],
        ..valid(2, 6, 20, 20)
    };
    check_forward(shape, Epilogue::default());
    check_gradients(shape);
}

fn any_shape() -> impl Strategy<Value = ConvShape> {
    let sizes = (1usize..10, 5usize..12, 5usize..12, 1usize..3);
    let inner = (1usize..20, 1usize..40, 1usize..4, 1usize..4);
    let steps = (
        1usize..3,
        1usize..3,
        1usize..3,
        1usize..3,
        proptest::array::uniform4(0usize..3),
    );
    (sizes, inner, steps).prop_map(
        |(
            (batch, height, width, groups),
            (channels, filters, kh, kw),
            (sh, sw, dh, dw, padding),
        )| {
            ConvShape {
                batch,
                height,
                width,
                channels: channels * groups,
                filters: filters * groups,
                kernel: [kh, kw],
                stride: [sh, sw],
                padding,
                dilation: [dh, dw],
                groups,
            }
        },
    )
}

fn any_three_by_three() -> impl Strategy<Value = ConvShape> {
    let sizes = (1usize..12, 3usize..16, 3usize..16);
    let inner = (
        1usize..4,
        1usize..4,
        0usize..4,
        proptest::array::uniform4(0usize..3),
    );
    (sizes, inner).prop_map(
        |((batch, height, width), (channels, filters, more, padding))| ConvShape {
            height,
            width,
            padding,
            ..valid(batch, 0, 16 * channels, 16 * filters + 5 * more)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn forward_of_any_shape(shape in any_shape(), bias: bool) {
        check_forward(shape, Epilogue { bias, ..Epilogue::default() });
    }

    #[test]
    fn gradients_of_any_shape(shape in any_shape()) {
        check_gradients(shape);
    }

    #[test]
    fn three_by_three_of_any_shape(shape in any_three_by_three(), bias: bool, accumulate: bool) {
        check_forward(shape, Epilogue { bias, accumulate, ..Epilogue::default() });
        check_gradients(shape);
    }
}
