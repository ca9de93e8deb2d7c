//! Sums, means and extremes along axes, in a fixed order.
//!
//! An input is seen as `[outer, middle, inner]` and reduced over `middle`. Leading axes are reduced
//! with `outer = 1` (the gradient of a bias), trailing axes with `inner = 1`, all with both. What a
//! piece reduces are at most 16 Ki elements; pieces are then folded in halves.

use crate::chunks::{self, CHUNK, for_each_piece};
use crate::level::dispatch;
use crate::simd::Simd;
use crate::sizes::floats;
use crate::workers::Parts;
use crate::{Level, Workers, vectors};
use std::ops::Range;

/// How elements become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum, 0 of none.
    Sum,
    /// Their sum divided by their number.
    Mean,
    /// The largest, −∞ of none; not a number if one is none.
    Maximum,
    /// The smallest, ∞ of none; not a number if one is none.
    Minimum,
}

/// A reduction of `[outer, middle, inner]` to `[outer, inner]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduce {
    reduction: Reduction,
    outer: usize,
    middle: usize,
    inner: usize,
    /// Parts that `middle` is cut into, each a piece; 1 where a piece does several of `outer`.
    segments: usize,
}

/// From this many columns on, pieces share out the columns instead of `middle`.
const WIDE: usize = 2048;

impl Reduce {
    /// A plan for one shape.
    ///
    /// # Panics
    /// Where it has more than [`MOST_FLOATS`](crate::MOST_FLOATS).
    pub fn new(reduction: Reduction, outer: usize, middle: usize, inner: usize) -> Self {
        floats([outer, middle, inner]);
        let segments = if inner < WIDE {
            (middle * inner).div_ceil(CHUNK).max(1)
        } else {
            1
        };
        Self {
            reduction,
            outer,
            middle,
            inner,
            segments,
        }
    }

    /// Floats of temporary memory that [`Self::run`] needs.
    pub fn shared(&self) -> usize {
        if self.segments > 1 {
            self.outer * self.segments * self.inner
        } else {
            0
        }
    }

    /// Reduces `x` to `y`. `shared` holds at least [`Self::shared`] floats.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for.
    pub fn run(&self, workers: &Workers, x: &[f32], y: &mut [f32], shared: &mut [f32]) {
        assert_eq!(
            x.len(),
            self.outer * self.middle * self.inner,
            "the input of {self:?}"
        );
        assert_eq!(y.len(), self.outer * self.inner, "the output of {self:?}");
        if y.is_empty() {
            return;
        }
        let level = workers.level();
        if self.segments > 1 {
            let shared = &mut shared[..self.shared()];
            self.run_segments(workers, x, shared);
            self.fold_segments(shared, y);
        } else if self.inner < WIDE {
            let y = Parts::new(y);
            chunks::for_each_block(workers, self.outer, self.middle * self.inner, |block| {
                for outer in block {
                    // SAFETY: each of `outer` has a part of its own, which `part` finds within `y`.
                    let y = unsafe { y.part(outer * self.inner, self.inner) };
                    self.reduce(level, x, outer, 0..self.middle, 0..self.inner, y);
                }
            });
        } else {
            self.run_columns(workers, x, y);
        }
        if self.reduction == Reduction::Mean {
            let count = self.middle as f32;
            y.iter_mut().for_each(|y| *y /= count);
        }
    }

    fn run_segments(&self, workers: &Workers, x: &[f32], shared: &mut [f32]) {
        let rows = self.middle.div_ceil(self.segments);
        let partials = Parts::new(shared);
        let level = workers.level();
        for_each_piece(workers, self.outer * self.segments, |piece| {
            let start = (piece % self.segments * rows).min(self.middle);
            let range = start..(start + rows).min(self.middle);
            // SAFETY: each piece has a part of its own, which `part` finds within `shared`.
            let y = unsafe { partials.part(piece * self.inner, self.inner) };
            self.reduce(level, x, piece / self.segments, range, 0..self.inner, y);
        });
    }

    fn fold_segments(&self, shared: &mut [f32], y: &mut [f32]) {
        let parts = shared.chunks_exact_mut(self.segments * self.inner);
        for (partials, y) in parts.zip(y.chunks_exact_mut(self.inner)) {
            let mut len = self.segments;
            while len > 1 {
                let half = len.div_ceil(2);
                let (low, high) = partials.split_at_mut(half * self.inner);
                for (a, b) in low.iter_mut().zip(&high[..(len - half) * self.inner]) {
                    *a = self.merge(*a, *b);
                }
                len = half;
            }
            y.copy_from_slice(&partials[..self.inner]);
        }
    }

