//! The backward pass on tiles. The gradients of keys and values are summed with channels as rows, so that weights are split as
//! they lie, and turned when they are written.

use super::{Chore, Queue, Rows, Split, multiply, steps, stored};
use crate::{
    Precision,
    amx::{
        EXACT, GROUP, SHORT, STEP, TILE, Tiles, group_step,
        parts::{self, Splitting},
        product::{SUMS, Sums},
    },
    attention::{
        Attention, Source,
        backward::{Row, Target, Task},
        block::take,
        mask_terms,
    },
    simd::{Avx512, Simd},
};

/// Queries of a block at most.
const QUERIES: usize = 128;
const LANES: usize = Avx512::LANES;

impl Attention {
    fn block_queries(&self) -> usize {
        QUERIES.min(self.time.next_multiple_of(GROUP))
    }

    pub(in crate::attention) fn tiled_backward_scratch(&self) -> usize {
        let (queries, keys, depth) = (self.block_queries(), self.block_keys(), self.padded_depth());
        3 * parts::floats(EXACT, keys, depth)
            + 4 * parts::floats(EXACT, queries, depth)
            + 3 * parts::floats(EXACT, queries, keys)
            + 2 * depth * keys
            + queries * depth
            + WAITING * 2 * SUMS
            + keys
    }
}

/// The parts of a worker's scratch.
struct Memory<'a> {
    /// Split keys and values as columns, and keys as rows.
    k_columns: &'a mut [f32],
    v_columns: &'a mut [f32],
    k: &'a mut [f32],
    /// Split queries and gradients of results, as rows and with channels as rows.
    q: &'a mut [f32],
    dy: &'a mut [f32],
    q_turned: &'a mut [f32],
    dy_turned: &'a mut [f32],
    /// Split weights and gradients of scores, as columns, and the latter as rows.
    p: &'a mut [f32],
    ds: &'a mut [f32],
    ds_rows: &'a mut [f32],
    /// Sums of the gradients of keys and values, with channels as rows.
    dk: &'a mut [f32],
    dv: &'a mut [f32],
    dq: &'a mut [f32],
    /// Scores of some groups, and gradients of weights.
    scores: &'a mut [f32],
    /// What the mask adds.
    terms: &'a mut [f32],
    /// The chores that wait for the groups of scores, and how many there were.
    waiting: [usize; WAITING],
    next: usize,
}

/// A block of queries of a head, which meets a block of keys.
#[derive(Clone, Copy)]
struct Meeting {
    head: usize,
    /// The first query, and how many there are.
    first: usize,
    rows: usize,
}

/// Pairs of queries, sixteen apart as tiles want them, that are differentiated at a time.
const PAIRS: usize = 4;
/// Groups of scores that wait to be differentiated at most: they stay in the first-level cache.
const WAITING: usize = 3;

/// The scores of a group of queries and one of keys become weights, and gradients of weights those of scores; both are
/// split at once.
#[derive(Clone, Copy)]
struct Differentiating<'a, const PARTS: usize> {
    task: &'a Task<'a>,
    /// The first of the block, and how many count.
    keys: (usize, usize),
    meeting: Meeting,
    /// Queries of the block before this group, and keys.
    done: usize,
    panel: usize,
    scores: *const f32,
    flows: *const f32,
    terms: *const f32,
    /// Where the parts of weights and of gradients of scores go, as columns, and those of the latter as rows.
    p: *mut f32,
    ds: *mut f32,
    ds_rows: *mut f32,
}

impl<const PARTS: usize> Differentiating<'_, PARTS> {
    /// What is known of a query of the group.
    fn row(&self, row: usize) -> Option<Row> {
        let Meeting { head, first, rows } = self.meeting;
        let (block, count) = self.keys;
        let query = self.done + row;
        (query < rows).then(|| {
            let position = first + query;
            let limit = if self.task.attention.causal {
                count.min((position + 1).saturating_sub(block))
            } else {
                count
            };
            self.task.row((head, position), (limit, count), self.terms)
        })
    }
}

