//! A piece of a product on tiles: groups of rows and of columns that meet turn by turn.

use super::{DEPTH, normalise, share};
use crate::{
    ALIGNMENT,
    amx::{
        GROUP, STEP, Tiles, group_step,
        parts::{self, Splitting},
        product::{SUMS, Shade, Sums, breaks, multiply},
    },
    gemm::{
        MatMulShape, RowNorm,
        block::{Beside, Block},
    },
    simd::{Avx512, Simd},
};
use std::{
    arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch},
    ops::Range,
};

/// Floats of parts that stay in the second-level cache by themselves.
const RESIDENT: usize = 1 << 18;
/// Floats in a row of a tile.
const LANES: usize = Avx512::LANES;

/// Computes a block of `c` from factors in so many parts.
///
/// # Safety
/// As for [`super::multiply_block`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
pub(super) unsafe fn multiply_parts<const PARTS: usize>(
    block: &Block,
    split: [*const f32; 2],
    norm: Option<RowNorm>,
    shape: MatMulShape,
    scratch: &mut [f32],
) {
    let slices = block.depth.1.div_ceil(DEPTH);
    let depth = share(block.depth.1, slices.max(1));
    let (sums, rest) = scratch.split_at_mut(2 * SUMS);
    let normal = norm.map_or(0, |_| GROUP * shape.k);
    let (normal, rest) = rest.split_at_mut(normal);
    let (columns, rows) = rest.split_at_mut(if split[1].is_null() {
        2 * parts::floats(PARTS, GROUP, depth)
    } else {
        0
    });
    let down = block.rows.1.div_ceil(GROUP);
    let room = parts::floats(PARTS, GROUP, depth);
    let own_rows = if split[0].is_null() {
        (down + 1) * room
    } else {
        0
    };
    assert!(rows.len() >= own_rows && sums.as_ptr().addr().is_multiple_of(ALIGNMENT));
    let piece = Piece::<PARTS> {
        block,
        split,
        norm: norm.filter(|_| split[0].is_null()),
        normal: normal.as_mut_ptr(),
        stride: parts::floats(PARTS, GROUP, shape.k),
        far: [
            split[0].is_null() && block.a.transposed && shape.m * shape.k > RESIDENT,
            split[1].is_null() && !block.b.transposed && shape.k * shape.n > RESIDENT,
        ],
        room,
        memory: [rows, columns, sums].map(|part| part.as_mut_ptr()),
        down,
        turned: block.columns.0 * down / shape.n,
        across: block.columns.1.div_ceil(GROUP),
        slices,
        depth,
    };
    // SAFETY: by the contract the block lies within its matrices; sums, columns and normal rows were cut from `scratch` to
    // what a piece needs, rows measured above, and all begin at cache lines as it does.
    unsafe { piece.run() };
}

/// A block, whose groups of rows and columns meet turn by turn. In the shade of each product, the sums of the turn before
/// are finished and what the turn after needs is split.
struct Piece<'a, const PARTS: usize> {
    block: &'a Block,
    split: [*const f32; 2],
    /// What is done to rows before the piece splits them, and where.
    norm: Option<RowNorm<'a>>,
    normal: *mut f32,
    /// Floats from one group of a whole factor to the next.
    stride: usize,
    /// Rows, and columns, that the piece splits and that are too many for the second-level cache, unless their steps
    /// lie side by side: those come sooner unasked.
    far: [bool; 2],
    /// Floats of a group that the piece splits for itself.
    room: usize,
    /// Such groups of rows (one more than there are in the piece) and of columns (two), and sums (for two turns).
    memory: [*mut f32; 3],
    /// Groups of rows and of columns, and ranges of the depth.
    down: usize,
    across: usize,
    slices: usize,
    /// The group of rows to begin with: another in each piece, as each has its own at hand.
    turned: usize,
    /// Steps of such a range.
    depth: usize,
}

/// A group of rows meets a group of columns, over one range of the depth.
#[derive(Clone, Copy, Default)]
struct Turn {
    slice: usize,
    across: usize,
    down: usize,
}

