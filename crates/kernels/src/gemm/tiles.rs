//! Matrix products on AMX tiles: each factor is split into its parts once, then groups of 32 rows meet groups of 32 columns.

use super::{Block, Cut, MatMulShape, block::Beside};
use crate::{
    Workers,
    amx::{
        GROUP, GROUP_STEP, STEP, Tiles, parts,
        product::{Ahead, SUMS, Sums, multiply},
    },
    gemm::pack::Matrix,
    simd::{Avx512, Simd},
    workers::Parts,
};
use std::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _mm_prefetch};

/// Steps of the depth between two visits to `c`.
const DEPTH: usize = 384;
/// Pieces of the depth.
const PIECES: usize = 8;
/// Pieces of the rows or columns: few, as each reads all of the other factor. Pieces do not change sums, so
/// [`Before::cut`] makes more of them where there are more threads.
const LONG_PIECES: usize = 4;
/// Rows of a piece whose parts, over `DEPTH`, leave room in the second-level cache.
const ROWS: usize = 256;
/// Columns of a piece at most.
const COLUMNS: usize = 512;
/// Floats of a factor that each piece splits for itself sooner than threads can wait for one another.
const SMALL: usize = 1 << 14;
/// Floats of parts that stay in the second-level cache by themselves.
const RESIDENT: usize = 1 << 18;
/// Floats in a row of a tile.
const LANES: usize = Avx512::LANES;
/// Shortest side of a product that tiles are filled by.
const SIDE: usize = 16;

/// The factor that is split for all pieces before they begin; they split their own part of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Neither,
    A,
    B,
}

/// How to share out a product, unless splitting its factors costs more than tiles save.
pub(super) fn plan(shape: MatMulShape) -> Option<(Cut, Before)> {
    let MatMulShape { m, n, k, .. } = shape;
    let padded = |length: usize| length.next_multiple_of(GROUP);
    // Picoseconds on a processor of 2023.
    let tiles = 4 * padded(m) * padded(n) * padded(k) + 170 * (m * k + k * n) + 200 * m * n;
    if m < SIDE || n < SIDE || tiles >= 13 * m * n * k {
        return None;
    }
    let whole = Cut {
        rows: m,
        columns: n,
        depth: k,
    };
    Some(if 2 * PIECES * m * n <= (m + n) * k {
        let depth = share(k, PIECES);
        (Cut { depth, ..whole }, Before::Neither)
    } else if m >= n {
        let rows = share(m, LONG_PIECES);
        let rows = if rows > ROWS + ROWS / 2 { ROWS } else { rows };
        (Cut { rows, ..whole }, Before::B.unless_small(n * k))
    } else {
        let columns = share(n, LONG_PIECES).min(COLUMNS);
        (Cut { columns, ..whole }, Before::A.unless_small(m * k))
    })
}

/// A part of a length for each of so many pieces.
fn share(length: usize, pieces: usize) -> usize {
    length.div_ceil(pieces).next_multiple_of(GROUP)
}

impl Before {
    fn unless_small(self, factor: usize) -> Self {
        if factor > SMALL { self } else { Self::Neither }
    }

    /// The cut, with a piece for each thread at least.
    pub(super) fn cut(self, mut cut: Cut, shape: MatMulShape, threads: usize) -> Cut {
        match self {
            Self::Neither => {}
            Self::A => cut.columns = cut.columns.min(share(shape.n, threads)),
            Self::B => cut.rows = cut.rows.min(share(shape.m, threads)),
        }
        cut
    }

    /// Floats that the parts of a whole factor take.
    pub(super) fn shared(self, shape: MatMulShape) -> usize {
        let MatMulShape { m, n, k, .. } = shape;
        match self {
            Self::Neither => 0,
            Self::A => parts::floats(m, k),
            Self::B => parts::floats(n, k),
        }
    }

    /// Floats of scratch for a piece.
    pub(super) fn scratch(self, cut: Cut) -> usize {
        let depth = cut.depth.min(DEPTH);
        let rows = match self {
            Self::A => 0,
            Self::Neither | Self::B => parts::floats(cut.rows, depth),
        };
        SUMS + parts::floats(GROUP, depth) + rows
    }

