//! Blocks of rows of a matrix, each a piece with sums of its own.

use crate::chunks;
use crate::sizes::floats;
use crate::workers::Parts;
use crate::{Level, Workers};
use std::ops::Range;

/// A matrix cut into blocks of rows, not too many of them, so that their partial results stay small.
#[derive(Clone, Copy)]
pub(crate) struct RowBlocks {
    rows: usize,
    columns: usize,
    step: usize,
}

const MOST: usize = 256;

impl RowBlocks {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        floats([rows, columns]);
        let step = chunks::rows_in_piece(columns).max(rows.div_ceil(MOST));
        Self {
            rows,
            columns,
            step,
        }
    }

    pub(crate) fn count(&self) -> usize {
        match self.columns {
            0 => 0,
            _ => self.rows.div_ceil(self.step),
        }
    }

    pub(crate) fn rows(&self, block: usize) -> Range<usize> {
        block * self.step..((block + 1) * self.step).min(self.rows)
    }

    /// The elements of a block.
    fn elements(&self, block: usize) -> Range<usize> {
        let rows = self.rows(block);
        rows.start * self.columns..rows.end * self.columns
    }

    /// Floats of two partial results for each block and column.
    pub(crate) fn partials(&self) -> usize {
        self.count() * 2 * self.columns
    }

    /// Runs `f(level, block's inputs, [first, second])` for each block with its two partial results.
    pub(crate) fn reduce<const R: usize>(
        &self,
        workers: &Workers,
        inputs: [&[f32]; R],
        partials: &mut [f32],
        f: impl Fn(Level, [&[f32]; R], [&mut [f32]; 2]) + Sync,
    ) {
        let partials = Parts::new(&mut partials[..self.partials()]);
        let level = workers.level();
        chunks::for_each_piece(workers, self.count(), |block| {
            let range = self.elements(block);
            // SAFETY: each block has a part of its own, which `part` finds within `partials`.
            let partial = unsafe { partials.part(block * 2 * self.columns, 2 * self.columns) };
            let (first, second) = partial.split_at_mut(self.columns);
            f(
                level,
                inputs.map(|input| &input[range.clone()]),
                [first, second],
            );
        });
    }

    /// Runs `f(level, block's inputs, block's output)` for each block.
    pub(crate) fn map<const R: usize>(
        &self,
        workers: &Workers,
        inputs: [&[f32]; R],
        output: &mut [f32],
        f: impl Fn(Level, [&[f32]; R], &mut [f32]) + Sync,
    ) {
        let output = Parts::new(output);
        let level = workers.level();
        chunks::for_each_piece(workers, self.count(), |block| {
            let range = self.elements(block);
            // SAFETY: blocks do not overlap, and `part` finds them within the output.
            let part = unsafe { output.part(range.start, range.len()) };
            f(level, inputs.map(|input| &input[range.clone()]), part);
        });
    }

    /// Runs `f(level, block's inputs, block's output, [first, second])` for each block with its two partial results.
    pub(crate) fn map_and_reduce<const R: usize>(
        &self,
        workers: &Workers,
        inputs: [&[f32]; R],
        output: &mut [f32],
        partials: &mut [f32],
        f: impl Fn(Level, [&[f32]; R], &mut [f32], [&mut [f32]; 2]) + Sync,
    ) {
        let output = Parts::new(output);
        let partials = Parts::new(&mut partials[..self.partials()]);
        let level = workers.level();
        chunks::for_each_piece(workers, self.count(), |block| {
            let range = self.elements(block);
            // SAFETY: blocks do not overlap, each has partial results of its own, and `part` finds them within their slices.
            let (part, partial) = unsafe {
                (
                    output.part(range.start, range.len()),
                    partials.part(block * 2 * self.columns, 2 * self.columns),
                )
            };
            let sums = partial.split_at_mut(self.columns).into();
            f(level, inputs.map(|input| &input[range.clone()]), part, sums);
        });
    }

    /// The partial results of one column: `(rows of the block, first, second)`.
    pub(crate) fn column<'a>(
        &'a self,
        partials: &'a [f32],
        column: usize,
    ) -> impl Iterator<Item = (f64, f64, f64)> + 'a {
        (0..self.count()).map(move |block| {
            let partial = &partials[block * 2 * self.columns..];
            let (first, second) = (partial[column], partial[self.columns + column]);
            (
                self.rows(block).len() as f64,
                f64::from(first),
                f64::from(second),
            )
        })
    }

    /// The sums over all blocks of the first and of the second partial results.
    pub(crate) fn sum(&self, partials: &[f32], results: [&mut [f32]; 2]) {
        /// Columns that are summed together: a cache line.
        const TOGETHER: usize = 16;
        for (result, target) in results.into_iter().enumerate() {
            for (index, target) in target.chunks_mut(TOGETHER).enumerate() {
                let start = result * self.columns + index * TOGETHER;
                let mut sums = [0.0f64; TOGETHER];
                for block in partials.chunks_exact(2 * self.columns).take(self.count()) {
                    let block = &block[start..start + target.len()];
                    for (sum, &partial) in sums.iter_mut().zip(block) {
                        *sum += f64::from(partial);
                    }
                }
                for (target, sum) in target.iter_mut().zip(sums) {
                    *target = sum as f32;
                }
            }
        }
    }
}
