//! The register tile: a few rows by a few vectors of a product, summed without leaving registers.

use crate::simd::Simd;

/// Where a tile reads its two factors.
#[derive(Clone, Copy)]
pub(crate) struct Factors {
    /// Rows, broadcast float by float.
    pub a: *const f32,
    /// Floats from one row of `a` to the next (where a row is contiguous), or from one column to
    /// the next (where a column is).
    pub a_stride: usize,
    /// Columns, a few vectors for each step of the depth.
    pub b: *const f32,
    /// Floats from one row of `b` to the next.
    pub b_stride: usize,
    /// Length of the sums.
    pub depth: usize,
}

/// `sums + a · b` for `ROWS` rows and `VECTORS` vectors of columns. `BY_COLUMN` says that columns of
/// `a` are contiguous, as they are in packed panels and transposed matrices.
///
/// # Safety
/// `factors` describe readable memory for the whole tile.
#[inline(always)]
pub(crate) unsafe fn multiply<
    V: Simd,
    const ROWS: usize,
    const VECTORS: usize,
    const BY_COLUMN: bool,
>(
    factors: Factors,
    mut sums: [[V; VECTORS]; ROWS],
) -> [[V; VECTORS]; ROWS] {
    let Factors { a, a_stride, b, .. } = factors;
    // Three rows share a base register, as the addressing modes reach stride 1 and 2 from it.
    let mut base = [a; ROWS];
    for (row, base) in base.iter_mut().enumerate() {
        *base = a.wrapping_add(if BY_COLUMN { 0 } else { row / 3 * 3 * a_stride });
    }
    for step in 0..factors.depth {
        // SAFETY: the caller vouches for the memory.
        unsafe {
            let mut columns = [V::zero(); VECTORS];
            for (vector, column) in columns.iter_mut().enumerate() {
                *column = V::load(b.add(step * factors.b_stride + vector * V::LANES));
            }
            for row in 0..ROWS {
                let from = if BY_COLUMN {
                    a.add(step * a_stride + row)
                } else {
                    base[row].add(row % 3 * a_stride + step)
                };
                let value = V::splat(*from);
                for vector in 0..VECTORS {
                    sums[row][vector] = value.fma(columns[vector], sums[row][vector]);
                }
            }
        }
    }
    sums
}

/// What happens to finished sums on their way to memory.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// Add what the output holds.
    pub add: bool,
    /// One float a column, added; or null.
    pub bias: *const f32,
    /// Negative sums become zero.
    pub relu: bool,
}

/// Stores a tile whose last vector holds `tail` columns.
///
/// # Safety
/// `target` is writable (and readable, to `add`) for the tile; `finish.bias` is null or readable.
#[inline(always)]
pub(crate) unsafe fn store<V: Simd, const ROWS: usize, const VECTORS: usize>(
    sums: [[V; VECTORS]; ROWS],
    target: *mut f32,
    stride: usize,
    tail: usize,
    finish: Finish,
) {
    // SAFETY: the caller vouches for the memory; partial vectors touch `tail` floats only.
    unsafe {
        for vector in 0..VECTORS {
            let full = vector + 1 < VECTORS || tail == V::LANES;
            let first = vector * V::LANES;
            let load = |from: *const f32| {
                if full {
                    V::load(from)
                } else {
                    V::load_partial(from, tail)
                }
            };
            let bias = if finish.bias.is_null() {
                V::zero()
            } else {
                load(finish.bias.add(first))
            };
            for (row, sums) in sums.iter().enumerate() {
                let to = target.add(row * stride + first);
                let mut sum = sums[vector] + bias;
                if finish.add {
                    sum = sum + load(to);
                }
                if finish.relu {
                    sum = V::zero().max(sum);
                }
                if full {
                    sum.store(to);
                } else {
                    sum.store_partial(to, tail);
                }
            }
        }
    }
}

/// A run of contiguous floats, from a pointer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub offset: usize,
    pub len: usize,
}

/// `sums + a · b` where each row of `a` is read from a pointer of its own, run after run, `step`
/// floats from one element to the next; rows of `b` follow one another `b_stride` apart.
///
/// # Safety
/// All rows are readable at all runs, and `b` for as many rows as the runs are long.
#[inline(always)]
pub(crate) unsafe fn multiply_runs<V: Simd, const ROWS: usize, const VECTORS: usize>(
    rows: [*const f32; ROWS],
    runs: impl Iterator<Item = Run>,
    step: usize,
    mut b: *const f32,
    b_stride: usize,
    mut sums: [[V; VECTORS]; ROWS],
) -> [[V; VECTORS]; ROWS] {
    for run in runs {
        let mut index = run.offset;
        for _ in 0..run.len {
            // SAFETY: the caller vouches for the memory.
            unsafe {
                let mut columns = [V::zero(); VECTORS];
                for (vector, column) in columns.iter_mut().enumerate() {
                    *column = V::load(b.add(vector * V::LANES));
                }
                for row in 0..ROWS {
                    let value = V::splat(*rows[row].add(index));
                    for vector in 0..VECTORS {
                        sums[row][vector] = value.fma(columns[vector], sums[row][vector]);
                    }
                }
            }
            index += step;
            b = b.wrapping_add(b_stride);
        }
    }
    sums
}
