//! Attention on AMX tiles: the same blocks and formulas, with 32 queries or channels a row group and split factors.

pub(super) mod backward;
pub(super) mod forward;

use super::{Attention, Source};
use crate::{
    Level,
    amx::{
        GROUP, STEP, Tiles, group_step,
        parts::Splitting,
        product::{self, Shade, Sums, breaks},
    },
    gemm::pack::Matrix,
    simd::{Avx512, Simd},
};
use std::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T1, _mm_prefetch};

/// Floats in a cache line.
const LANES: usize = Avx512::LANES;
/// Keys from which on the products outweigh the splitting.
const WORTH_SPLITTING: usize = 192;
/// Chores that may wait, and ranges of rows that may be fetched.
const ROOM: usize = 16;
/// Parts of chores done with each step of a product: about as many as it gives shade to.
const PACE: usize = 2;
/// Rows fetched ahead with each step: as many as come while others are read from near.
const FETCHES: usize = 4;
/// Keys of a block: their scores with a group of queries stay in the first-level cache.
const KEYS: usize = 256;

impl Attention {
    /// Whether tiles are filled, and gain more than splitting costs.
    pub(super) fn suits_tiles(&self, level: Level) -> bool {
        let filled = self.time >= GROUP && self.depth >= GROUP;
        level == Level::Amx && filled && self.source >= WORTH_SPLITTING
    }

    /// Channels of a head, in whole groups.
    fn padded_depth(&self) -> usize {
        self.depth.next_multiple_of(GROUP)
    }

    /// Keys of a block, in whole groups.
    fn block_keys(&self) -> usize {
        KEYS.min(self.source.next_multiple_of(GROUP))
    }
}

fn stored(source: Source, transposed: bool) -> Matrix {
    Matrix {
        start: source.start,
        stride: source.stride,
        transposed,
    }
}

/// Steps of a depth.
fn steps(depth: usize) -> usize {
    depth.div_ceil(STEP)
}

/// A factor that is split: groups of 32 rows or columns, each of so many steps.
#[derive(Clone, Copy)]
struct Split<const PARTS: usize> {
    start: *const f32,
    steps: usize,
}

impl<const PARTS: usize> Split<PARTS> {
    fn new(parts: &[f32], depth: usize) -> Self {
        Self {
            start: parts.as_ptr(),
            steps: steps(depth),
        }
    }

    /// A group from a step of its own on.
    fn at(self, group: usize, step: usize) -> *const f32 {
        self.start
            .wrapping_add((group * self.steps + step) * group_step(PARTS))
    }
}

/// The sums of one group of each factor over `steps` from step `first` on.
///
/// # Safety
/// Both groups have these steps, and there are 32 rows of 32 floats for the sums.
#[inline(always)]
unsafe fn multiply<const PARTS: usize>(
    tiles: &Tiles,
    (a, a_group): (Split<PARTS>, usize),
    (b, b_group): (Split<PARTS>, usize),
    (first, steps): (usize, usize),
    sums: Sums,
    shade: &mut impl Shade,
) {
    let factors = [a.at(a_group, first), b.at(b_group, first)];
    // SAFETY: by the contract.
    unsafe { product::multiply::<PARTS>(tiles, factors, steps, sums, shade) };
}

/// Vector work on the scores of a group of queries, part by part.
trait Rows: Copy {
    /// # Safety
    /// The part is there, and the processor has AVX-512.
    unsafe fn run(&self, part: usize);
}

/// Vector work that is done in the shade of products, bit by bit.
#[derive(Clone, Copy)]
enum Chore<R, const PARTS: usize> {
    /// So many parts.
    Rows(R, usize),
    Split(Splitting<PARTS>),
}

/// Rows that will be needed soon: short ones far from one another, which no processor foresees.
#[derive(Clone, Copy)]
struct Ahead {
    rows: Source,
    count: usize,
    /// They will be written.
    written: bool,
}