    fn run_columns(&self, workers: &Workers, x: &[f32], y: &mut [f32]) {
        let width = (CHUNK / self.middle.max(1)).max(256);
        let blocks = self.inner.div_ceil(width);
        let y = Parts::new(y);
        let level = workers.level();
        for_each_piece(workers, self.outer * blocks, |piece| {
            let (outer, start) = (piece / blocks, piece % blocks * width);
            let columns = start..(start + width).min(self.inner);
            // SAFETY: each piece has a part of its own, which `part` finds within `y`.
            let y = unsafe { y.part(outer * self.inner + start, columns.len()) };
            self.reduce(level, x, outer, 0..self.middle, columns, y);
        });
    }

    fn reduce(
        &self,
        level: Level,
        x: &[f32],
        outer: usize,
        rows: Range<usize>,
        columns: Range<usize>,
        y: &mut [f32],
    ) {
        let x = &x[outer * self.middle * self.inner..][..self.middle * self.inner];
        if self.inner == 1 {
            y[0] = reduce_row(level, self.reduction, &x[rows]);
        } else {
            let x = &x[rows.start * self.inner..rows.end * self.inner];
            reduce_columns(level, self.reduction, x, self.inner, columns.start, y);
        }
    }

    fn merge(&self, a: f32, b: f32) -> f32 {
        merge(self.reduction, a, b)
    }
}

fn merge(reduction: Reduction, a: f32, b: f32) -> f32 {
    match reduction {
        Reduction::Sum | Reduction::Mean => a + b,
        Reduction::Maximum if a.is_nan() || a > b => a,
        Reduction::Minimum if a.is_nan() || a < b => a,
        Reduction::Maximum | Reduction::Minimum => b,
    }
}

#[inline(always)]
fn merge_vectors<V: Simd>(reduction: Reduction, a: V, b: V) -> V {
    match reduction {
        Reduction::Sum | Reduction::Mean => a + b,
        Reduction::Maximum => a.select(a.max(b), a.is_nan()),
        Reduction::Minimum => a.select(a.min(b), a.is_nan()),
    }
}

#[inline(always)]
fn start<V: Simd>(reduction: Reduction) -> V {
    V::splat(match reduction {
        Reduction::Sum | Reduction::Mean => 0.0,
        Reduction::Maximum => f32::NEG_INFINITY,
        Reduction::Minimum => f32::INFINITY,
    })
}

dispatch! {
    fn reduce_row(reduction: Reduction, x: &[f32]) -> f32 => reduce_row_generic
}

#[inline(always)]
fn reduce_row_generic<V: Simd>(reduction: Reduction, x: &[f32]) -> f32 {
    let merged = vectors::fold(
        [x],
        start(reduction),
        |a: V, [x]| merge_vectors(reduction, a, x),
        |a, b| merge_vectors(reduction, a, b),
    );
    let mut lanes = [0.0; 16];
    merged.to_slice(&mut lanes);
    let mut half = V::LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = merge(reduction, lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

dispatch! {
    fn reduce_columns(reduction: Reduction, x: &[f32], width: usize, first: usize, y: &mut [f32])
        => reduce_columns_generic
}

/// Reduces the columns from `first` on, as many as `y` has, over all rows of `x`.
#[inline(always)]
fn reduce_columns_generic<V: Simd>(
    reduction: Reduction,
    x: &[f32],
    width: usize,
    first: usize,
    y: &mut [f32],
) {
    const STREAMS: usize = 4;
    let count = y.len();
    for (block, y) in y.chunks_mut(V::LANES).enumerate() {
        let from = first + block * V::LANES;
        let to = (from + V::LANES).min(first + count);
        let mut sums = [start::<V>(reduction); STREAMS];
        for rows in x.chunks(STREAMS * width) {
            for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(width)) {
                *sum = merge_vectors(reduction, *sum, V::from_slice(&row[from..to]));
            }
        }
        let low = merge_vectors(reduction, sums[0], sums[2]);
        let high = merge_vectors(reduction, sums[1], sums[3]);
        merge_vectors(reduction, low, high).to_slice(y);
    }
}

/// Writes the index of the first of the largest elements of each row of `[rows, columns]`, as a
/// number; not a number where the row has no columns or holds what is none.
///
/// # Panics
/// Where the lengths do not fit.
pub fn largest_index(workers: &Workers, columns: usize, x: &[f32], y: &mut [f32]) {
    let len = floats([y.len(), columns]);
    assert_eq!(x.len(), len, "{} rows of {columns}", y.len());
    let rows = y.len();
    let y = Parts::new(y);
    chunks::for_each_block(workers, rows, columns, |block| {
        for row in block {
            let index = largest_index_of(&x[row * columns..][..columns]);
            // SAFETY: each row has an element of its own, which `part` finds within `y`.
            unsafe { y.part(row, 1)[0] = index };
        }
    });
}

fn largest_index_of(row: &[f32]) -> f32 {
    let mut best = (f32::NAN, f32::NAN);
    for (index, &x) in row.iter().enumerate() {
        if x.is_nan() {
            return f32::NAN;
        }
        if index == 0 || x > best.0 {
            best = (x, index as f32);
        }
    }
    best.1
}