impl<const PARTS: usize> Rows for Differentiating<'_, PARTS> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
    unsafe fn run(&self, item: usize) {
        let zeros = [[Avx512::zero(); 2]; 2];
        for pair in item * PAIRS..(item + 1) * PAIRS {
            let (mut weights, mut flows) = (zeros, zeros);
            // SAFETY: `tiled_weights` took 32 rows of 32 scores and of flows, and parts of as many in whole groups.
            unsafe {
                for half in 0..2 {
                    let row = pair + half * LANES;
                    let Some(of) = self.row(row) else { continue };
                    for lanes in 0..2 {
                        let from = row * GROUP + lanes * LANES;
                        let score = Avx512::load(self.scores.add(from));
                        let flow = Avx512::load(self.flows.add(from));
                        (weights[half][lanes], flows[half][lanes]) =
                            of.differentiate(score, flow, self.panel + lanes * LANES);
                    }
                }
                let to = pair * LANES;
                for side in 0..2 {
                    let place = side * TILE + to;
                    parts::split::<PARTS>([weights[0][side], weights[1][side]], self.p.add(place));
                    parts::split::<PARTS>([flows[0][side], flows[1][side]], self.ds.add(place));
                    parts::split::<PARTS>(flows[side], self.ds_rows.add(place));
                }
            }
        }
    }
}

/// A range of the keys of one head.
///
/// # Safety
/// As for `backward_piece`, on a processor with tiles.
pub(in crate::attention) unsafe fn backward_piece(task: &Task, scratch: &mut [f32]) {
    // SAFETY: by the contract.
    unsafe {
        match task.attention.gradient_precision {
            Precision::Highest => backward_parts::<EXACT>(task, scratch),
            Precision::High => backward_parts::<SHORT>(task, scratch),
        }
    }
}

/// # Safety
/// As for [`backward_piece`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
unsafe fn backward_parts<const PARTS: usize>(task: &Task, mut scratch: &mut [f32]) {
    let attention = task.attention;
    let (queries, keys) = (attention.block_queries(), attention.block_keys());
    let depth = attention.padded_depth();
    let rest = &mut scratch;
    let mut memory = Memory {
        k_columns: take(rest, parts::floats(PARTS, keys, depth)),
        v_columns: take(rest, parts::floats(PARTS, keys, depth)),
        k: take(rest, parts::floats(PARTS, depth, keys)),
        q: take(rest, parts::floats(PARTS, queries, depth)),
        dy: take(rest, parts::floats(PARTS, queries, depth)),
        q_turned: take(rest, parts::floats(PARTS, depth, queries)),
        dy_turned: take(rest, parts::floats(PARTS, depth, queries)),
        p: take(rest, parts::floats(PARTS, keys, queries)),
        ds: take(rest, parts::floats(PARTS, keys, queries)),
        ds_rows: take(rest, parts::floats(PARTS, queries, keys)),
        dk: take(rest, depth * keys),
        dv: take(rest, depth * keys),
        dq: take(rest, queries * depth),
        scores: take(rest, WAITING * 2 * SUMS),
        terms: take(rest, keys),
        waiting: [0; WAITING],
        next: 0,
    };
    let tiles = Tiles::new();
    // SAFETY: the task reaches all that its sizes name, and each part of the memory was cut to the sizes of a block.
    unsafe {
        if !task.begins() {
            task.clear_queries();
        }
        for block in task.keys.clone().step_by(keys) {
            task.tiled_block::<PARTS>(&tiles, block, &mut memory);
        }
    }
}

