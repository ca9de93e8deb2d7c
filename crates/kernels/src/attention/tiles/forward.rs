//! The forward pass on tiles: each group of queries meets the blocks of keys that it sees.

use super::{Split, multiply, steps, stored};
use crate::{
    amx::{GROUP, Tiles, parts, product::Sums},
    attention::{Attention, Source, block::take, forward::Task, mask_terms},
    simd::{Avx512, Simd},
};

/// Queries of a block at most.
const QUERIES: usize = 256;

impl Attention {
    pub(in crate::attention) fn tiled_queries(&self) -> usize {
        let blocks = self.time.div_ceil(QUERIES);
        self.time.div_ceil(blocks).next_multiple_of(GROUP)
    }

    pub(in crate::attention) fn tiled_forward_scratch(&self) -> usize {
        let (queries, keys, depth) = (self.tiled_queries(), self.block_keys(), self.padded_depth());
        parts::floats(queries, depth)
            + 2 * parts::floats(keys, depth)
            + parts::floats(GROUP, keys)
            + queries * (depth + 2)
            + (GROUP + 1) * keys
    }
}

/// The parts of a worker's scratch.
struct Memory<'a> {
    /// Split queries, keys, values and weights.
    q: &'a mut [f32],
    k: &'a mut [f32],
    v: &'a mut [f32],
    p: &'a mut [f32],
    /// Sums of weighted values of each query.
    sums: &'a mut [f32],
    /// The largest score of each query, and the sum of its weights.
    largest: &'a mut [f32],
    totals: &'a mut [f32],
    /// Scores, then weights, of a group of queries.
    scores: &'a mut [f32],
    /// What the mask adds.
    terms: &'a mut [f32],
}

/// A block of queries of one head.
///
/// # Safety
/// As for `forward_block`, on a processor with tiles.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
pub(in crate::attention) unsafe fn forward_block(task: &Task, mut scratch: &mut [f32]) {
    let attention = task.attention;
    let (queries, keys) = (attention.tiled_queries(), attention.block_keys());
    let depth = attention.padded_depth();
    let rest = &mut scratch;
    let mut memory = Memory {
        q: take(rest, parts::floats(queries, depth)),
        k: take(rest, parts::floats(keys, depth)),
        v: take(rest, parts::floats(depth, keys)),
        p: take(rest, parts::floats(GROUP, keys)),
        scores: take(rest, GROUP * keys),
        sums: take(rest, queries * depth),
        largest: take(rest, queries),
        totals: take(rest, queries),
        terms: take(rest, keys),
    };
    memory.sums.fill(0.0);
    memory.largest.fill(f32::NEG_INFINITY);
    memory.totals.fill(0.0);
    let q = Source {
        start: task.q,
        stride: task.q_stride,
    };
    let tiles = Tiles::new();
    // SAFETY: the task reaches all that its sizes name, and the memory was sized for it.
    unsafe {
        let size = (task.queries, attention.depth);
        parts::split_rows(stored(q, false), (0, 0), size, memory.q.as_mut_ptr());
        let source = attention.source;
        let end = if attention.causal {
            source.min(task.first + task.queries)
        } else {
            source
        };
        for block in (0..end).step_by(keys) {
            let mut count = keys.min(end - block);
            if let Some(mask) = task.mask {
                count = mask_terms(&mask[block..block + count], memory.terms);
            }
            if count > 0 {
                task.tiled_block(&tiles, block, count, &mut memory);
            }
        }
        task.finish::<Avx512>(depth, memory.sums, memory.largest, memory.totals);
    }
}

impl Task<'_> {
    /// Takes in `count` keys from `block` on.
    ///
    /// # Safety
    /// As for `forward_block`; so do the others.
    #[inline(always)]
    unsafe fn tiled_block(&self, tiles: &Tiles, block: usize, count: usize, memory: &mut Memory) {
        let channels = self.attention.depth;
        let source = |start, stride| Source { start, stride };
        let (k, v) = (
            stored(source(self.k, self.k_stride), true),
            stored(source(self.v, self.v_stride), false),
        );
        // SAFETY: as the caller vouches.
        unsafe {
            parts::split_columns(k, (0, block), (channels, count), memory.k.as_mut_ptr());
            parts::split_columns(v, (block, 0), (count, channels), memory.v.as_mut_ptr());
            for done in (0..self.queries).step_by(GROUP) {
                let rows = GROUP.min(self.queries - done);
                let visible = if self.attention.causal {
                    count.min((self.first + done + rows).saturating_sub(block))
                } else {
                    count
                };
                if visible > 0 {
                    self.tiled_group(tiles, (done, rows), (block, count, visible), memory);
                }
            }
        }
    }

    /// Takes in the `visible` first of a block's `count` keys for a group of queries.
    #[inline(always)]
    unsafe fn tiled_group(
        &self,
        tiles: &Tiles,
        (done, rows): (usize, usize),
        (block, count, visible): (usize, usize, usize),
        memory: &mut Memory,
    ) {
        let (keys, depth) = (self.attention.block_keys(), self.attention.padded_depth());
        let [q, k] = [&*memory.q, &*memory.k].map(|of| Split::new(of, self.attention.depth));
        let (v, p) = (Split::new(memory.v, count), Split::new(memory.p, visible));
        let scores = memory.scores.as_mut_ptr();
        // SAFETY: as the caller vouches; scores have whole groups of keys.
        unsafe {
            for panel in (0..visible).step_by(GROUP) {
                let sums = Sums {
                    start: scores.add(panel),
                    stride: keys,
                    keep: false,
                };
                multiply(
                    tiles,
                    (q, done / GROUP),
                    (k, panel / GROUP),
                    (0, q.steps),
                    sums,
                );
            }
            for row in 0..rows {
                let scores = scores.add(row * keys);
                let largest = &mut memory.largest[done + row];
                let total = &mut memory.totals[done + row];
                let range = (block, visible);
                let factor = self.weigh_keys::<Avx512>(
                    done + row,
                    range,
                    scores,
                    memory.terms,
                    largest,
                    total,
                );
                let sums = &mut memory.sums[(done + row) * depth..][..depth];
                for sums in sums.chunks_exact_mut(Avx512::LANES) {
                    (Avx512::from_slice(sums) * Avx512::splat(factor)).to_slice(sums);
                }
            }
            let weights = stored(
                Source {
                    start: scores,
                    stride: keys,
                },
                false,
            );
            parts::split_rows(weights, (0, 0), (rows, visible), memory.p.as_mut_ptr());
            for channel in (0..depth).step_by(GROUP) {
                let sums = Sums {
                    start: memory.sums.as_mut_ptr().add(done * depth + channel),
                    stride: depth,
                    keep: true,
                };
                multiply(
                    tiles,
                    (p, 0),
                    (v, channel / GROUP),
                    (0, steps(visible)),
                    sums,
                );
            }
        }
    }
}
