//! Matrix products of the workloads, beside crate `gemm`. Those with a transposed factor are of gradients.

use crate::harness::{Bench, least};
use jingwei_kernels::{Activation, AlignedVec, Epilogue, MatMul, MatMulShape, Precision};

pub fn run(bench: &Bench) {
    let plain = |m, n, k| MatMulShape {
        m,
        n,
        k,
        ..MatMulShape::default()
    };
    for shape in [
        plain(64, 128, 1600),
        MatMulShape {
            transpose_a: true,
            ..plain(1600, 128, 64)
        },
        MatMulShape {
            transpose_b: true,
            ..plain(64, 1600, 128)
        },
        plain(64, 10, 128),
        plain(32, 128, 30),
        plain(512, 512, 512),
        plain(1024, 1024, 1024),
        plain(6400, 64, 288),
        MatMulShape {
            transpose_a: true,
            ..plain(288, 64, 6400)
        },
        MatMulShape {
            transpose_b: true,
            ..plain(6400, 288, 64)
        },
        plain(768, 512, 128),
        MatMulShape {
            transpose_a: true,
            ..plain(128, 512, 768)
        },
        MatMulShape {
            transpose_b: true,
            ..plain(768, 128, 512)
        },
        MatMulShape {
            transpose_a: true,
            ..plain(128, 512, 3200)
        },
        plain(4096, 1536, 384),
        MatMulShape {
            transpose_a: true,
            ..plain(384, 1536, 4096)
        },
        MatMulShape {
            transpose_b: true,
            ..plain(4096, 384, 1536)
        },
        plain(64, 512, 128),
        plain(1, 128, 1600),
        plain(1, 1024, 1024),
    ] {
        product(bench, shape);
    }
}

fn product(bench: &Bench, shape: MatMulShape) {
    let MatMulShape {
        m,
        n,
        k,
        transpose_a,
        transpose_b,
    } = shape;
    let marks = [
        if transpose_a { "ᵀ" } else { "" },
        if transpose_b { "ᵀ" } else { "" },
    ];
    let name = format!("matmul {m}×{k}{} · {k}×{n}{}", marks[0], marks[1]);
    if !bench.selects(&name) {
        return;
    }
    let flop = 2.0 * (m * n * k) as f64;
    let epilogue = Epilogue {
        activation: Activation::Relu,
        ..Epilogue::default()
    };
    let precision = match transpose_a || transpose_b {
        true => Precision::High,
        false => Precision::Highest,
    };
    let plan = MatMul::with_precision(bench.level, shape, epilogue, precision);
    let filled = |len: usize| {
        AlignedVec::from(
            (0..len)
                .map(|i| (i * 7919 % 1013) as f32 * 0.00123 - 0.57)
                .collect::<Vec<_>>()
                .as_slice(),
        )
    };
    let (a, b, mut c) = (filled(m * k), filled(k * n), AlignedVec::new(m * n));
    let mut shared = AlignedVec::new(plan.shared());
    bench.kernel(&name, flop, plan.scratch(), |workers| {
        plan.run(workers, &a, &b, None, &mut c, &mut shared)
    });
    let [a_row, a_column] = if transpose_a {
        [1, m as isize]
    } else {
        [k as isize, 1]
    };
    let [b_row, b_column] = if transpose_b {
        [1, k as isize]
    } else {
        [n as isize, 1]
    };
    let times = [gemm::Parallelism::None, gemm::Parallelism::Rayon(2)].map(|parallelism| {
        least(|| {
            // SAFETY: the strides describe the whole of each slice.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    c.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a.as_ptr(),
                    a_column,
                    a_row,
                    b.as_ptr(),
                    b_column,
                    b_row,
                    0.0f32,
                    1.0,
                    false,
                    false,
                    false,
                    parallelism,
                );
            }
        })
    });
    bench.report(&format!("  crate gemm {}", &name[7..]), flop, times);
}
