//! The gradient of filters and bias: for each filter, the windows that won.

use std::ops::Range;

use super::SequenceShape;
use crate::{Level, Workers, level::dispatch, simd::Simd, workers::Parts};

/// Vectors of a window that are summed at once.
const AT_ONCE: usize = 8;

/// The gradients of the filters and of the bias.
#[derive(Clone, Copy, Debug)]
pub struct ConvMaxGradFilter {
    level: Level,
    shape: SequenceShape,
}

impl ConvMaxGradFilter {
    /// Plans one shape.
    ///
    /// # Panics
    /// As [`ConvMaxForward::new`](super::ConvMaxForward::new).
    pub fn new(level: Level, shape: SequenceShape) -> Self {
        let shape = shape.checked();
        Self { level, shape }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        let lanes = self.level.lanes();
        lanes * self.shape.depth() + lanes * lanes
    }

    /// Computes `dw` (kernel · channels × filters) and `db` (filters) from the sequences `x` and what forward gave:
    /// results `y` and places `at`, with the gradient `dy` of the results (all batch × filters).
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or the scratch is too short.
    pub fn run(
        &self,
        workers: &Workers,
        x: &[f32],
        [y, at, dy]: [&[f32]; 3],
        dw: &mut [f32],
        db: &mut [f32],
    ) {
        let shape = self.shape;
        assert_eq!(
            x.len(),
            shape.batch * shape.sample(),
            "sequences of {shape:?}"
        );
        let results = [y, at, dy].map(<[f32]>::len);
        assert_eq!(
            results,
            [shape.batch * shape.filters; 3],
            "results of {shape:?}"
        );
        assert_eq!(
            dw.len(),
            shape.depth() * shape.filters,
            "filters of {shape:?}"
        );
        assert_eq!(db.len(), shape.filters, "bias of {shape:?}");
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        let lanes = self.level.lanes();
        let (dw, db) = (Parts::new(dw), Parts::new(db));
        workers.run(shape.filters.div_ceil(lanes), &|piece, scratch| {
            let first = piece * lanes;
            let count = lanes.min(shape.filters - first);
            // SAFETY: pieces have different filters, which `part` finds within `db`.
            let db = unsafe { db.part(first, count) };
            let job = Job {
                shape: &shape,
                x,
                results: [y, at, dy],
                filters: first..first + count,
                dw: &dw,
            };
            sum_windows(self.level, &job, db, scratch);
        });
    }
}

/// A vector of filters.
struct Job<'a> {
    shape: &'a SequenceShape,
    x: &'a [f32],
    results: [&'a [f32]; 3],
    filters: Range<usize>,
    /// Gradients of the filters, of which the columns of `filters` are written.
    dw: &'a Parts<'a>,
}

dispatch! {
    fn sum_windows(job: &Job<'_>, db: &mut [f32], scratch: &mut [f32]) => sum_windows_generic
}

#[inline(always)]
fn sum_windows_generic<V: Simd>(job: &Job<'_>, db: &mut [f32], scratch: &mut [f32]) {
    let (shape, depth) = (job.shape, job.shape.depth());
    let (block, turned) = scratch.split_at_mut(V::LANES * depth);
    assert!(turned.len() >= V::LANES * V::LANES);
    for (filter, db) in job.filters.clone().zip(db) {
        let row = &mut block[(filter - job.filters.start) * depth..][..depth];
        *db = 0.0;
        for sample in 0..shape.batch {
            let place = sample * shape.filters + filter;
            let [y, at, dy] = job.results;
            if let Some((_, value)) = shape.winner(y[place], at[place], dy[place]) {
                *db += value;
            }
        }
        for tap in 0..shape.kernel {
            let row = &mut row[tap * shape.channels..][..shape.channels];
            let mut channel = 0;
            while channel < shape.channels {
                let count = (shape.channels - channel).min(AT_ONCE * V::LANES);
                let row = &mut row[channel..channel + count];
                if count == AT_ONCE * V::LANES {
                    sum_channels::<V, AT_ONCE>(job, (filter, tap, channel), row);
                } else {
                    for start in (0..count).step_by(V::LANES) {
                        let row = &mut row[start..count.min(start + V::LANES)];
                        sum_channels::<V, 1>(job, (filter, tap, channel + start), row);
                    }
                }
                channel += count;
            }
        }
    }
    let count = job.filters.len();
    for start in (0..depth).step_by(V::LANES) {
        let columns = (depth - start).min(V::LANES);
        let block = block[start..].as_ptr();
        // SAFETY: the block was cut to a vector of rows of `depth` floats, of which `count` are filters, and `turned` has room
        // for a square of vectors: see the assertion above.
        unsafe { V::transpose(block, depth, count, columns, turned.as_mut_ptr(), V::LANES) };
        for (row, turned) in turned.chunks_exact(V::LANES).take(columns).enumerate() {
            let from = (start + row) * shape.filters + job.filters.start;
            // SAFETY: these columns belong to this piece alone, and `part` finds them within `dw`.
            let dw = unsafe { job.dw.part(from, count) };
            dw.copy_from_slice(&turned[..count]);
        }
    }
}

/// The sum over all sequences of the channels under one tap of one filter, where it won, times the gradient.
#[inline(always)]
fn sum_channels<V: Simd, const VECTORS: usize>(
    job: &Job<'_>,
    (filter, tap, channel): (usize, usize, usize),
    row: &mut [f32],
) {
    let shape = job.shape;
    let [y, at, dy] = job.results;
    let mut sums = [V::zero(); VECTORS];
    for sample in 0..shape.batch {
        let place = sample * shape.filters + filter;
        let Some((place, value)) = shape.winner(y[place], at[place], dy[place]) else {
            continue;
        };
        let step = (place + tap).wrapping_sub(shape.padding[0]);
        if step >= shape.time {
            continue;
        }
        let from = (sample * shape.time + step) * shape.channels + channel;
        let x = &job.x[from..from + row.len()];
        let value = V::splat(value);
        for (vector, sum) in sums.iter_mut().enumerate() {
            *sum = value.fma(V::from_slice(&x[vector * V::LANES..]), *sum);
        }
    }
    for (vector, sum) in sums.iter().enumerate() {
        sum.to_slice(&mut row[vector * V::LANES..]);
    }
}