    /// Splits the factor into `target` and returns where the parts of each lie.
    pub(super) fn split(
        self,
        workers: &Workers,
        factors: [Matrix; 2],
        shape: MatMulShape,
        target: &mut [f32],
    ) -> [*const f32; 2] {
        let MatMulShape { m, n, k, .. } = shape;
        let (lines, matrix) = match self {
            Self::Neither => return [std::ptr::null(); 2],
            Self::A => (m, factors[0]),
            Self::B => (n, factors[1]),
        };
        let stride = parts::floats(GROUP, k);
        let groups = Parts::new(&mut target[..self.shared(shape)]);
        let call = Source(matrix);
        workers.run(lines.div_ceil(GROUP), &|group, _| {
            let (source, first) = (&call, group * GROUP);
            let count = GROUP.min(lines - first);
            // SAFETY: groups are disjoint and lie within the target; the level has tiles, so it has the instructions.
            unsafe {
                let to = groups.part(group * stride, stride).as_mut_ptr();
                match self {
                    Self::A => parts::split_rows(source.0, (first, 0), (count, k), to),
                    _ => parts::split_columns(source.0, (0, first), (k, count), to),
                }
            }
        });
        let parts = groups.pointer().cast_const();
        match self {
            Self::A => [parts, std::ptr::null()],
            _ => [std::ptr::null(), parts],
        }
    }
}

struct Source(Matrix);

// SAFETY: the matrix is a slice that outlives the run and is only read.
unsafe impl Sync for Source {}

/// Computes a block of `c`. `split` are the parts of whole factors, or null.
///
/// # Safety
/// As for `block::multiply_block`, with `scratch` floats, on a processor with tiles.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
pub(super) unsafe fn multiply_block(
    block: &Block,
    split: [*const f32; 2],
    shape: MatMulShape,
    scratch: &mut [f32],
) {
    let (first, depth) = block.depth;
    let (sums, rest) = scratch.split_at_mut(SUMS);
    let (panel, rows) = rest.split_at_mut(parts::floats(GROUP, depth.min(DEPTH)));
    let whole = if split[0].is_null() { shape.n } else { shape.m };
    let tiles = Tiles::new();
    let mut step = 0;
    loop {
        let steps = (depth - step).min(DEPTH);
        let slice = Slice {
            block,
            split,
            stride: parts::floats(GROUP, shape.k),
            fetches: parts::floats(whole, shape.k) > RESIDENT,
            tiles: &tiles,
            depth: (first + step, steps),
            add: step > 0 || block.accumulate,
            last: step + steps == depth,
        };
        // SAFETY: the block lies within its matrices, and `scratch` was sized for it.
        unsafe { slice.run(sums, panel, rows) };
        step += steps;
        if slice.last {
            break;
        }
    }
}

/// A block over one range of the depth.
struct Slice<'a> {
    block: &'a Block,
    split: [*const f32; 2],
    /// Floats from one group of a whole factor to the next.
    stride: usize,
    /// That factor is too large for the second-level cache.
    fetches: bool,
    tiles: &'a Tiles,
    depth: (usize, usize),
    /// Sums are added to what `c` holds.
    add: bool,
    /// Sums are complete then, and meet bias, activation and what is beside them.
    last: bool,
}

