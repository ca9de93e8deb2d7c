//! Copies of parts of a matrix in the order in which tiles read them.

use crate::simd::Simd;

/// A matrix in memory, perhaps read by columns.
#[derive(Clone, Copy)]
pub(crate) struct Matrix {
    pub start: *const f32,
    /// Floats from one stored row to the next.
    pub stride: usize,
    /// The stored rows are the columns that are meant.
    pub transposed: bool,
}

impl Matrix {
    /// The same matrix from this row and column on.
    #[inline(always)]
    pub(crate) fn at(self, row: usize, column: usize) -> *const f32 {
        let (major, minor) = if self.transposed {
            (column, row)
        } else {
            (row, column)
        };
        self.start.wrapping_add(major * self.stride + minor)
    }
}

/// Packs `depth` rows by `columns` columns from `(row, column)` of `b` into rows of `width` floats,
/// a multiple of the vector; missing columns become zeros.
///
/// # Safety
/// The part lies within `b`, and `target` holds `depth * width` floats.
#[inline(always)]
pub(crate) unsafe fn pack_columns<V: Simd>(
    b: Matrix,
    (row, column): (usize, usize),
    depth: usize,
    columns: usize,
    width: usize,
    target: *mut f32,
) {
    for first in (0..width).step_by(V::LANES) {
        let count = columns.saturating_sub(first).min(V::LANES);
        // SAFETY: reads stay within the part, writes within `depth` rows of `width` floats.
        unsafe {
            let to = target.add(first);
            if b.transposed {
                for step in (0..depth).step_by(V::LANES) {
                    let steps = (depth - step).min(V::LANES);
                    let from = b.at(row + step, column + first);
                    V::transpose(from, b.stride, count, steps, to.add(step * width), width);
                }
            } else if count == V::LANES {
                for step in 0..depth {
                    V::load(b.at(row + step, column + first)).store(to.add(step * width));
                }
            } else {
                for step in 0..depth {
                    V::load_partial(b.at(row + step, column + first), count)
                        .store(to.add(step * width));
                }
            }
        }
    }
}

/// Packs `rows` rows (at most `LANES`) by `depth` columns from `(row, column)` of `a` into columns of
/// `rows` floats.
///
/// # Safety
/// The part lies within `a`, and `target` holds `depth * rows + LANES` floats: what lies behind a
/// column is overwritten by the next.
#[inline(always)]
pub(crate) unsafe fn pack_rows<V: Simd>(
    a: Matrix,
    (row, column): (usize, usize),
    rows: usize,
    depth: usize,
    target: *mut f32,
) {
    // SAFETY: reads stay within the part, writes end at most `LANES` floats behind it.
    unsafe {
        if a.transposed {
            for step in 0..depth {
                V::load_partial(a.at(row, column + step), rows).store(target.add(step * rows));
            }
        } else {
            for step in (0..depth).step_by(V::LANES) {
                let steps = (depth - step).min(V::LANES);
                let from = a.at(row, column + step);
                V::transpose(from, a.stride, rows, steps, target.add(step * rows), rows);
            }
        }
    }
}
