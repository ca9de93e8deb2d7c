use jingwei_kernels::{
    BiasedFilters, ConvReluPoolForward, ConvReluPoolGradFilter, ConvReluPoolGradInput, ConvShape,
    Level, PooledResults,
};
use proptest::prelude::*;

use crate::{
    conv::{each_product, valid},
    support::{assert_close, at_every_level, numbers},
};

/// The plain result, and for each pooled number the position it came from.
fn pool(shape: &ConvShape, x: &[f32], w: &[f32], bias: &[f32]) -> (Vec<f64>, Vec<usize>) {
    let mut sums = vec![0.0f64; shape.output_len()];
    each_product(shape, |i, t, o| {
        sums[o] += f64::from(x[i]) * f64::from(w[t])
    });
    let (height, width) = (shape.out_height(), shape.out_width());
    let (mut y, mut from) = (Vec::new(), Vec::new());
    for n in 0..shape.batch {
        for oy in 0..height / 2 {
            for ox in 0..width / 2 {
                for (o, bias) in bias.iter().enumerate() {
                    let at = |dy, dx| {
                        ((n * height + 2 * oy + dy) * width + 2 * ox + dx) * shape.filters + o
                    };
                    let mut best = at(0, 0);
                    for other in [at(0, 1), at(1, 0), at(1, 1)] {
                        if sums[other] > sums[best] {
                            best = other;
                        }
                    }
                    y.push((sums[best] + f64::from(*bias)).max(0.0));
                    from.push(best);
                }
            }
        }
    }
    (y, from)
}

fn check(shape: ConvShape) {
    let (x, w) = (
        numbers(shape.input_len(), 1),
        numbers(shape.filter_len(), 2),
    );
    let bias = numbers(shape.filters, 3);
    let (expected, from) = pool(&shape, &x, &w, &bias);
    let mut dy = numbers(expected.len(), 4);
    dy.iter_mut().step_by(7).for_each(|dy| *dy = 0.0);
    let bytes = expected.len().div_ceil(4);
    let forward = |level: Level| ConvReluPoolForward::new(level, shape);
    let results = at_every_level(
        |level| (forward(level).scratch(), forward(level).shared()),
        |level, workers, shared| {
            let (mut y, mut index) = (vec![f32::NAN; expected.len()], vec![0.0; bytes]);
            forward(level).run(
                workers,
                &x,
                BiasedFilters { w: &w, bias: &bias },
                &mut y,
                None,
                shared,
            );
            let inferred = y.clone();
            forward(level).run(
                workers,
                &x,
                BiasedFilters { w: &w, bias: &bias },
                &mut y,
                Some(&mut index),
                shared,
            );
            assert_eq!(inferred, y);
            y.extend(index);
            y
        },
    );
    let (_, first) = &results[0];
    let (y, index) = first.split_at(expected.len());
    // Where a sum is next to nothing, its sign is the rounding's, and gradients go by what was computed.
    let mut sums = vec![0.0f64; shape.output_len()];
    for (gradient, (&from, &y)) in dy.iter().zip(from.iter().zip(y)) {
        sums[from] = if y > 0.0 { f64::from(*gradient) } else { 0.0 };
    }
    let (mut dx, mut dw, mut db) = (
        vec![0.0; x.len()],
        vec![0.0; w.len()],
        vec![0.0; shape.filters],
    );
    each_product(&shape, |i, t, o| {
        dx[i] += sums[o] * f64::from(w[t]);
        dw[t] += sums[o] * f64::from(x[i]);
    });
    sums.iter()
        .enumerate()
        .for_each(|(o, sum)| db[o % shape.filters] += sum);
    dw.extend(db);
    for (level, result) in &results {
        assert_close(
            &format!("{level} {shape:?}"),
            &result[..y.len()],
            &expected,
            2e-5,
        );
        let same = result[y.len()..]
            .iter()
            .zip(index)
            .all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{level} {shape:?}: index");
    }
    let plan = |level: Level| ConvReluPoolGradFilter::new(level, shape);
    for (level, result) in at_every_level(
        |level| (plan(level).scratch(), plan(level).shared()),
        |level, workers, shared| {
            let (mut dw, mut db) = (vec![f32::NAN; w.len()], vec![f32::NAN; shape.filters]);
            plan(level).run(
                workers,
                &x,
                PooledResults { y, index, dy: &dy },
                &mut dw,
                &mut db,
                shared,
            );
            dw.extend(db);
            dw
        },
    ) {
        assert_close(&format!("dw {level} {shape:?}"), &result, &dw, 5e-5);
    }
    let plan = |level: Level| ConvReluPoolGradInput::new(level, shape);
    for (level, result) in at_every_level(
        |level| (plan(level).scratch(), plan(level).shared()),
        |level, workers, shared| {
            let mut dx = vec![f32::NAN; x.len()];
            plan(level).run(
                workers,
                &w,
                PooledResults { y, index, dy: &dy },
                &mut dx,
                shared,
            );
            dx
        },
    ) {
        assert_close(&format!("dx {level} {shape:?}"), &result, &dx, 2e-5);
    }
}

#[test]
fn shapes_of_the_workloads() {
    check(valid(9, 28, 1, 32));
    check(valid(10, 13, 32, 64));
    check(valid(1, 13, 32, 64));
    check(valid(3, 16, 3, 32));
    check(ConvShape {
        padding: [1; 4],
        ..valid(2, 16, 64, 24)
    });
    check(ConvShape {
        kernel: [5, 5],
        ..valid(2, 12, 48, 20)
    });
}

#[test]
fn nan_stays() {
    let shape = valid(1, 4, 1, 5);
    for position in 0..16 {
        let mut x = numbers(16, 1);
        x[position] = f32::NAN;
        let (w, bias) = (numbers(45, 2), numbers(5, 3));
        let plan = |level: Level| ConvReluPoolForward::new(level, shape);
        for (level, y) in at_every_level(
            |level| (plan(level).scratch(), plan(level).shared()),
            |level, workers, shared| {
                let mut y = vec![0.0; 5];
                plan(level).run(
                    workers,
                    &x,
                    BiasedFilters { w: &w, bias: &bias },
                    &mut y,
                    None,
                    shared,
                );
                y
            },
        ) {
            assert!(y.iter().all(|y| y.is_nan()), "{level}: {y:?}");
        }
    }
}

fn any_shape() -> impl Strategy<Value = ConvShape> {
    let sizes = (1usize..10, 6usize..14, 6usize..14);
    let inner = (1usize..50, 1usize..70, 1usize..4, 1usize..4);
    let steps = (
        1usize..3,
        1usize..3,
        1usize..3,
        1usize..3,
        proptest::array::uniform4(0usize..3),
    );
    (sizes, inner, steps)
        .prop_map(
            |((batch, height, width), (channels, filters, kh, kw), (sh, sw, dh, dw, padding))| {
                ConvShape {
                    batch,
                    height,
                    width,
                    channels,
                    filters,
                    kernel: [kh, kw],
                    stride: [sh, sw],
                    padding,
                    dilation: [dh, dw],
                    groups: 1,
                }
            },
        )
        .prop_filter("fused pooling", |shape| {
            ConvReluPoolForward::supports(shape, [2, 2])
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any(shape in any_shape()) {
        check(shape);
    }
}