impl<const PARTS: usize> Piece<'_, PARTS> {
    /// # Safety
    /// As for `multiply_block`; so do the others.
    #[inline(always)]
    unsafe fn run(&self) {
        let tiles = Tiles::new();
        let mut turn = Turn::default();
        let mut before = None;
        // SAFETY: as the caller vouches.
        unsafe {
            if let Some(rows) = self.rows(turn) {
                self.split_rows(turn, &rows, 0..rows.units());
            }
            if let Some(columns) = self.columns(turn) {
                columns.run_all();
            }
            loop {
                self.fetch(turn);
                let mut later = self.far.contains(&true).then(|| self.later(turn));
                let mut chores = self.chores(turn, before, later.as_mut());
                let steps = self.depth(turn).1.div_ceil(STEP);
                let factors = [self.a(turn), self.b(turn)].map(<*mut f32>::cast_const);
                let sums = Sums {
                    start: self.sums(turn),
                    stride: GROUP,
                    keep: false,
                };
                multiply::<PARTS>(&tiles, factors, steps, sums, &mut chores);
                before = Some(turn);
                let Some(next) = self.after(turn) else { break };
                turn = next;
            }
            self.finish(turn, 0..self.lines(turn).1);
        }
    }

    fn after(&self, turn: Turn) -> Option<Turn> {
        if turn.down + 1 < self.down {
            let down = turn.down + 1;
            Some(Turn { down, ..turn })
        } else {
            self.after_columns(turn)
        }
    }

    /// The first turn with the next columns.
    fn after_columns(&self, turn: Turn) -> Option<Turn> {
        let down = 0;
        if turn.across + 1 < self.across {
            let across = turn.across + 1;
            Some(Turn {
                across,
                down,
                ..turn
            })
        } else if turn.slice + 1 < self.slices {
            let (slice, across) = (turn.slice + 1, 0);
            Some(Turn {
                slice,
                across,
                down,
            })
        } else {
            None
        }
    }

    /// First and number of the rows, within the matrix; so do the others.
    fn lines(&self, turn: Turn) -> (usize, usize) {
        let (row, rows) = self.block.rows;
        let mut group = turn.down + self.turned;
        if group >= self.down {
            group -= self.down;
        }
        let first = group * GROUP;
        (row + first, GROUP.min(rows - first))
    }

    fn lanes(&self, turn: Turn) -> (usize, usize) {
        let (column, columns) = self.block.columns;
        let first = turn.across * GROUP;
        (column + first, GROUP.min(columns - first))
    }

    fn depth(&self, turn: Turn) -> (usize, usize) {
        let (step, depth) = self.block.depth;
        let first = turn.slice * self.depth;
        (step + first, self.depth.min(depth - first))
    }

    /// Where the split rows are: never where the turn before reads.
    fn a(&self, turn: Turn) -> *mut f32 {
        if self.split[0].is_null() {
            let place = (turn.slice * self.down + turn.down) % (self.down + 1);
            self.memory[0].wrapping_add(place * self.room)
        } else {
            self.whole(self.split[0], turn, self.lines(turn).0)
        }
    }

    fn b(&self, turn: Turn) -> *mut f32 {
        if self.split[1].is_null() {
            let place = (turn.slice * self.across + turn.across) % 2;
            self.memory[1].wrapping_add(place * self.room)
        } else {
            self.whole(self.split[1], turn, self.lanes(turn).0)
        }
    }

    /// The parts of the group from `line` on of a whole factor.
    fn whole(&self, factor: *const f32, turn: Turn, line: usize) -> *mut f32 {
        let from = line / GROUP * self.stride + self.depth(turn).0 / STEP * group_step(PARTS);
        factor.cast_mut().wrapping_add(from)
    }

    fn sums(&self, turn: Turn) -> *mut f32 {
        let place = (turn.slice * self.across + turn.across) * self.down + turn.down;
        self.memory[2].wrapping_add(place % 2 * SUMS)
    }

    /// What is to be split of the rows before this turn.
    fn rows(&self, turn: Turn) -> Option<Splitting<PARTS>> {
        (self.split[0].is_null() && turn.across == 0).then(|| {
            let (mut matrix, mut lines) = (self.block.a, self.lines(turn));
            if self.norm.is_some() {
                (matrix.start, lines.0) = (self.normal, 0);
            }
            Splitting::rows(matrix, lines, self.depth(turn), self.a(turn))
        })
    }

    /// Splits some units of the rows before a turn, which are normalised first.
    #[inline(always)]
    unsafe fn split_rows(&self, turn: Turn, rows: &Splitting<PARTS>, units: Range<usize>) {
        // SAFETY: as the caller vouches; with a norm the depth is whole.
        unsafe {
            if let Some(norm) = self.norm
                && units.start == 0
                && units.end > 0
            {
                normalise(norm, self.block.a, self.lines(turn), self.normal);
            }
            rows.run(units);
        }
    }

    /// What is to be split of the columns before the first turn with them.
    fn columns(&self, turn: Turn) -> Option<Splitting<PARTS>> {
        self.split[1].is_null().then(|| {
            Splitting::columns(
                self.block.b,
                self.lanes(turn),
                self.depth(turn),
                self.b(turn),
            )
        })
    }

    fn chores<'a>(
        &'a self,
        turn: Turn,
        before: Option<Turn>,
        later: Option<&'a mut [Later<PARTS>; 2]>,
    ) -> Chores<'a, PARTS> {
        Chores {
            piece: self,
            breaks: self.depth(turn).1.div_ceil(STEP) * breaks(PARTS),
            finish: before.map(|before| (before, Pace::new(0..self.lines(before).1))),
            rows: self.after(turn).and_then(|next| {
                let rows = self.rows(next)?;
                Some((next, rows, Pace::new(0..rows.units())))
            }),
            columns: self
                .after_columns(turn)
                .and_then(|next| self.columns(next))
                .map(|columns| {
                    let part = share_of(columns.units(), turn.down, self.down);
                    (columns, Pace::new(part))
                }),
            ahead: self.ahead(turn),
            later,
        }
    }

    /// What to fetch of the rows and columns that are split after the next ones: pieces of rows far from one another.
    #[inline(never)]
    fn later(&self, turn: Turn) -> [Later<PARTS>; 2] {
        let [far_rows, far_columns] = self.far;
        let rows = || {
            let rows = self.rows(self.after(self.after(turn)?)?)?;
            Some((rows, Pace::new(0..rows.reads())))
        };
        let columns = || {
            let next = self.after_columns(turn)?;
            let columns = self.columns(self.after_columns(next)?)?;
            let part = share_of(columns.reads(), turn.down, self.down);
            Some((columns, Pace::new(part)))
        };
        [
            far_rows.then(rows).flatten(),
            far_columns.then(columns).flatten(),
        ]
    }

    /// What to fetch of the next columns, if they are split already, and how many cache lines of it.
    fn ahead(&self, turn: Turn) -> (*const f32, Pace) {
        let next = self.after_columns(turn);
        let Some(next) = next.filter(|_| !self.split[1].is_null()) else {
            return (std::ptr::null(), Pace::default());
        };
        let lines = self.depth(next).1.div_ceil(STEP) * group_step(PARTS) / LANES;
        let part = share_of(lines, turn.down, self.down);
        (self.b(next), Pace::new(part))
    }

    /// Fetches what sums will meet: short rows far from one another, which no processor foresees.
    #[inline(always)]
    unsafe fn fetch(&self, turn: Turn) {
        let block = self.block;
        let (row, rows) = self.lines(turn);
        let column = self.lanes(turn).0;
        let added = turn.slice > 0 || block.accumulate;
        let beside = match block.beside {
            Beside::Added(other) | Beside::Slope(other) => Some(other),
            Beside::Nothing | Beside::Sums(_) => None,
        };
        if !added && beside.is_none() {
            return;
        }
        for line in row..row + rows {
            for place in [0, LANES].map(|lane| line * block.c_stride + column + lane) {
                // SAFETY: fetching ahead never faults; the level has the instruction.
                unsafe {
                    if added {
                        _mm_prefetch::<_MM_HINT_ET0>(block.c.wrapping_add(place).cast());
                    }
                    if let Some(other) = beside {
                        _mm_prefetch::<_MM_HINT_T0>(other.wrapping_add(place).cast());
                    }
                }
            }
        }
    }

    /// Brings some rows of a turn's sums to `c`.
    #[inline(always)]
    unsafe fn finish(&self, turn: Turn, lines: Range<usize>) {
        // SAFETY: as the caller vouches.
        unsafe {
            if self.lanes(turn).1 == GROUP {
                self.finish_lines::<true>(turn, lines);
            } else {
                self.finish_lines::<false>(turn, lines);
            }
        }
    }

    /// Sums of all ranges of the depth but the first are added to what `c` holds; those of the last are complete then, and
    /// meet bias, activation and what is beside them. Groups of columns are `WHOLE`, or cut off.
    #[inline(always)]
    unsafe fn finish_lines<const WHOLE: bool>(&self, turn: Turn, lines: Range<usize>) {
        let block = self.block;
        let (row, (column, count)) = (self.lines(turn).0, self.lanes(turn));
        let sums = self.sums(turn);
        let added = turn.slice > 0 || block.accumulate;
        let last = turn.slice + 1 == self.slices;
        let start = row * block.c_stride + column;
        let count = |half: usize| count.saturating_sub(half * LANES).min(LANES);
        // SAFETY: as the caller vouches: `c`, what is beside it and the bias have these floats; sums have whole groups.
        unsafe {
            let load = |from: *const f32, half: usize| {
                let from = from.wrapping_add(half * LANES);
                if WHOLE {
                    Avx512::load(from)
                } else {
                    Avx512::load_partial(from, count(half))
                }
            };
            let store = |value: Avx512, to: *mut f32, half: usize| {
                let to = to.wrapping_add(half * LANES);
                if WHOLE {
                    value.store(to);
                } else {
                    value.store_partial(to, count(half));
                }
            };
            let bias = block.bias.wrapping_add(column);
            for line in lines {
                let place = start + line * block.c_stride;
                let (from, to) = (sums.add(line * GROUP), block.c.wrapping_add(place));
                let mut pair = [Avx512::load(from), Avx512::load(from.add(LANES))];
                if added {
                    pair = [pair[0] + load(to, 0), pair[1] + load(to, 1)];
                }
                if last {
                    if !block.bias.is_null() {
                        pair = [pair[0] + load(bias, 0), pair[1] + load(bias, 1)];
                    }
                    let mut other = pair;
                    match block.beside {
                        Beside::Nothing => {}
                        Beside::Sums(kept) => {
                            store(pair[0], kept.wrapping_add(place), 0);
                            store(pair[1], kept.wrapping_add(place), 1);
                        }
                        Beside::Added(from) | Beside::Slope(from) => {
                            let from = from.wrapping_add(place);
                            other = [load(from, 0), load(from, 1)];
                        }
                    }
                    let end = block.activation;
                    pair = [
                        end.finish(pair[0], other[0], block.beside),
                        end.finish(pair[1], other[1], block.beside),
                    ];
                }
                store(pair[0], to, 0);
                store(pair[1], to, 1);
            }
        }
    }
}