impl Ahead {
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn fetch(&self, row: usize, floats: usize) {
        for channel in (0..floats).step_by(LANES) {
            let place = self.rows.at(row, channel).cast();
            // SAFETY: fetching never faults.
            unsafe {
                if self.written {
                    _mm_prefetch::<_MM_HINT_ET0>(place);
                } else {
                    _mm_prefetch::<_MM_HINT_T1>(place);
                }
            }
        }
    }
}

/// First come, first served.
struct Line<T> {
    items: [Option<T>; ROOM],
    /// Items that ever came, and ever left.
    pushed: usize,
    finished: usize,
    /// What is done of the first one.
    done: usize,
}

impl<T: Copy> Line<T> {
    fn new() -> Self {
        Self {
            items: [None; ROOM],
            pushed: 0,
            finished: 0,
            done: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.pushed - self.finished == ROOM
    }

    fn push(&mut self, item: T) {
        self.items[self.pushed % ROOM] = Some(item);
        self.pushed += 1;
    }

    /// The first one, unless there is none.
    #[inline(always)]
    fn first(&self) -> Option<&T> {
        self.items[self.finished % ROOM].as_ref()
    }

    /// One of so many parts of the first one is done.
    #[inline(always)]
    fn advance(&mut self, parts: usize) {
        self.done += 1;
        if self.done == parts {
            self.items[self.finished % ROOM] = None;
            self.finished += 1;
            self.done = 0;
        }
    }
}

/// What waits for the shade of products.
struct Queue<R, const PARTS: usize> {
    chores: Line<Chore<R, PARTS>>,
    ahead: Line<Ahead>,
    /// Floats of a row that is fetched.
    channels: usize,
    /// Parts of chores that should have been done, in shares of a break.
    due: usize,
}

impl<R: Rows, const PARTS: usize> Queue<R, PARTS> {
    fn new(channels: usize) -> Self {
        Self {
            chores: Line::new(),
            ahead: Line::new(),
            channels,
            due: 0,
        }
    }

    /// Fetches so many rows bit by bit, or not, if much else is to be fetched.
    fn fetch(&mut self, rows: Source, count: usize, written: bool) {
        if count > 0 && !self.ahead.is_full() {
            self.ahead.push(Ahead {
                rows,
                count,
                written,
            });
        }
    }

    /// Returns a number by which [`Self::complete`] knows this chore.
    unsafe fn push(&mut self, chore: Chore<R, PARTS>) -> usize {
        if self.chores.is_full() {
            // SAFETY: as the caller vouches.
            unsafe { self.complete(self.chores.finished + 1) };
        }
        self.chores.push(chore);
        self.chores.pushed
    }

    /// Does all that is left of the chores up to this one.
    unsafe fn complete(&mut self, number: usize) {
        while self.chores.finished < number {
            // SAFETY: as the caller vouches.
            unsafe { self.advance() };
        }
    }

    unsafe fn complete_all(&mut self) {
        // SAFETY: as the caller vouches.
        unsafe { self.complete(self.chores.pushed) };
    }

    unsafe fn advance(&mut self) {
        let done = self.chores.done;
        let Some(chore) = self.chores.first() else {
            return;
        };
        // SAFETY: whoever pushed the chore vouches for it.
        let parts = unsafe {
            match chore {
                Chore::Rows(rows, parts) => {
                    rows.run(done);
                    *parts
                }
                Chore::Split(splitting) => {
                    splitting.run(done..done + 1);
                    splitting.units()
                }
            }
        };
        self.chores.advance(parts);
    }

    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn fetch_row(&mut self) {
        let Some(ahead) = self.ahead.first() else {
            return;
        };
        let count = ahead.count;
        // SAFETY: by the contract.
        unsafe { ahead.fetch(self.ahead.done, self.channels) };
        self.ahead.advance(count);
    }
}

impl<R: Rows, const PARTS: usize> Shade for Queue<R, PARTS> {
    #[inline(always)]
    unsafe fn work(&mut self) {
        self.due += PACE;
        if self.due < breaks(PARTS) {
            return;
        }
        self.due -= breaks(PARTS);
        // SAFETY: whoever pushed a chore vouches for it.
        unsafe {
            for _ in 0..FETCHES / PACE {
                self.fetch_row();
            }
            self.advance();
        }
    }
}
