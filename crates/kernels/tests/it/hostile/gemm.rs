use crate::support::{alone, assert_close, assert_refused, hostile_sizes, numbers, unless_refused};
use jingwei_kernels::{Epilogue, Level, MatMul, MatMulShape, Precision};

#[test]
fn products() {
    for [m, n, k] in hostile_sizes([3, 20, 5]) {
        for transpose_b in [false, true] {
            let shape = MatMulShape {
                m,
                n,
                k,
                transpose_a: false,
                transpose_b,
            };
            for level in Level::available() {
                unless_refused(shape, || run(level, shape));
            }
        }
    }
}

fn run(level: Level, shape: MatMulShape) {
    let plans = [
        MatMul::new(level, shape, Epilogue::default()),
        MatMul::with_precision(level, shape, Epilogue::default(), Precision::High),
        MatMul::with_constant_b(level, shape, Epilogue::default()),
    ];
    for plan in plans {
        let temporary = [plan.scratch(), plan.shared(), plan.prepared()];
        let MatMulShape { m, n, k, .. } = shape;
        let sides = [m * k, k * n, m * n];
        if temporary
            .into_iter()
            .chain(sides)
            .any(|size| size > 1 << 20)
        {
            continue;
        }
        let (a, b, mut c) = (numbers(m * k, 1), numbers(k * n, 2), vec![0.0; m * n]);
        alone(level, plan.scratch(), |workers| {
            let mut shared = vec![0.0; plan.shared()];
            plan.run(workers, &a, &b, None, &mut c, &mut shared);
        });
        // Where a size is zero, so are all sums.
        assert_close(&format!("{level} {shape:?}"), &c, &vec![0.0; m * n], 0.0);
    }
}

/// Many columns, of which no row makes use.
#[test]
fn products_without_rows() {
    for level in Level::available() {
        let shape = MatMulShape {
            m: 0,
            n: 300,
            k: 300,
            ..MatMulShape::default()
        };
        run(level, shape);
    }
}

#[test]
fn levels_that_the_processor_lacks() {
    let missing = Level::ALL.into_iter().filter(|level| !level.is_available());
    for level in missing {
        let shape = MatMulShape {
            m: 64,
            n: 64,
            k: 64,
            ..MatMulShape::default()
        };
        assert_refused(level, || {
            let plan = MatMul::with_constant_b(level, shape, Epilogue::default());
            let (b, mut target) = (vec![0.0; 64 * 64], vec![0.0; plan.prepared()]);
            plan.prepare(&b, &mut target);
        });
    }
}