impl Slice<'_> {
    /// # Safety
    /// As for `multiply_block`.
    #[inline(always)]
    unsafe fn run(&self, sums: &mut [f32], panel: &mut [f32], packed: &mut [f32]) {
        let Block { a, b, .. } = *self.block;
        let (row, rows) = self.block.rows;
        let (column, columns) = self.block.columns;
        let (step, depth) = self.depth;
        let steps = depth.div_ceil(STEP);
        // SAFETY: the parts lie within the block and the whole factors, and the buffers were sized for them.
        unsafe {
            let (a, a_stride) = if self.split[0].is_null() {
                parts::split_rows(a, (row, step), (rows, depth), packed.as_mut_ptr());
                (packed.as_ptr(), steps * GROUP_STEP)
            } else {
                (self.group(self.split[0], row), self.stride)
            };
            for across in (0..columns).step_by(GROUP) {
                let count = (columns - across).min(GROUP);
                let b = if self.split[1].is_null() {
                    let at = (step, column + across);
                    parts::split_columns(b, at, (depth, count), panel.as_mut_ptr());
                    panel.as_ptr()
                } else {
                    self.group(self.split[1], column + across)
                };
                for down in (0..rows).step_by(GROUP) {
                    let a = a.wrapping_add(down / GROUP * a_stride);
                    let ahead = self.ahead((a, down), (b, across));
                    let lines = (rows - down).min(GROUP);
                    self.fetch((row + down, lines), column + across);
                    let target = Sums {
                        start: sums.as_mut_ptr(),
                        stride: GROUP,
                        keep: false,
                    };
                    multiply(self.tiles, [a, b], steps, target, ahead);
                    self.finish(sums, (row + down, lines), (column + across, count));
                }
            }
        }
    }

    /// What to fetch while these groups of a whole factor are multiplied: the next rows, as long as columns see them for the
    /// first time, or a share of the next columns. A small factor comes by itself.
    #[inline(always)]
    fn ahead(&self, (a, down): (*const f32, usize), (b, across): (*const f32, usize)) -> Ahead {
        const LINES: usize = GROUP_STEP / 16;
        let groups = self.block.rows.1.div_ceil(GROUP);
        if !self.fetches {
            Ahead::NONE
        } else if !self.split[0].is_null() && across == 0 {
            Ahead {
                start: a.wrapping_add(self.stride),
                lines: LINES,
            }
        } else if !self.split[1].is_null() {
            let lines = LINES.div_ceil(groups);
            let done = down / GROUP * self.depth.1.div_ceil(STEP) * lines * 16;
            Ahead {
                start: b.wrapping_add(self.stride + done),
                lines,
            }
        } else {
            Ahead::NONE
        }
    }

    /// Fetches what sums will meet: short rows far from one another, which no processor foresees.
    #[inline(always)]
    unsafe fn fetch(&self, (row, rows): (usize, usize), column: usize) {
        let block = self.block;
        for line in row..row + rows {
            for place in [0, LANES].map(|lane| line * block.c_stride + column + lane) {
                // SAFETY: fetching ahead never faults; the level has the instruction.
                unsafe {
                    _mm_prefetch::<_MM_HINT_ET0>(block.c.wrapping_add(place).cast());
                    match block.beside {
                        Beside::Nothing => {}
                        Beside::Sums(sums) => {
                            _mm_prefetch::<_MM_HINT_ET0>(sums.wrapping_add(place).cast());
                        }
                        Beside::Added(other) | Beside::Slope(other) => {
                            _mm_prefetch::<_MM_HINT_T0>(other.wrapping_add(place).cast());
                        }
                    }
                }
            }
        }
    }

    /// The parts of the group from row or column `line` of a whole factor.
    #[inline(always)]
    fn group(&self, whole: *const f32, line: usize) -> *const f32 {
        whole.wrapping_add(line / GROUP * self.stride + self.depth.0 / STEP * GROUP_STEP)
    }

    /// Brings the sums of a group to `c`.
    ///
    /// # Safety
    /// The rows and columns lie within `c` and belong to this piece alone.
    #[inline(always)]
    unsafe fn finish(&self, sums: &[f32], (row, rows): (usize, usize), columns: (usize, usize)) {
        for (line, sums) in sums.chunks_exact(GROUP).take(rows).enumerate() {
            for (half, sums) in sums.chunks_exact(LANES).enumerate() {
                let across = half * LANES;
                let count = columns.1.saturating_sub(across).min(LANES);
                let place = (row + line) * self.block.c_stride + columns.0 + across;
                // SAFETY: as the caller vouches; no more than `count` floats are touched.
                unsafe {
                    let sum = Avx512::load(sums.as_ptr());
                    self.finish_vector(sum, place, columns.0 + across, count);
                }
            }
        }
    }

    /// # Safety
    /// `c`, what is beside it and the bias have `count <= LANES` floats at these places.
    #[inline(always)]
    unsafe fn finish_vector(&self, mut sum: Avx512, place: usize, column: usize, count: usize) {
        let block = self.block;
        // SAFETY: by the contract.
        unsafe {
            let to = block.c.add(place);
            if self.add {
                sum = sum + Avx512::load_partial(to, count);
            }
            if self.last {
                if !block.bias.is_null() {
                    sum = sum + Avx512::load_partial(block.bias.add(column), count);
                }
                let other = match block.beside {
                    Beside::Nothing => Avx512::zero(),
                    Beside::Sums(sums) => {
                        sum.store_partial(sums.add(place), count);
                        sum
                    }
                    Beside::Added(other) | Beside::Slope(other) => {
                        Avx512::load_partial(other.add(place), count)
                    }
                };
                sum = block.activation.finish(sum, other, block.beside);
            }
            sum.store_partial(to, count);
        }
    }
}
