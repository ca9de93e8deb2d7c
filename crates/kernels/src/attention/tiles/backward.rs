//! The backward pass on tiles. The gradients of keys and values are summed with channels as rows, so that weights are split as
//! they lie, and turned when they are written.

use super::{Chore, Queue, Rows, Split, multiply, steps, stored};
use crate::{
    amx::{
        GROUP, GROUP_STEP, STEP, Tiles,
        parts::{self, Splitting},
        product::Sums,
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
        3 * parts::floats(keys, depth)
            + 4 * parts::floats(queries, depth)
            + 3 * parts::floats(queries, keys)
            + 2 * depth * keys
            + queries * (depth + 2 * keys)
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
    /// Scores, then weights.
    weights: &'a mut [f32],
    /// Gradients of weights, then of scores.
    flows: &'a mut [f32],
    /// What the mask adds.
    terms: &'a mut [f32],
}

/// A block of queries of a head, which meets a block of keys.
#[derive(Clone, Copy)]
struct Meeting {
    head: usize,
    /// The first query, and how many there are.
    first: usize,
    rows: usize,
}

/// A group of queries whose scores become weights, and gradients of weights those of scores.
#[derive(Clone, Copy)]
struct Differentiating<'a> {
    task: &'a Task<'a>,
    /// The first of the block, and how many count.
    keys: (usize, usize),
    meeting: Meeting,
    /// Queries before this group.
    done: usize,
    /// Floats from one row of weights to the next.
    stride: usize,
    weights: *mut f32,
    flows: *mut f32,
    terms: *const f32,
}

impl Rows for Differentiating<'_> {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
    unsafe fn run(&self, row: usize) {
        let Meeting { head, first, .. } = self.meeting;
        let (block, count) = self.keys;
        let position = first + self.done + row;
        let limit = if self.task.attention.causal {
            count.min((position + 1).saturating_sub(block))
        } else {
            count
        };
        let of: Row = self.task.row((head, position), (limit, count), self.terms);
        let start = row * self.stride;
        // SAFETY: rows have whole vectors for `count` keys.
        unsafe { of.differentiate::<Avx512>(self.weights.add(start), self.flows.add(start)) };
    }
}

/// A range of the keys of one head.
///
/// # Safety
/// As for `backward_piece`, on a processor with tiles.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
pub(in crate::attention) unsafe fn backward_piece(task: &Task, mut scratch: &mut [f32]) {
    let attention = task.attention;
    let (queries, keys) = (attention.block_queries(), attention.block_keys());
    let depth = attention.padded_depth();
    let rest = &mut scratch;
    let mut memory = Memory {
        k_columns: take(rest, parts::floats(keys, depth)),
        v_columns: take(rest, parts::floats(keys, depth)),
        k: take(rest, parts::floats(depth, keys)),
        q: take(rest, parts::floats(queries, depth)),
        dy: take(rest, parts::floats(queries, depth)),
        q_turned: take(rest, parts::floats(depth, queries)),
        dy_turned: take(rest, parts::floats(depth, queries)),
        p: take(rest, parts::floats(keys, queries)),
        ds: take(rest, parts::floats(keys, queries)),
        ds_rows: take(rest, parts::floats(queries, keys)),
        dk: take(rest, depth * keys),
        dv: take(rest, depth * keys),
        dq: take(rest, queries * depth),
        weights: take(rest, queries * keys),
        flows: take(rest, queries * keys),
        terms: take(rest, keys),
    };
    let tiles = Tiles::new();
    // SAFETY: the task reaches all that its sizes name, and the memory was sized for it.
    unsafe {
        task.clear_queries();
        for block in task.keys.clone().step_by(keys) {
            task.tiled_block(&tiles, block, &mut memory);
        }
    }
}

