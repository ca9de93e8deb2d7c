//! One piece of a matrix product: panels of `b`, packed as they are needed, times tiles of rows.

use super::{
    pack::{Matrix, pack_columns, pack_rows},
    tile::{Factors, Finish, multiply, store},
};
use crate::{Activation, Level, level::dispatch, simd::Simd};

/// Steps of the depth between two visits to `c`: a panel of `b` then stays in the first-level cache.
const DEPTH: usize = 256;
/// Panels of `b` from which on rows of `a` are packed too.
const PANELS_WORTH_PACKING: usize = 4;
/// Vectors a row at once where there are too few rows to hide the latency of a sum.
const WIDE: usize = 8;

/// A block of `c`, and the factors it is made of. Ranges are (first, count).
pub(crate) struct Block {
    pub a: Matrix,
    pub b: Matrix,
    /// One float a column of `c`, or null.
    pub bias: *const f32,
    pub c: *mut f32,
    pub c_stride: usize,
    pub rows: (usize, usize),
    pub columns: (usize, usize),
    pub depth: (usize, usize),
    pub activation: Activation,
    pub accumulate: bool,
    pub beside: Beside,
}

/// A matrix of the shape and stride of `c` that goes into the end of a product or comes out of it.
#[derive(Clone, Copy)]
pub(crate) enum Beside {
    /// There is none.
    Nothing,
    /// Gets the sums as they are before the activation.
    Sums(*mut f32),
    /// Is added last.
    Added(*const f32),
    /// What the activation read or gave: the sums are multiplied by its slope there, the activation is not applied.
    Slope(*const f32),
}

/// Floats of scratch for a block of this size.
pub(crate) fn scratch(level: Level, rows: usize, columns: usize) -> usize {
    let width = 2 * level.lanes();
    let panel = DEPTH * width;
    let packed = if columns.div_ceil(width) >= PANELS_WORTH_PACKING {
        DEPTH * rows + level.lanes()
    } else {
        0
    };
    panel + packed
}

dispatch! {
    /// Computes a block of `c`.
    pub(crate) fn multiply_block(block: &Block, scratch: &mut [f32]) => multiply_block_generic
}

#[inline(always)]
fn multiply_block_generic<V: Simd>(block: &Block, scratch: &mut [f32]) {
    let (first, depth) = block.depth;
    let (panel, packed) = scratch.split_at_mut(DEPTH * 2 * V::LANES);
    let mut step = 0;
    loop {
        let steps = (depth - step).min(DEPTH);
        let last = step + steps == depth;
        let slice = Slice {
            block,
            step: first + step,
            steps,
            finish: Finish {
                add: step > 0 || block.accumulate,
                bias: if last { block.bias } else { std::ptr::null() },
                relu: last && block.has_simple_end() && block.activation == Activation::Relu,
            },
            ends: last && !block.has_simple_end(),
        };
        // SAFETY: whoever made the block vouches that it lies within its matrices; `panel` was cut for `DEPTH` rows of two
        // vectors, and `pack_rows` measures `packed`.
        unsafe { slice.run::<V>(panel, packed) };
        step += steps;
        if last {
            break;
        }
    }
}

impl Block {
    /// Whether tiles can be stored as they are, or with negative sums as zeros.
    fn has_simple_end(&self) -> bool {
        matches!(self.activation, Activation::None | Activation::Relu)
            && matches!(self.beside, Beside::Nothing)
    }

    /// What becomes of finished sums of these columns, while they are in the cache.
    #[inline(always)]
    fn end<V: Simd>(&self, (column, columns): (usize, usize)) {
        let (row, rows) = self.rows;
        for row in row..row + rows {
            let start = row * self.c_stride + column;
            for place in (start..start + columns).step_by(V::LANES) {
                let count = (start + columns - place).min(V::LANES);
                // SAFETY: the columns lie within `c` and what is beside it, which is as long, and belong to this piece alone.
                unsafe { self.end_vector::<V>(place, count) };
            }
        }
    }

