//! The gradient of sequences: the filters, where they won.

use super::SequenceShape;
use crate::{
    Level, Workers, chunks,
    gemm::pack::{Matrix, pack_columns},
    level::dispatch,
    simd::Simd,
    vectors,
    workers::Parts,
};

/// The gradient of the sequences.
#[derive(Clone, Copy, Debug)]
pub struct ConvMaxGradInput {
    level: Level,
    shape: SequenceShape,
}

impl ConvMaxGradInput {
    /// Plans one shape.
    ///
    /// # Panics
    /// As [`ConvMaxForward::new`](super::ConvMaxForward::new).
    pub fn new(level: Level, shape: SequenceShape) -> Self {
        let shape = shape.checked();
        Self { level, shape }
    }

    /// Floats of one filter, turned, with room up to the next vector.
    fn row(&self) -> usize {
        self.shape.depth().next_multiple_of(self.level.lanes())
    }

    /// Floats of the shared temporary.
    pub fn shared(&self) -> usize {
        self.shape.filters * self.row()
    }

    /// Computes `dx` (batch × time × channels) from the filters `w` (kernel · channels × filters) and what forward
    /// gave: results `y` and places `at`, with the gradient `dy` of the results (all batch × filters).
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or the temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        w: &[f32],
        [y, at, dy]: [&[f32]; 3],
        dx: &mut [f32],
        shared: &mut [f32],
    ) {
        let (shape, level, row) = (self.shape, self.level, self.row());
        let (sample, filters) = (shape.sample(), shape.filters);
        assert_eq!(dx.len(), shape.batch * sample, "sequences of {shape:?}");
        let results = [y, at, dy].map(<[f32]>::len);
        assert_eq!(results, [shape.batch * filters; 3], "results of {shape:?}");
        assert_eq!(w.len(), shape.depth() * filters, "filters of {shape:?}");
        let turned = &mut shared[..self.shared()];
        let parts = Parts::new(turned);
        chunks::for_each_block(workers, filters, row, |block| {
            // SAFETY: blocks do not overlap, and `part` finds them within `turned`.
            let part = unsafe { parts.part(block.start * row, block.len() * row) };
            turn(level, w, filters, block.start, part, row);
        });
        let turned = &shared[..self.shared()];
        let dx = Parts::new(dx);
        workers.run(shape.batch, &|index, _| {
            // SAFETY: sequences do not overlap, and `part` finds them within `dx`.
            let dx = unsafe { dx.part(index * sample, sample) };
            let own = [y, at, dy].map(|values| &values[index * filters..][..filters]);
            add_filters(level, &shape, turned, row, own, dx);
        });
    }
}

dispatch! {
    /// Writes the columns of `w` from `first` on as rows.
    fn turn(w: &[f32], filters: usize, first: usize, rows: &mut [f32], row: usize) => turn_generic
}

#[inline(always)]
fn turn_generic<V: Simd>(w: &[f32], filters: usize, first: usize, rows: &mut [f32], row: usize) {
    let matrix = Matrix {
        start: w.as_ptr(),
        stride: filters,
        transposed: true,
    };
    let (count, depth) = (rows.len() / row, w.len() / filters);
    assert!(first + count <= filters && depth <= row && row.is_multiple_of(V::LANES));
    // SAFETY: the assertion above: `w` has `depth` rows with these columns, and `rows` has `count` of whole vectors.
    unsafe { pack_columns::<V>(matrix, (first, 0), count, depth, row, rows.as_mut_ptr()) };
}

dispatch! {
    fn add_filters(shape: &SequenceShape, turned: &[f32], row: usize, results: [&[f32]; 3], dx: &mut [f32]) => add_filters_generic
}

#[inline(always)]
fn add_filters_generic<V: Simd>(
    shape: &SequenceShape,
    turned: &[f32],
    row: usize,
    [y, at, dy]: [&[f32]; 3],
    dx: &mut [f32],
) {
    dx.fill(0.0);
    for (filter, turned) in turned.chunks_exact(row).enumerate() {
        let Some((place, value)) = shape.winner(y[filter], at[filter], dy[filter]) else {
            continue;
        };
        let (taps, step) = shape.under(place);
        let len = taps.len() * shape.channels;
        let filter = &turned[taps.start * shape.channels..][..len];
        let dx = &mut dx[step * shape.channels..][..len];
        let value = V::splat(value);
        vectors::update([filter], [dx], |[w]: [V; 1], [dx]| [value.fma(w, dx)]);
    }
}
