//! Splitting floats into bf16 parts, in the order in which tiles are loaded.

use super::{EXACT, GROUP, STEP, TILE, group_step};
use crate::{
    gemm::pack::Matrix,
    simd::{Avx512, Simd},
};
use std::{arch::x86_64::*, ops::Range};

/// Rows and lanes of a tile.
const SIDE: usize = 16;

/// Floats of memory for so many parts of this many rows (or columns) by this depth.
pub(crate) const fn floats(parts: usize, lines: usize, depth: usize) -> usize {
    lines.div_ceil(GROUP) * depth.div_ceil(STEP) * group_step(parts)
}

/// Rows of the left factor, or columns of the right one, over a range of the depth, to be split in groups of 32.
///
/// It is done unit by unit: a unit is sixteen lines over 32 steps. What is missing is zero.
#[derive(Clone, Copy)]
pub(crate) struct Splitting<const PARTS: usize> {
    pub matrix: Matrix,
    /// Whether lines are columns of the right factor, or else rows of the left one.
    pub columns: bool,
    /// The first line, and how many there are.
    pub lines: (usize, usize),
    /// The first step, and how many there are.
    pub depth: (usize, usize),
    pub target: *mut f32,
    /// Floats from the parts of one group to those of the next.
    pub stride: usize,
}

impl<const PARTS: usize> Splitting<PARTS> {
    /// Rows of the left factor, whose groups lie one behind another.
    pub(crate) fn rows(
        matrix: Matrix,
        lines: (usize, usize),
        depth: (usize, usize),
        target: *mut f32,
    ) -> Self {
        Self {
            matrix,
            columns: false,
            lines,
            depth,
            target,
            stride: floats(PARTS, GROUP, depth.1),
        }
    }

    /// Columns of the right factor, whose groups lie one behind another.
    pub(crate) fn columns(
        matrix: Matrix,
        lines: (usize, usize),
        depth: (usize, usize),
        target: *mut f32,
    ) -> Self {
        Self {
            columns: true,
            ..Self::rows(matrix, lines, depth, target)
        }
    }

    /// All units.
    ///
    /// # Safety
    /// As for [`Self::run`].
    pub(crate) unsafe fn run_all(&self) {
        // SAFETY: by the contract.
        unsafe { self.run(0..self.units()) }
    }

    pub(crate) fn units(&self) -> usize {
        self.lines.1.div_ceil(GROUP) * self.group_units()
    }

    fn group_units(&self) -> usize {
        2 * self.depth.1.div_ceil(STEP)
    }

    /// # Safety
    /// The lines and steps lie within the matrix, and the target holds them all.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
    pub(crate) unsafe fn run(&self, units: Range<usize>) {
        let in_group = self.group_units();
        for unit in units {
            let (group, unit) = (unit / in_group, unit % in_group);
            let (line, step) = (unit % 2 * SIDE, unit / 2 * STEP);
            let squares = [step, step + SIDE].map(|step| self.square(group * GROUP + line, step));
            let stride = self.matrix.stride;
            let place = group * self.stride + unit / 2 * group_step(PARTS) + unit % 2 * TILE;
            // SAFETY: the squares lie within the matrix, the tiles within the target.
            unsafe {
                let to = self.target.add(place);
                if self.matrix.transposed {
                    split_turned::<PARTS>(squares.map(Square::turned), stride, to);
                } else {
                    split_straight::<PARTS>(squares, stride, to);
                }
            }
        }
    }

    /// Vectors that all units read.
    pub(crate) fn reads(&self) -> usize {
        2 * SIDE * self.units()
    }

    /// Fetches some of them into the second-level cache.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(never)]
    pub(crate) unsafe fn fetch(&self, reads: Range<usize>) {
        let in_group = self.group_units();
        for read in reads {
            let (unit, vector) = (read / (2 * SIDE), read % (2 * SIDE));
            let (group, unit) = (unit / in_group, unit % in_group);
            let (mut line, mut step) = (group * GROUP + unit % 2 * SIDE, unit / 2 * STEP);
            if self.columns == self.matrix.transposed {
                (line, step) = (line + vector / 2, step + vector % 2 * SIDE);
            } else {
                step += vector;
            }
            let (line, step) = (self.lines.0 + line, self.depth.0 + step);
            let (row, column) = if self.columns {
                (step, line)
            } else {
                (line, step)
            };
            // SAFETY: fetching never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(self.matrix.at(row, column).cast()) };
        }
    }

    fn square(&self, line: usize, step: usize) -> Square {
        let (first, begin) = (self.lines.0 + line, self.depth.0 + step);
        let lines = self.lines.1.saturating_sub(line).min(SIDE);
        let steps = self.depth.1.saturating_sub(step).min(SIDE);
        if self.columns {
            Square {
                start: self.matrix.at(begin, first),
                lines: steps,
                lanes: lines,
            }
        } else {
            Square {
                start: self.matrix.at(first, begin),
                lines,
                lanes: steps,
            }
        }
    }
}

