//! Softmax and its logarithm over the last axis.
//!
//! With `x` of shape `[rows, columns]`: `y = eˣ / Σ eˣ` along each row, computed from `x − max x`, so
//! that it overflows nowhere.

use crate::level::dispatch;
use crate::simd::Simd;
use crate::sizes::floats;
use crate::workers::Parts;
use crate::{Level, Workers, chunks, math, vectors};
use std::ops::Range;

/// Softmax of each row of `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// Number of rows.
    pub rows: usize,
    /// Elements in a row.
    pub columns: usize,
}

impl Softmax {
    /// `y = softmax(x)`.
    ///
    /// # Panics
    /// Where a slice has not `rows · columns` elements; so do the other functions.
    pub fn forward(&self, workers: &Workers, x: &[f32], y: &mut [f32]) {
        self.run(workers, softmax_rows, [x, x], y);
    }

    /// `dx = y · (dy − Σ y·dy)`, from the output.
    pub fn backward(&self, workers: &Workers, y: &[f32], dy: &[f32], dx: &mut [f32]) {
        self.run(workers, softmax_gradient_rows, [y, dy], dx);
    }

    /// `y = x − log Σ eˣ`.
    pub fn log_forward(&self, workers: &Workers, x: &[f32], y: &mut [f32]) {
        self.run(workers, log_softmax_rows, [x, x], y);
    }

    /// `dx = dy − eʸ · Σ dy`, from the output `y` of [`Self::log_forward`].
    pub fn log_backward(&self, workers: &Workers, y: &[f32], dy: &[f32], dx: &mut [f32]) {
        self.run(workers, log_softmax_gradient_rows, [y, dy], dx);
    }

    fn run(&self, workers: &Workers, rows: RowsFunction, inputs: [&[f32]; 2], output: &mut [f32]) {
        let len = floats([self.rows, self.columns]);
        assert!(
            inputs.iter().all(|input| input.len() == len) && output.len() == len,
            "softmax of {} × {} takes {len} elements",
            self.rows,
            self.columns
        );
        if len == 0 {
            return;
        }
        let output = Parts::new(output);
        let level = workers.level();
        let columns = self.columns;
        chunks::for_each_block(workers, self.rows, WORK * columns, |block| {
            let range = elements(block, columns);
            // SAFETY: blocks do not overlap, and `part` finds them within the output.
            let part = unsafe { output.part(range.start, range.len()) };
            rows(
                level,
                columns,
                inputs.map(|input| &input[range.clone()]),
                part,
            );
        });
    }
}

/// How much longer an element takes, with its exponential, than what a piece is usually measured by.
const WORK: usize = 8;

type RowsFunction = fn(Level, usize, [&[f32]; 2], &mut [f32]);

/// The elements of a block of rows.
pub(crate) fn elements(rows: Range<usize>, columns: usize) -> Range<usize> {
    rows.start * columns..rows.end * columns
}

dispatch! {
    /// The maximum of a row, and `log Σ e^(x − max)`.
    pub(crate) fn max_and_log_sum(x: &[f32]) -> (f32, f32) => max_and_log_sum_generic
}

#[inline(always)]
fn max_and_log_sum_generic<V: Simd>(x: &[f32]) -> (f32, f32) {
    let max = vectors::largest::<V>(x);
    let sum = vectors::sum([x], |[x]: [V; 1]| math::exp(x - V::splat(max)));
    (max, vectors::first(math::log(V::splat(sum))))
}

dispatch! {
    /// The softmax of each row of the first input.
    pub(crate) fn softmax_rows(columns: usize, inputs: [&[f32]; 2], y: &mut [f32]) => softmax_generic
}

#[inline(always)]
fn softmax_generic<V: Simd>(columns: usize, [x, _]: [&[f32]; 2], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        let max = V::splat(vectors::largest::<V>(x));
        vectors::map([x], y, |[x]: [V; 1]| math::exp(x - max));
        let factor = V::splat(1.0 / vectors::sum([&*y], |[y]: [V; 1]| y));
        vectors::update([], [y], |_: [V; 0], [y]| [y * factor]);
    }
}

dispatch! {
    fn softmax_gradient_rows(columns: usize, inputs: [&[f32]; 2], dx: &mut [f32]) => softmax_gradient_generic
}

#[inline(always)]
fn softmax_gradient_generic<V: Simd>(columns: usize, [y, dy]: [&[f32]; 2], dx: &mut [f32]) {
    let inputs = y.chunks_exact(columns).zip(dy.chunks_exact(columns));
    for ((y, dy), dx) in inputs.zip(dx.chunks_exact_mut(columns)) {
        let mean = V::splat(vectors::sum([y, dy], |[y, dy]: [V; 2]| y * dy));
        vectors::map([y, dy], dx, |[y, dy]: [V; 2]| y * (dy - mean));
    }
}

fn log_softmax_rows(level: Level, columns: usize, [x, _]: [&[f32]; 2], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        subtract(level, max_and_log_sum(level, x), x, y);
    }
}

dispatch! {
    fn subtract(terms: (f32, f32), x: &[f32], y: &mut [f32]) => subtract_generic
}

#[inline(always)]
fn subtract_generic<V: Simd>((max, log): (f32, f32), x: &[f32], y: &mut [f32]) {
    let (max, log) = (V::splat(max), V::splat(log));
    vectors::map([x], y, |[x]: [V; 1]| x - max - log);
}

dispatch! {
    fn log_softmax_gradient_rows(columns: usize, inputs: [&[f32]; 2], dx: &mut [f32])
        => log_softmax_gradient_generic
}

#[inline(always)]
fn log_softmax_gradient_generic<V: Simd>(columns: usize, [y, dy]: [&[f32]; 2], dx: &mut [f32]) {
    let inputs = y.chunks_exact(columns).zip(dy.chunks_exact(columns));
    for ((y, dy), dx) in inputs.zip(dx.chunks_exact_mut(columns)) {
        let sum = V::splat(vectors::sum([dy], |[dy]: [V; 1]| dy));
        vectors::map([y, dy], dx, |[y, dy]: [V; 2]| dy - math::exp(y) * sum);
    }
}