    /// # Safety
    /// `c` and what is beside it have `count <= LANES` floats at `place`.
    #[inline(always)]
    unsafe fn end_vector<V: Simd>(&self, place: usize, count: usize) {
        let Self {
            beside, activation, ..
        } = *self;
        // SAFETY: by the contract.
        unsafe {
            let to = self.c.add(place);
            let sum = V::load_partial(to, count);
            if let Beside::Sums(sums) = beside {
                sum.store_partial(sums.add(place), count);
            }
            let other = match beside {
                Beside::Added(other) | Beside::Slope(other) => {
                    V::load_partial(other.add(place), count)
                }
                _ => V::zero(),
            };
            activation
                .finish(sum, other, beside)
                .store_partial(to, count);
        }
    }
}

/// A block over one range of the depth.
struct Slice<'a> {
    block: &'a Block,
    step: usize,
    steps: usize,
    finish: Finish,
    /// The sums are finished then, and something is to become of them.
    ends: bool,
}

/// Rows of the next tile: the sizes for which `Slice::tile` has code.
#[inline(always)]
pub(crate) fn next_rows<V: Simd>(left: usize) -> usize {
    match left {
        left if left >= V::TILE_ROWS => V::TILE_ROWS,
        8.. => 8,
        4.. => 4,
        2.. => 2,
        left => left,
    }
}

