use crate::support::{HOSTILE, alone, hostile_sizes, numbers, unless_refused};
use jingwei_kernels::layout::{StridedCopy, gather, gather_backward};
use jingwei_kernels::optimiser::TouchedRows;
use jingwei_kernels::{AlignedVec, Buffers, Level, Place};

/// What is planned is tried on slices of the lengths that wrapped products would have, and of the right ones.
fn try_copy(what: impl std::fmt::Debug, plan: impl FnOnce() -> StridedCopy) {
    let Some(plan) = unless_refused(&what, plan) else {
        return;
    };
    alone(Level::Scalar, 0, |workers| {
        for (from, to) in [(0, 0), (0, 6), (6, 0), (6, 6)] {
            let (source, mut target) = (numbers(from, 1), vec![0.0; to]);
            unless_refused(&what, || plan.run(workers, &source, &mut target));
        }
    });
}

#[test]
fn copies() {
    for shape in hostile_sizes([2, 3, 1]) {
        try_copy(shape, || StridedCopy::transpose(&shape, &[2, 0, 1]));
        try_copy(shape, || StridedCopy::broadcast(&[1, 1, 1], &shape));
        try_copy(shape, || StridedCopy::broadcast(&shape, &shape));
    }
    for [start, step, count, size] in hostile_sizes([1, 1, 2, 3]) {
        let shape = [2, size];
        let (starts, steps, counts) = ([0, start], [1, step], [2, count]);
        let what = (start, step, count, size);
        try_copy(what, || {
            StridedCopy::slice(&shape, &starts, &steps, &counts)
        });
        try_copy(what, || {
            StridedCopy::place(&shape, &starts, &steps, &counts)
        });
    }
}

#[test]
fn tables() {
    for columns in HOSTILE {
        alone(Level::Scalar, 0, |workers| {
            for len in [0, 2] {
                let (indices, mut y) = (vec![0.0; len], vec![0.0; len]);
                unless_refused(columns, || gather(workers, columns, &[], &indices, &mut y));
                unless_refused(columns, || {
                    gather_backward(workers, columns, &indices, &y, &mut [])
                });
            }
        });
    }
    for [rows, width, from] in hostile_sizes([4, 3, 0]) {
        unless_refused([rows, width, from], || {
            let mut touched = TouchedRows::new(rows, width, 2);
            touched.add(&[1.0, 4_294_967_296.0, f32::NAN, -1.0], from);
            touched.sort();
        });
    }
}

#[test]
fn indices_that_are_no_rows() {
    let table = numbers(12, 1);
    let indices = vec![-1.0, 4.0, 1.5, 16_777_216.0, 1e30, f32::INFINITY, f32::NAN];
    for level in Level::available() {
        alone(level, 0, |workers| {
            let mut y = vec![0.0; indices.len() * 3];
            gather(workers, 3, &table, &indices, &mut y);
            assert!(y.iter().all(|y| y.is_nan()));
            let mut gradients = vec![1.0; 12];
            gather_backward(workers, 3, &indices, &y, &mut gradients);
            assert_eq!(gradients, [0.0; 12]);
        });
    }
}

#[test]
fn buffers() {
    let mut buffers = Buffers::new(&[10]);
    for far in HOSTILE {
        for (offset, len) in [
            (far, far),
            (2, far),
            (far, 2),
            (far, far.wrapping_neg()),
            (5, far - 4),
        ] {
            let place = Place {
                buffer: 0,
                offset,
                len,
            };
            let other = Place {
                buffer: 0,
                offset: 1,
                len: 3,
            };
            let refused = [
                unless_refused(place, || buffers.get(place).len()),
                unless_refused(place, || buffers.get_mut(place).len()),
                unless_refused(place, || buffers.split([place], [other]).0[0].len()),
                unless_refused(place, || buffers.split([other], [place]).1[0].len()),
            ];
            assert_eq!(refused, [None; 4], "{place:?}");
        }
        if far >= 1 << 63 {
            assert!(unless_refused(far, || AlignedVec::new(far)).is_none());
        }
    }
}