impl Task<'_> {
    /// # Safety
    /// As for `backward_piece`; so do the others.
    #[inline(always)]
    unsafe fn tiled_block<const PARTS: usize>(
        &self,
        tiles: &Tiles,
        block: usize,
        memory: &mut Memory,
    ) {
        let Attention {
            time,
            causal,
            depth: channels,
            ..
        } = self.attention;
        let all = self.attention.block_keys().min(self.keys.end - block);
        let count = match self.mask {
            Some(mask) => mask_terms(&mask[block..block + all], memory.terms),
            None => all,
        };
        memory.dk.fill(0.0);
        memory.dv.fill(0.0);
        // SAFETY: as the caller vouches.
        unsafe {
            if count > 0 {
                let (turned, rows) = (stored(self.k, true), stored(self.k, false));
                let (keys, channels) = ((block, count), (0, channels));
                Splitting::<PARTS>::columns(turned, keys, channels, memory.k_columns.as_mut_ptr())
                    .run_all();
                let values = stored(self.v, true);
                Splitting::<PARTS>::columns(values, keys, channels, memory.v_columns.as_mut_ptr())
                    .run_all();
                Splitting::<PARTS>::columns(rows, channels, keys, memory.k.as_mut_ptr()).run_all();
                let begin = if causal { block.min(time) } else { 0 };
                let queries = self.attention.block_queries();
                let heads = 0..self.attention.group();
                let mut meetings = heads.flat_map(|head| {
                    let firsts = (begin..time).step_by(queries);
                    firsts.map(move |first| Meeting {
                        head,
                        first,
                        rows: queries.min(time - first),
                    })
                });
                let mut queue = Queue::<_, PARTS>::new(self.attention.depth);
                memory.waiting = [0; WAITING];
                let mut meeting = meetings.next();
                if let Some(first) = meeting {
                    self.push_queries(first, memory, &mut queue);
                }
                while let Some(now) = meeting {
                    meeting = meetings.next();
                    self.tiled_meet(tiles, (block, count), (now, meeting), memory, &mut queue);
                }
            }
            if count == 0 && block == 0 {
                self.clear_queries();
            }
            self.write_turned((block, all), memory);
        }
    }

    /// Splits a block of queries, and the gradients of their results.
    #[inline(always)]
    unsafe fn push_queries<'a, const PARTS: usize>(
        &self,
        meeting: Meeting,
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a, PARTS>, PARTS>,
    ) {
        for (source, target) in [(self.q, &mut memory.q), (self.dy, &mut memory.dy)] {
            let matrix = stored(self.of(source, meeting), false);
            let (lines, depth) = ((0, meeting.rows), (0, self.attention.depth));
            let splitting = Splitting::<PARTS>::rows(matrix, lines, depth, target.as_mut_ptr());
            // SAFETY: as the caller vouches.
            unsafe { queue.push(Chore::Split(splitting)) };
        }
    }

    /// The same with channels as rows.
    #[inline(always)]
    unsafe fn push_turned<'a, const PARTS: usize>(
        &self,
        meeting: Meeting,
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a, PARTS>, PARTS>,
    ) {
        for (source, target) in [
            (self.q, &mut memory.q_turned),
            (self.dy, &mut memory.dy_turned),
        ] {
            let matrix = stored(self.of(source, meeting), true);
            let (lines, depth) = ((0, self.attention.depth), (0, meeting.rows));
            let splitting = Splitting::<PARTS>::rows(matrix, lines, depth, target.as_mut_ptr());
            // SAFETY: as the caller vouches.
            unsafe { queue.push(Chore::Split(splitting)) };
        }
    }

    fn of(&self, source: Source, Meeting { head, first, .. }: Meeting) -> Source {
        source.from(first, head * self.attention.depth)
    }

    /// Fetches what the meeting will write, and the next one read.
    fn fetch<const PARTS: usize>(
        &self,
        block: usize,
        (meeting, next): (Meeting, Option<Meeting>),
        count: usize,
        queue: &mut Queue<Differentiating<PARTS>, PARTS>,
    ) {
        let Attention { time, depth, .. } = self.attention;
        let (keys, queries) = (self.attention.block_keys(), self.attention.block_queries());
        let dq = self.dq.at(meeting.first, meeting.head * depth);
        queue.fetch(dq.source(), meeting.rows, true);
        if let Some(next) = next {
            queue.fetch(self.of(self.q, next), next.rows, false);
            queue.fetch(self.of(self.dy, next), next.rows, false);
            return;
        }
        queue.fetch(self.dk.at(block, 0).source(), count, true);
        queue.fetch(self.dv.at(block, 0).source(), count, true);
        if block + keys < self.keys.end {
            let rows = keys.min(self.keys.end - block - keys);
            queue.fetch(self.k.from(block + keys, 0), rows, false);
            queue.fetch(self.v.from(block + keys, 0), rows, false);
        } else if let Some([k, v, q, dy]) = self.next {
            for rows in [k, v] {
                queue.fetch(rows, keys.min(self.attention.source), false);
            }
            for rows in [q, dy] {
                queue.fetch(rows, queries.min(time), false);
            }
        }
    }

    /// The share of one block of keys and one block of queries, which are split already or will be soon. Meanwhile the
    /// queries of the next meeting are split.
    #[inline(always)]
    unsafe fn tiled_meet<'a, const PARTS: usize>(
        &'a self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        (meeting, next): (Meeting, Option<Meeting>),
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a, PARTS>, PARTS>,
    ) {
        let depth = self.attention.padded_depth();
        let Meeting { head, first, rows } = meeting;
        let visible = |done: usize| {
            if self.attention.causal {
                count.min((first + rows.min(done + GROUP)).saturating_sub(block))
            } else {
                count
            }
        };
        // SAFETY: as the caller vouches. What a chore reads and writes is left alone until it is complete.
        unsafe {
            queue.complete_all();
            self.fetch(block, (meeting, next), count, queue);
            self.push_turned(meeting, memory, queue);
            for done in (0..rows).step_by(GROUP) {
                for panel in (0..visible(done)).step_by(GROUP) {
                    self.tiled_weights(
                        tiles,
                        (block, count),
                        (meeting, done, panel),
                        memory,
                        queue,
                    );
                }
            }
            queue.complete_all();
            if let Some(next) = next {
                self.push_queries(next, memory, queue);
            }
            self.tiled_queries(tiles, rows, count, visible, memory, queue);
            self.tiled_keys(tiles, (block, count), (first, rows), memory, queue);
            self.write_queries::<Avx512>(block, (head, first, rows), memory.dq, depth);
        }
    }

    /// Scores and gradients of weights of a group of queries and one of keys, which will be differentiated soon.
    #[inline(always)]
    unsafe fn tiled_weights<'a, const PARTS: usize>(
        &'a self,
        tiles: &Tiles,
        keys: (usize, usize),
        (meeting, done, panel): (Meeting, usize, usize),
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a, PARTS>, PARTS>,
    ) {
        let split = |of: &[f32]| Split::<PARTS>::new(of, self.attention.depth);
        let slot = memory.next % WAITING;
        let scores = memory.scores[slot * 2 * SUMS..].as_mut_ptr();
        let flows = scores.wrapping_add(SUMS);
        // SAFETY: `backward_parts` cut whole groups of queries and keys; the first line completes what waits for this slot.
        unsafe {
            queue.complete(memory.waiting[slot]);
            for (a, b, start) in [
                (&memory.q, &memory.k_columns, scores),
                (&memory.dy, &memory.v_columns, flows),
            ] {
                let (a, b) = (split(a), split(b));
                let sums = Sums {
                    start,
                    stride: GROUP,
                    keep: false,
                };
                let (groups, range) = ((done / GROUP, panel / GROUP), (0, a.steps));
                multiply(tiles, (a, groups.0), (b, groups.1), range, sums, queue);
            }
            // Queries are the depth of the products that want columns.
            let columns = panel / GROUP * parts::floats(PARTS, GROUP, meeting.rows)
                + done / STEP * group_step(PARTS);
            let rows = done / GROUP * parts::floats(PARTS, GROUP, keys.1)
                + panel / STEP * group_step(PARTS);
            let differentiating = Differentiating {
                task: self,
                keys,
                meeting,
                done,
                panel,
                scores,
                flows,
                terms: memory.terms.as_ptr(),
                p: memory.p[columns..].as_mut_ptr(),
                ds: memory.ds[columns..].as_mut_ptr(),
                ds_rows: memory.ds_rows[rows..].as_mut_ptr(),
            };
            memory.waiting[slot] = queue.push(Chore::Rows(differentiating, LANES / PAIRS));
        }
        memory.next += 1;
    }

    /// dQ = dS K for a block of queries.
    #[inline(always)]
    unsafe fn tiled_queries<const PARTS: usize>(
        &self,
        tiles: &Tiles,
        rows: usize,
        count: usize,
        visible: impl Fn(usize) -> usize,
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<PARTS>, PARTS>,
    ) {
        let depth = self.attention.padded_depth();
        let (ds, k) = (
            Split::<PARTS>::new(memory.ds_rows, count),
            Split::<PARTS>::new(memory.k, count),
        );
        for done in (0..rows).step_by(GROUP) {
            for channel in (0..depth).step_by(GROUP) {
                let sums = Sums {
                    start: memory.dq[done * depth + channel..].as_mut_ptr(),
                    stride: depth,
                    keep: false,
                };
                let (group, range) = (done / GROUP, (0, steps(visible(done))));
                // SAFETY: whole groups of queries and channels are there.
                unsafe { multiply(tiles, (ds, group), (k, channel / GROUP), range, sums, queue) };
            }
        }
    }

    /// dKᵀ += Qᵀ dS and dVᵀ += dyᵀ P.
    #[inline(always)]
    unsafe fn tiled_keys<const PARTS: usize>(
        &self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        (first, rows): (usize, usize),
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<PARTS>, PARTS>,
    ) {
        let (keys, depth) = (self.attention.block_keys(), self.attention.padded_depth());
        for (a, b, to) in [
            (&memory.q_turned, &memory.ds, &mut memory.dk),
            (&memory.dy_turned, &memory.p, &mut memory.dv),
        ] {
            let (a, b) = (Split::<PARTS>::new(a, rows), Split::<PARTS>::new(b, rows));
            for panel in (0..count).step_by(GROUP) {
                // Queries before the first key of the group see none of it.
                let skipped = if self.attention.causal {
                    (block + panel).saturating_sub(first) / STEP
                } else {
                    0
                };
                if skipped >= a.steps {
                    continue;
                }
                for channel in (0..depth).step_by(GROUP) {
                    let sums = Sums {
                        start: to[channel * keys + panel..].as_mut_ptr(),
                        stride: keys,
                        keep: true,
                    };
                    let range = (skipped, a.steps - skipped);
                    let groups = (channel / GROUP, panel / GROUP);
                    // SAFETY: whole groups of channels and keys are there.
                    unsafe { multiply(tiles, (a, groups.0), (b, groups.1), range, sums, queue) };
                }
            }
        }
    }

    /// Writes the gradients of a block's keys and values, keys as rows.
    #[inline(always)]
    unsafe fn write_turned(&self, (block, count): (usize, usize), memory: &Memory) {
        let scale = self.attention.scale;
        for (target, sums, factor) in [(self.dk, &memory.dk, scale), (self.dv, &memory.dv, 1.0)] {
            for key in (0..count).step_by(LANES) {
                let rows = LANES.min(count - key);
                for channel in (0..self.attention.depth).step_by(LANES) {
                    let columns = LANES.min(self.attention.depth - channel);
                    let from = &sums[channel * self.attention.block_keys() + key..];
                    // SAFETY: this piece's own keys; sums have whole groups of both.
                    unsafe {
                        let to = target.at(block + key, channel);
                        self.turn(from, to, (rows, columns), factor);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn turn(&self, from: &[f32], to: Target, (rows, columns): (usize, usize), factor: f32) {
        let mut square = [0.0; LANES * LANES];
        let stride = self.attention.block_keys();
        // SAFETY: as the caller vouches.
        unsafe {
            Avx512::transpose(
                from.as_ptr(),
                stride,
                columns,
                LANES,
                square.as_mut_ptr(),
                LANES,
            );
            for (row, line) in square.chunks_exact(LANES).enumerate().take(rows) {
                let line = Avx512::from_slice(line) * Avx512::splat(factor);
                line.store_partial(to.at(row, 0).start, columns);
            }
        }
    }
}