impl Task<'_> {
    /// # Safety
    /// As for `backward_piece`; so do the others.
    #[inline(always)]
    unsafe fn tiled_block(&self, tiles: &Tiles, block: usize, memory: &mut Memory) {
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
                Splitting::columns(turned, keys, channels, memory.k_columns.as_mut_ptr()).run_all();
                let values = stored(self.v, true);
                Splitting::columns(values, keys, channels, memory.v_columns.as_mut_ptr()).run_all();
                Splitting::columns(rows, channels, keys, memory.k.as_mut_ptr()).run_all();
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
                let mut queue = Queue::new();
                let mut meeting = meetings.next();
                if let Some(first) = meeting {
                    self.push_queries(first, memory, &mut queue);
                }
                while let Some(now) = meeting {
                    meeting = meetings.next();
                    self.tiled_meet(tiles, (block, count), (now, meeting), memory, &mut queue);
                }
            }
            self.write_turned((block, all), memory);
        }
    }

    /// Splits a block of queries, and the gradients of their results.
    #[inline(always)]
    unsafe fn push_queries<'a>(
        &self,
        meeting: Meeting,
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a>>,
    ) {
        for (source, target) in [(self.q, &mut memory.q), (self.dy, &mut memory.dy)] {
            let matrix = stored(self.of(source, meeting), false);
            let (lines, depth) = ((0, meeting.rows), (0, self.attention.depth));
            let splitting = Splitting::rows(matrix, lines, depth, target.as_mut_ptr());
            // SAFETY: as the caller vouches.
            unsafe { queue.push(Chore::Split(splitting)) };
        }
    }

    /// The same with channels as rows.
    #[inline(always)]
    unsafe fn push_turned<'a>(
        &self,
        meeting: Meeting,
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a>>,
    ) {
        for (source, target) in [
            (self.q, &mut memory.q_turned),
            (self.dy, &mut memory.dy_turned),
        ] {
            let matrix = stored(self.of(source, meeting), true);
            let (lines, depth) = ((0, self.attention.depth), (0, meeting.rows));
            let splitting = Splitting::rows(matrix, lines, depth, target.as_mut_ptr());
            // SAFETY: as the caller vouches.
            unsafe { queue.push(Chore::Split(splitting)) };
        }
    }

    fn of(&self, source: Source, Meeting { head, first, .. }: Meeting) -> Source {
        Source {
            start: source.at(first, head * self.attention.depth),
            ..source
        }
    }

    /// The share of one block of keys and one block of queries, which are split already or will be soon. Meanwhile the
    /// queries of the next meeting are split.
    #[inline(always)]
    unsafe fn tiled_meet<'a>(
        &'a self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        (meeting, next): (Meeting, Option<Meeting>),
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a>>,
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
            self.push_turned(meeting, memory, queue);
            for done in (0..rows).step_by(GROUP) {
                self.tiled_weights(tiles, (done, visible(done)), memory, queue);
                self.push_weights((block, count), (meeting, done), memory, queue);
            }
            queue.complete_all();
            if let Some(next) = next {
                self.push_queries(next, memory, queue);
            }
            self.tiled_queries(tiles, rows, count, visible, memory, queue);
            self.tiled_keys(tiles, (block, count), (first, rows), memory, queue);
            self.add_queries::<Avx512>((head, first, rows), memory.dq, depth);
        }
    }

    /// Scores and gradients of weights of a group of queries for a block of keys.
    #[inline(always)]
    unsafe fn tiled_weights(
        &self,
        tiles: &Tiles,
        (done, visible): (usize, usize),
        memory: &mut Memory,
        queue: &mut Queue<Differentiating>,
    ) {
        let keys = self.attention.block_keys();
        let split = |of: &[f32]| Split::new(of, self.attention.depth);
        for (a, b, to) in [
            (&memory.q, &memory.k_columns, &mut memory.weights),
            (&memory.dy, &memory.v_columns, &mut memory.flows),
        ] {
            let (a, b) = (split(a), split(b));
            let to = to[done * keys..].as_mut_ptr();
            for panel in (0..visible).step_by(GROUP) {
                let sums = Sums {
                    start: to.wrapping_add(panel),
                    stride: keys,
                    keep: false,
                };
                let (group, range) = (done / GROUP, (0, a.steps));
                // SAFETY: whole groups of queries and keys are there.
                unsafe { multiply(tiles, (a, group), (b, panel / GROUP), range, sums, queue) };
            }
        }
    }

    /// Lets the scores of a group of queries become weights and gradients of scores, and these be split.
    #[inline(always)]
    unsafe fn push_weights<'a>(
        &'a self,
        keys: (usize, usize),
        (meeting, done): (Meeting, usize),
        memory: &mut Memory,
        queue: &mut Queue<Differentiating<'a>>,
    ) {
        let stride = self.attention.block_keys();
        let (count, all) = (keys.1, meeting.rows);
        let rows = GROUP.min(all - done);
        let differentiating = Differentiating {
            task: self,
            keys,
            meeting,
            done,
            stride,
            weights: memory.weights[done * stride..].as_mut_ptr(),
            flows: memory.flows[done * stride..].as_mut_ptr(),
            terms: memory.terms.as_ptr(),
        };
        let of = |start: *mut f32| Source { start, stride };
        let step = done / STEP * GROUP_STEP;
        // Queries are the depth of the products that want columns.
        let columns = |of: Source, target: &mut [f32]| Splitting {
            stride: parts::floats(GROUP, all),
            ..Splitting::columns(
                stored(of, false),
                (0, count),
                (0, rows),
                target[step..].as_mut_ptr(),
            )
        };
        let (weights, flows) = (of(differentiating.weights), of(differentiating.flows));
        let room = parts::floats(GROUP, count);
        let target = memory.ds_rows[done / GROUP * room..].as_mut_ptr();
        let as_rows = Splitting::rows(stored(flows, false), (0, rows), (0, count), target);
        // SAFETY: as the caller vouches.
        unsafe {
            queue.push(Chore::Rows(differentiating, rows));
            queue.push(Chore::Split(columns(weights, memory.p)));
            queue.push(Chore::Split(columns(flows, memory.ds)));
            queue.push(Chore::Split(as_rows));
        }
    }

    /// dQ = dS K for a block of queries.
    #[inline(always)]
    unsafe fn tiled_queries(
        &self,
        tiles: &Tiles,
        rows: usize,
        count: usize,
        visible: impl Fn(usize) -> usize,
        memory: &mut Memory,
        queue: &mut Queue<Differentiating>,
    ) {
        let depth = self.attention.padded_depth();
        let (ds, k) = (
            Split::new(memory.ds_rows, count),
            Split::new(memory.k, count),
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
    unsafe fn tiled_keys(
        &self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        (first, rows): (usize, usize),
        memory: &mut Memory,
        queue: &mut Queue<Differentiating>,
    ) {
        let (keys, depth) = (self.attention.block_keys(), self.attention.padded_depth());
        for (a, b, to) in [
            (&memory.q_turned, &memory.ds, &mut memory.dk),
            (&memory.dy_turned, &memory.p, &mut memory.dv),
        ] {
            let (a, b) = (Split::new(a, rows), Split::new(b, rows));
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
