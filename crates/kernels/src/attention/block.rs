//! Small matrix products between blocks that lie in a core's cache, padded to whole vectors.

use crate::gemm::tile::{Factors, multiply};
use crate::simd::Simd;

/// `c = start + a · b` for a strip of at most `TILE_ROWS` rows.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub a: *const f32,
    /// Floats from one row of `a` to the next, or from one column to the next.
    pub a_stride: usize,
    pub b: *const f32,
    pub b_stride: usize,
    pub depth: usize,
    pub c: *mut f32,
    pub c_stride: usize,
    pub start: Start,
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// Nothing.
    Zero,
    /// What `c` holds.
    Kept,
    /// What `c` holds, each row times a factor.
    Scaled(*const f32),
}

impl Product {
    /// Computes `rows` rows, one of the sizes of [`next_rows`], and `vectors` vectors of columns. `BY_COLUMN` says that
    /// columns of `a` are contiguous.
    ///
    /// # Safety
    /// All of `a`, `b` and `c` that the sizes name is there, whole vectors of `b` and `c`.
    #[inline(always)]
    pub unsafe fn run<V: Simd, const BY_COLUMN: bool>(self, rows: usize, vectors: usize) {
        let mut done = 0;
        while done < vectors {
            let count = (vectors - done).min(2);
            let part = Product {
                b: self.b.wrapping_add(done * V::LANES),
                c: self.c.wrapping_add(done * V::LANES),
                ..self
            };
            // SAFETY: by the contract.
            unsafe { part.pair::<V, BY_COLUMN>(rows, count) };
            done += count;
        }
    }

    /// # Safety
    /// As for `run`.
    #[inline(always)]
    unsafe fn pair<V: Simd, const BY_COLUMN: bool>(self, rows: usize, vectors: usize) {
        macro_rules! tile {
            ($($rows:literal)*) => {
                match (rows, vectors) {
                    $(
                        ($rows, 1) => self.tile::<V, $rows, 1, BY_COLUMN>(),
                        ($rows, _) => self.tile::<V, $rows, 2, BY_COLUMN>(),
                    )*
                    _ => unreachable!("no tile of {rows} rows"),
                }
            };
        }
        // SAFETY: by the contract.
        unsafe {
            match V::TILE_ROWS {
                12 => tile!(12 8 4 2 1),
                6 => tile!(6 4 2 1),
                _ => tile!(4 2 1),
            }
        }
    }

    /// # Safety
    /// As for `run`.
    #[inline(always)]
    unsafe fn tile<V: Simd, const ROWS: usize, const VECTORS: usize, const BY_COLUMN: bool>(self) {
        let mut sums = [[V::zero(); VECTORS]; ROWS];
        let factors = Factors {
            a: self.a,
            a_stride: self.a_stride,
            b: self.b,
            b_stride: self.b_stride,
            depth: self.depth,
        };
        // SAFETY: by the contract.
        unsafe {
            match self.start {
                Start::Zero => {}
                Start::Kept => {
                    for (row, sums) in sums.iter_mut().enumerate() {
                        for (vector, sum) in sums.iter_mut().enumerate() {
                            *sum = V::load(self.c.add(row * self.c_stride + vector * V::LANES));
                        }
                    }
                }
                Start::Scaled(factors) => {
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let factor = V::splat(*factors.add(row));
                        for (vector, sum) in sums.iter_mut().enumerate() {
                            let from = self.c.add(row * self.c_stride + vector * V::LANES);
                            *sum = V::load(from) * factor;
                        }
                    }
                }
            }
            let sums = multiply::<V, ROWS, VECTORS, BY_COLUMN>(factors, sums);
            for (row, sums) in sums.iter().enumerate() {
                for (vector, sum) in sums.iter().enumerate() {
                    sum.store(self.c.add(row * self.c_stride + vector * V::LANES));
                }
            }
        }
    }
}

/// The sizes of blocks and of what they need, for a level.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Columns of a panel of keys.
    pub width: usize,
    /// Keys of a block, whole panels.
    pub keys: usize,
    /// Queries of a block, whole tiles.
    pub queries: usize,
    /// Channels of a head, whole vectors.
    pub depth: usize,
}

/// Splits the first `len` floats off what is left of a scratch.
#[inline(always)]
pub(super) fn take<'s>(rest: &mut &'s mut [f32], len: usize) -> &'s mut [f32] {
    let (part, left) = std::mem::take(rest).split_at_mut(len);
    *rest = left;
    part
}