/// What is fetched before it is split, and which of its vectors.
type Later<const PARTS: usize> = Option<(Splitting<PARTS>, Pace)>;

/// A range of things, a few at a time, the last of them with the last of so many times.
#[derive(Clone, Copy, Default)]
struct Pace {
    count: usize,
    next: usize,
    /// What should have been done, in shares of a thing.
    due: usize,
}

impl Pace {
    fn new(range: Range<usize>) -> Self {
        Self {
            count: range.len(),
            next: range.start,
            due: 0,
        }
    }

    /// What to do now, one of so many times.
    #[inline(always)]
    fn take(&mut self, times: usize) -> Range<usize> {
        let start = self.next;
        self.due += self.count;
        while self.due >= times {
            self.due -= times;
            self.next += 1;
        }
        start..self.next
    }
}

/// What is done in the shade of a product, spread over its breaks.
struct Chores<'a, const PARTS: usize> {
    piece: &'a Piece<'a, PARTS>,
    breaks: usize,
    finish: Option<(Turn, Pace)>,
    rows: Option<(Turn, Splitting<PARTS>, Pace)>,
    columns: Option<(Splitting<PARTS>, Pace)>,
    ahead: (*const f32, Pace),
    later: Option<&'a mut [Later<PARTS>; 2]>,
}