/// Up to 16 by 16 floats.
#[derive(Clone, Copy)]
struct Square {
    start: *const f32,
    /// Rows of the tile.
    lines: usize,
    lanes: usize,
}

impl Square {
    /// The same square, of which rows are stored as columns.
    fn turned(self) -> Self {
        Self {
            lines: self.lanes,
            lanes: self.lines,
            ..self
        }
    }

    fn is_full(&self) -> bool {
        self.lines == SIDE && self.lanes == SIDE
    }
}

/// A tile whose rows are stored as rows.
#[inline(always)]
unsafe fn split_straight<const PARTS: usize>(
    squares: [Square; 2],
    stride: usize,
    target: *mut f32,
) {
    let full = squares[0].is_full() && squares[1].is_full();
    for line in 0..SIDE {
        // SAFETY: the caller vouches for both squares and the tiles of all parts.
        unsafe {
            let values = if full {
                [
                    Avx512::load(squares[0].start.add(line * stride)),
                    Avx512::load(squares[1].start.add(line * stride)),
                ]
            } else {
                [
                    load(&squares[0], line, stride),
                    load(&squares[1], line, stride),
                ]
            };
            split::<PARTS>(values, target.add(line * SIDE));
        }
    }
}

/// A row of a square that may be cut off.
#[inline(always)]
unsafe fn load(square: &Square, line: usize, stride: usize) -> Avx512 {
    let count = if line < square.lines { square.lanes } else { 0 };
    let from = square
        .start
        .wrapping_add(if count > 0 { line * stride } else { 0 });
    // SAFETY: the caller vouches for the square; nothing is read beyond it.
    unsafe { Avx512::load_partial(from, count) }
}

/// A tile whose rows are stored as columns.
#[inline(always)]
unsafe fn split_turned<const PARTS: usize>(squares: [Square; 2], stride: usize, target: *mut f32) {
    let mut turned = [[0.0f32; SIDE * SIDE]; 2];
    for (square, turned) in squares.iter().zip(&mut turned) {
        if square.lines > 0 && square.lanes > 0 {
            // SAFETY: the caller vouches for the square; `turned` has sixteen rows of sixteen.
            unsafe {
                Avx512::transpose(
                    square.start,
                    stride,
                    square.lines,
                    square.lanes,
                    turned.as_mut_ptr(),
                    SIDE,
                );
            }
        }
    }
    for line in 0..SIDE {
        // SAFETY: both arrays have sixteen rows of sixteen; the caller vouches for the tiles of all parts.
        unsafe {
            let values = [
                Avx512::load(turned[0].as_ptr().add(line * SIDE)),
                Avx512::load(turned[1].as_ptr().add(line * SIDE)),
            ];
            split::<PARTS>(values, target.add(line * SIDE));
        }
    }
}

/// Writes a row of the tiles of all parts: steps of one half of a tile, and of the other.
///
/// # Safety
/// The row lies within a step of a group, and the processor has AVX-512.
#[inline(always)]
pub(crate) unsafe fn split<const PARTS: usize>(values: [Avx512; 2], target: *mut f32) {
    let [mut low, mut high] = values.map(Avx512::inner);
    for part in 0..PARTS {
        // SAFETY: a value of `Avx512` proves the instructions; the caller vouches for the memory.
        unsafe {
            let (first, second) = match part {
                // What is left has no more than eight bits.
                2 => (_mm512_castps_si512(low), _mm512_castps_si512(high)),
                // Nor then if the second of three is cut off, which is faster.
                1 if PARTS == EXACT => (cut(low), cut(high)),
                _ => (nearest(low), nearest(high)),
            };
            let both = _mm512_or_si512(_mm512_srli_epi32::<16>(first), second);
            _mm512_store_si512(target.add(part * 2 * TILE).cast(), both);
            low = _mm512_sub_ps(low, _mm512_castsi512_ps(first));
            high = _mm512_sub_ps(high, _mm512_castsi512_ps(second));
        }
    }
}

/// The nearest floats of which the lower sixteen bits are zero.
#[inline(always)]
unsafe fn nearest(values: __m512) -> __m512i {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let bits = _mm512_add_epi32(_mm512_castps_si512(values), _mm512_set1_epi32(0x8000));
        cut(_mm512_castsi512_ps(bits))
    }
}

/// The floats without their lower sixteen bits.
#[inline(always)]
unsafe fn cut(values: __m512) -> __m512i {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let mask = _mm512_set1_epi32(0xffff_0000u32 as i32);
        _mm512_and_si512(_mm512_castps_si512(values), mask)
    }
}
