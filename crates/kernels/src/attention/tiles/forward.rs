//! The forward pass on tiles: each group of queries meets the blocks of keys that it sees.

use super::{Chore, Queue, Rows, Split, multiply, steps, stored};
use crate::{
    amx::{
        EXACT, GROUP, Tiles,
        parts::{self, Splitting},
        product::Sums,
    },
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
        parts::floats(EXACT, queries, depth)
            + 2 * parts::floats(EXACT, keys, depth)
            + 2 * parts::floats(EXACT, GROUP, keys)
            + queries * (depth + 2)
            + (2 * GROUP + 1) * keys
    }
}

/// The parts of a worker's scratch.
struct Memory<'a> {
    /// Split queries, keys and values.
    q: &'a mut [f32],
    k: &'a mut [f32],
    v: &'a mut [f32],
    /// Sums of weighted values of each query.
    sums: &'a mut [f32],
    /// The largest score of each query, and the sum of its weights.
    largest: &'a mut [f32],
    totals: &'a mut [f32],
    /// Scores, then weights, of a group of queries, and split weights: one group's are written while another's are read.
    scores: [&'a mut [f32]; 2],
    p: [&'a mut [f32]; 2],
    /// What the mask adds.
    terms: &'a mut [f32],
}

/// The keys of a block: the first one, how many count, and those that the causal mask leaves to a group of queries.
#[derive(Clone, Copy)]
struct Seen {
    block: usize,
    count: usize,
    visible: usize,
}

/// A group of queries whose scores become weights.
#[derive(Clone, Copy)]
struct Weighing<'a> {
    task: &'a Task<'a>,
    first: usize,
    seen: Seen,
    /// Floats from one row of scores to the next, and of sums.
    strides: [usize; 2],
    scores: *mut f32,
    terms: *const f32,
    /// Of the first query of the group.
    sums: *mut f32,
    largest: *mut f32,
    totals: *mut f32,
}

impl Rows for Weighing<'_> {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
    unsafe fn run(&self, row: usize) {
        let Seen { block, visible, .. } = self.seen;
        // SAFETY: `push_weights` took rows of a block's scores, sums, largest scores and totals, all of whole vectors.
        unsafe {
            let factor = self.task.weigh_keys::<Avx512>(
                self.first + row,
                (block, visible),
                self.scores.add(row * self.strides[0]),
                self.terms,
                &mut *self.largest.add(row),
                &mut *self.totals.add(row),
            );
            for at in (0..self.strides[1]).step_by(Avx512::LANES) {
                let sums = self.sums.add(row * self.strides[1] + at);
                (Avx512::load(sums) * Avx512::splat(factor)).store(sums);
            }
        }
    }
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
        q: take(rest, parts::floats(EXACT, queries, depth)),
        k: take(rest, parts::floats(EXACT, keys, depth)),
        v: take(rest, parts::floats(EXACT, depth, keys)),
        p: [(); 2].map(|()| take(rest, parts::floats(EXACT, GROUP, keys))),
        scores: [(); 2].map(|()| take(rest, GROUP * keys)),
        sums: take(rest, queries * depth),
        largest: take(rest, queries),
        totals: take(rest, queries),
        terms: take(rest, keys),
    };
    memory.sums.fill(0.0);
    memory.largest.fill(f32::NEG_INFINITY);
    memory.totals.fill(0.0);
    let rows = |start, stride| Source { start, stride };
    let (q, k, v, y) = (
        rows(task.q, task.q_stride),
        rows(task.k, task.k_stride),
        rows(task.v, task.v_stride),
        rows(task.y, task.y_stride),
    );
    let tiles = Tiles::new();
    // SAFETY: the task reaches all that its sizes name, and each part of the memory was cut to the sizes of a block.
    unsafe {
        let (rows, channels) = ((0, task.queries), (0, attention.depth));
        Splitting::<EXACT>::rows(stored(q, false), rows, channels, memory.q.as_mut_ptr()).run_all();
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
            let mut queue = Queue::new(attention.depth);
            if block + keys < end {
                let rows = keys.min(end - block - keys);
                queue.fetch(k.from(block + keys, 0), rows, false);
                queue.fetch(v.from(block + keys, 0), rows, false);
            } else {
                queue.fetch(y, task.queries, true);
                for (rows, most) in task.next.into_iter().flatten().zip([queries, keys, keys]) {
                    queue.fetch(rows, most.min(source), false);
                }
            }
            if count > 0 {
                task.tiled_block(&tiles, block, count, &mut memory, &mut queue);
            }
        }
        let queries = 0..task.queries;
        task.finish::<Avx512>(queries, depth, memory.sums, memory.largest, memory.totals);
    }
}