impl<const PARTS: usize> Shade for Chores<'_, PARTS> {
    #[inline(always)]
    unsafe fn work(&mut self) {
        // SAFETY: as the caller of `Piece::run` vouches.
        unsafe { self.run() }
    }
}

impl<const PARTS: usize> Chores<'_, PARTS> {
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
    unsafe fn run(&mut self) {
        let breaks = self.breaks;
        let (ahead, lines) = &mut self.ahead;
        // SAFETY: as the caller of `Piece::run` vouches; fetching ahead never faults.
        unsafe {
            for line in lines.take(breaks) {
                _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(line * LANES).cast());
            }
            for (later, reads) in self
                .later
                .iter_mut()
                .flat_map(|later| later.iter_mut().flatten())
            {
                later.fetch(reads.take(breaks));
            }
            if let Some((turn, lines)) = &mut self.finish {
                self.piece.finish(*turn, lines.take(breaks));
            }
            if let Some((turn, rows, units)) = &mut self.rows {
                self.piece.split_rows(*turn, rows, units.take(breaks));
            }
            if let Some((columns, units)) = &mut self.columns {
                columns.run(units.take(breaks));
            }
        }
    }
}

/// The part of `count` things that falls to one of so many shares.
#[inline(always)]
fn share_of(count: usize, share: usize, shares: usize) -> Range<usize> {
    count * share / shares..count * (share + 1) / shares
}
