//! Attention on AMX tiles: the same blocks and formulas, with 32 queries or channels a row group and split factors.

pub(super) mod backward;
pub(super) mod forward;

use super::{Attention, Source};
use crate::{
    Level,
    amx::{
        GROUP, GROUP_STEP, STEP, Tiles,
        parts::Splitting,
        product::{self, Shade, Sums},
    },
    gemm::pack::Matrix,
};

/// Keys from which on the products outweigh the splitting.
const WORTH_SPLITTING: usize = 512;
/// Chores that may wait.
const ROOM: usize = 16;
/// Parts of chores done with each step of a product: about as many as it gives shade to.
const PACE: usize = 2;
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
struct Split {
    start: *const f32,
    steps: usize,
}

impl Split {
    fn new(parts: &[f32], depth: usize) -> Self {
        Self {
            start: parts.as_ptr(),
            steps: steps(depth),
        }
    }

    /// A group from a step of its own on.
    fn at(self, group: usize, step: usize) -> *const f32 {
        self.start
            .wrapping_add((group * self.steps + step) * GROUP_STEP)
    }
}

/// The sums of one group of each factor over `steps` from step `first` on.
///
/// # Safety
/// Both groups have these steps, and there are 32 rows of 32 floats for the sums.
#[inline(always)]
unsafe fn multiply(
    tiles: &Tiles,
    (a, a_group): (Split, usize),
    (b, b_group): (Split, usize),
    (first, steps): (usize, usize),
    sums: Sums,
    shade: &mut impl Shade,
) {
    let factors = [a.at(a_group, first), b.at(b_group, first)];
    // SAFETY: by the contract.
    unsafe { product::multiply(tiles, factors, steps, sums, shade) };
}

/// Vector work on the scores of a group of queries, row by row.
trait Rows: Copy {
    /// # Safety
    /// The row is there, and the processor has AVX-512.
    unsafe fn run(&self, row: usize);
}

/// Vector work that is done in the shade of products, bit by bit.
#[derive(Clone, Copy)]
enum Chore<R> {
    /// So many rows.
    Rows(R, usize),
    Split(Splitting),
}

/// Chores that wait, first come, first served.
struct Queue<R> {
    chores: [Option<Chore<R>>; ROOM],
    /// Chores that were ever pushed, and ever finished.
    pushed: usize,
    finished: usize,
    /// Items done of the first one.
    done: usize,
}

impl<R: Rows> Queue<R> {
    fn new() -> Self {
        Self {
            chores: [None; ROOM],
            pushed: 0,
            finished: 0,
            done: 0,
        }
    }

    /// Returns a number by which [`Self::complete`] knows this chore.
    unsafe fn push(&mut self, chore: Chore<R>) -> usize {
        if self.pushed - self.finished == ROOM {
            // SAFETY: as the caller vouches.
            unsafe { self.complete(self.finished + 1) };
        }
        self.chores[self.pushed % ROOM] = Some(chore);
        self.pushed += 1;
        self.pushed
    }

    /// Does all that is left of the chores up to this one.
    unsafe fn complete(&mut self, number: usize) {
        while self.finished < number {
            // SAFETY: as the caller vouches.
            unsafe { self.advance() };
        }
    }

    unsafe fn complete_all(&mut self) {
        // SAFETY: as the caller vouches.
        unsafe { self.complete(self.pushed) };
    }

    unsafe fn advance(&mut self) {
        let Some(chore) = &self.chores[self.finished % ROOM] else {
            return;
        };
        // SAFETY: whoever pushed the chore vouches for it.
        let items = unsafe {
            match chore {
                Chore::Rows(rows, count) => {
                    rows.run(self.done);
                    *count
                }
                Chore::Split(splitting) => {
                    splitting.run(self.done..self.done + 1);
                    splitting.units()
                }
            }
        };
        self.done += 1;
        if self.done == items {
            self.chores[self.finished % ROOM] = None;
            self.finished += 1;
            self.done = 0;
        }
    }
}

impl<R: Rows> Shade for Queue<R> {
    unsafe fn after(&mut self, _: usize) {
        for _ in 0..PACE {
            // SAFETY: whoever pushed a chore vouches for it.
            unsafe { self.advance() };
        }
    }
}