impl Slice<'_> {
    /// # Safety
    /// As for `multiply_block`.
    #[inline(always)]
    unsafe fn run<V: Simd>(&self, panel: &mut [f32], packed: &mut [f32]) {
        let Block { b, rows, .. } = *self.block;
        let (mut column, mut columns) = self.block.columns;
        // SAFETY: as the caller vouches: all parts lie within the block.
        unsafe {
            if rows.1 < 4 && !b.transposed {
                let wide = columns / (WIDE * V::LANES) * WIDE * V::LANES;
                self.rows_alone::<V>(column, wide);
                if self.ends {
                    self.block.end::<V>((column, wide));
                }
                (column, columns) = (column + wide, columns - wide);
            }
            let width = 2 * V::LANES;
            let pack = columns.div_ceil(width) >= PANELS_WORTH_PACKING;
            if pack {
                self.pack_rows::<V>(packed);
            }
            let packed = if pack {
                packed.as_ptr()
            } else {
                std::ptr::null()
            };
            for first in (0..columns).step_by(width) {
                let count = (columns - first).min(width);
                self.panel::<V>(column + first, count, panel, packed);
                if self.ends {
                    self.block.end::<V>((column + first, count));
                }
            }
        }
    }

    /// # Safety
    /// As for `multiply_block`.
    #[inline(always)]
    unsafe fn pack_rows<V: Simd>(&self, packed: &mut [f32]) {
        let (row, rows) = self.block.rows;
        assert!(packed.len() >= rows * self.steps + V::LANES);
        let mut done = 0;
        while done < rows {
            let count = next_rows::<V>(rows - done);
            // SAFETY: the assertion above, as tiles follow one another.
            unsafe {
                let to = packed.as_mut_ptr().add(done * self.steps);
                pack_rows::<V>(self.block.a, (row + done, self.step), count, self.steps, to);
            }
            done += count;
        }
    }

    /// All tiles of up to two vectors of columns.
    ///
    /// # Safety
    /// As for `multiply_block`; `packed` is null or holds the packed rows.
    #[inline(always)]
    unsafe fn panel<V: Simd>(
        &self,
        column: usize,
        columns: usize,
        panel: &mut [f32],
        packed: *const f32,
    ) {
        let Block { b, rows, .. } = *self.block;
        let vectors = columns.div_ceil(V::LANES);
        let width = vectors * V::LANES;
        // SAFETY: `multiply_block_generic` cut the panel to `DEPTH` rows of two vectors, and steps to no more than `DEPTH`.
        let (b, b_stride) = unsafe {
            if !b.transposed && columns == width && rows.1 <= V::TILE_ROWS {
                (b.at(self.step, column), b.stride)
            } else {
                let to = panel.as_mut_ptr();
                pack_columns::<V>(b, (self.step, column), self.steps, columns, width, to);
                (to.cast_const(), width)
            }
        };
        let tail = columns - (vectors - 1) * V::LANES;
        let mut done = 0;
        while done < rows.1 {
            let count = next_rows::<V>(rows.1 - done);
            let factors = self.factors(rows.0 + done, packed, done, count, b, b_stride);
            // SAFETY: as the caller vouches: the tile lies within the block.
            unsafe { self.tile::<V>(factors, (rows.0 + done, count), (column, vectors, tail)) };
            done += count;
        }
    }

    #[inline(always)]
    fn factors(
        &self,
        row: usize,
        packed: *const f32,
        done: usize,
        count: usize,
        b: *const f32,
        b_stride: usize,
    ) -> (bool, Factors) {
        let a = self.block.a;
        let (start, stride) = if packed.is_null() {
            (a.at(row, self.step), a.stride)
        } else {
            (packed.wrapping_add(done * self.steps), count)
        };
        let factors = Factors {
            a: start,
            a_stride: stride,
            b,
            b_stride,
            depth: self.steps,
        };
        (!packed.is_null() || a.transposed, factors)
    }

    /// # Safety
    /// As for `multiply_block`.
    #[inline(always)]
    unsafe fn tile<V: Simd>(
        &self,
        (by_column, factors): (bool, Factors),
        (row, rows): (usize, usize),
        (column, vectors, tail): (usize, usize, usize),
    ) {
        macro_rules! tile {
            ($($rows:literal)*) => {
                match (rows, vectors, by_column) {
                    $(
                        ($rows, 1, true) => self.finish::<V, $rows, 1, true>(factors, row, column, tail),
                        ($rows, 1, false) => self.finish::<V, $rows, 1, false>(factors, row, column, tail),
                        ($rows, _, true) => self.finish::<V, $rows, 2, true>(factors, row, column, tail),
                        ($rows, _, false) => self.finish::<V, $rows, 2, false>(factors, row, column, tail),
                    )*
                    _ => unreachable!("no tile of {rows} rows"),
                }
            };
        }
        // SAFETY: as the caller vouches.
        unsafe {
            match V::TILE_ROWS {
                12 => tile!(12 8 4 2 1),
                6 => tile!(6 4 2 1),
                _ => tile!(4 2 1),
            }
        }
    }

    /// # Safety
    /// As for `multiply_block`.
    #[inline(always)]
    unsafe fn finish<V: Simd, const ROWS: usize, const VECTORS: usize, const BY_COLUMN: bool>(
        &self,
        factors: Factors,
        row: usize,
        column: usize,
        tail: usize,
    ) {
        let mut finish = self.finish;
        if !finish.bias.is_null() {
            finish.bias = finish.bias.wrapping_add(column);
        }
        // SAFETY: as the caller vouches.
        unsafe {
            let zeros = [[V::zero(); VECTORS]; ROWS];
            let sums = multiply::<V, ROWS, VECTORS, BY_COLUMN>(factors, zeros);
            let to = self.block.c.add(row * self.block.c_stride + column);
            store(sums, to, self.block.c_stride, tail, finish);
        }
    }

    /// Row by row over many vectors at once, reading `b` where it lies.
    ///
    /// # Safety
    /// As for `multiply_block`; `columns` is a multiple of `WIDE` vectors.
    #[inline(always)]
    unsafe fn rows_alone<V: Simd>(&self, column: usize, columns: usize) {
        let Block { a, b, rows, .. } = *self.block;
        for row in rows.0..rows.0 + rows.1 {
            for column in (column..column + columns).step_by(WIDE * V::LANES) {
                let factors = Factors {
                    a: a.at(row, self.step),
                    a_stride: a.stride,
                    b: b.at(self.step, column),
                    b_stride: b.stride,
                    depth: self.steps,
                };
                // SAFETY: as the caller vouches.
                unsafe {
                    if a.transposed {
                        self.finish::<V, 1, WIDE, true>(factors, row, column, V::LANES);
                    } else {
                        self.finish::<V, 1, WIDE, false>(factors, row, column, V::LANES);
                    }
                }
            }
        }
    }
}
