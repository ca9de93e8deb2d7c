//! Attention on AMX tiles: the same blocks and formulas, with 32 queries or channels a row group and split factors.

pub(super) mod backward;
pub(super) mod forward;

use super::{Attention, Source};
use crate::{
    Level,
    amx::{GROUP, GROUP_STEP, STEP, Tiles, product},
    gemm::pack::Matrix,
};

/// Keys from which on the products outweigh the splitting.
const WORTH_SPLITTING: usize = 512;
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
    sums: product::Sums,
) {
    let factors = [a.at(a_group, first), b.at(b_group, first)];
    // SAFETY: by the contract.
    unsafe { product::multiply(tiles, factors, steps, sums, product::Ahead::NONE) };
}