impl Task<'_> {
    /// Takes in `count` keys from `block` on.
    ///
    /// # Safety
    /// As for `forward_block`; so do the others.
    #[inline(always)]
    unsafe fn tiled_block<'a>(
        &'a self,
        tiles: &Tiles,
        block: usize,
        count: usize,
        memory: &mut Memory,
        queue: &mut Queue<Weighing<'a>, EXACT>,
    ) {
        let channels = self.attention.depth;
        let source = |start, stride| Source { start, stride };
        let (k, v) = (
            stored(source(self.k, self.k_stride), true),
            stored(source(self.v, self.v_stride), false),
        );
        // SAFETY: as the caller vouches.
        unsafe {
            Splitting::<EXACT>::columns(k, (block, count), (0, channels), memory.k.as_mut_ptr())
                .run_all();
            Splitting::<EXACT>::columns(v, (0, channels), (block, count), memory.v.as_mut_ptr())
                .run_all();
            self.tiled_groups(tiles, (block, count), memory, queue);
        }
    }

    /// Takes in a block's keys, group by group of queries. While a group's scores and sums are multiplied, those of the next
    /// one and the one before become weights.
    #[inline(always)]
    unsafe fn tiled_groups<'a>(
        &'a self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        memory: &mut Memory,
        queue: &mut Queue<Weighing<'a>, EXACT>,
    ) {
        let visible = |group: usize| {
            let end = self.queries.min((group + 1) * GROUP);
            if self.attention.causal {
                count.min((self.first + end).saturating_sub(block))
            } else {
                count
            }
        };
        let groups = self.queries.div_ceil(GROUP);
        let first = (0..groups).find(|&group| visible(group) > 0);
        let Some(first) = first else { return };
        // SAFETY: as the caller vouches. What a chore reads and writes is left alone until it is complete.
        unsafe {
            self.tiled_scores(tiles, (first, visible(first)), memory, queue);
            let seen = |group| Seen {
                block,
                count,
                visible: visible(group),
            };
            let mut split = self.push_weights((first, seen(first)), memory, queue);
            for group in first..groups {
                let next = group + 1;
                if next < groups {
                    self.tiled_scores(tiles, (next, visible(next)), memory, queue);
                }
                queue.complete(split);
                if next < groups {
                    split = self.push_weights((next, seen(next)), memory, queue);
                }
                self.tiled_sums(tiles, (group, seen(group)), memory, queue);
            }
        }
    }

    #[inline(always)]
    unsafe fn tiled_scores(
        &self,
        tiles: &Tiles,
        (group, visible): (usize, usize),
        memory: &mut Memory,
        queue: &mut Queue<Weighing, EXACT>,
    ) {
        let keys = self.attention.block_keys();
        let [q, k] =
            [&*memory.q, &*memory.k].map(|of| Split::<EXACT>::new(of, self.attention.depth));
        let scores = memory.scores[group % 2].as_mut_ptr();
        for panel in (0..visible).step_by(GROUP) {
            let sums = Sums {
                start: scores.wrapping_add(panel),
                stride: keys,
                keep: false,
            };
            let range = (0, q.steps);
            // SAFETY: as the caller vouches; scores have whole groups of keys.
            unsafe { multiply(tiles, (q, group), (k, panel / GROUP), range, sums, queue) };
        }
    }

    /// Lets the scores of a group become weights and be split.
    #[inline(always)]
    unsafe fn push_weights<'a>(
        &'a self,
        (group, seen): (usize, Seen),
        memory: &mut Memory,
        queue: &mut Queue<Weighing<'a>, EXACT>,
    ) -> usize {
        let (keys, depth) = (self.attention.block_keys(), self.attention.padded_depth());
        let first = group * GROUP;
        let rows = GROUP.min(self.queries - first);
        let scores = memory.scores[group % 2].as_mut_ptr();
        let weighing = Weighing {
            task: self,
            first,
            seen,
            strides: [keys, depth],
            scores,
            terms: memory.terms.as_ptr(),
            sums: memory.sums[first * depth..].as_mut_ptr(),
            largest: memory.largest[first..].as_mut_ptr(),
            totals: memory.totals[first..].as_mut_ptr(),
        };
        let weights = Source {
            start: scores,
            stride: keys,
        };
        let target = memory.p[group % 2].as_mut_ptr();
        let splitting =
            Splitting::<EXACT>::rows(stored(weights, false), (0, rows), (0, seen.visible), target);
        // SAFETY: as the caller vouches.
        unsafe {
            queue.push(Chore::Rows(weighing, rows));
            queue.push(Chore::Split(splitting))
        }
    }

    #[inline(always)]
    unsafe fn tiled_sums(
        &self,
        tiles: &Tiles,
        (group, seen): (usize, Seen),
        memory: &mut Memory,
        queue: &mut Queue<Weighing, EXACT>,
    ) {
        let depth = self.attention.padded_depth();
        let v = Split::<EXACT>::new(memory.v, seen.count);
        let p = Split::<EXACT>::new(memory.p[group % 2], seen.visible);
        for channel in (0..depth).step_by(GROUP) {
            let sums = Sums {
                start: memory.sums[group * GROUP * depth + channel..].as_mut_ptr(),
                stride: depth,
                keep: true,
            };
            let range = (0, steps(seen.visible));
            // SAFETY: as the caller vouches; sums have whole groups of channels.
            unsafe { multiply(tiles, (p, 0), (v, channel / GROUP), range, sums, queue) };
        }
    }
}
