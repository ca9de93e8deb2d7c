//! The backward pass on tiles. The gradients of keys and values are summed with channels as rows, so that weights are split as
//! they lie, and turned when they are written.

use super::{Split, multiply, steps, stored};
use crate::{
    amx::{GROUP, STEP, Tiles, parts, product::Sums},
    attention::{
        Attention, Source,
        backward::{Target, Task},
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
                let size = (channels, count);
                parts::split_columns(turned, (0, block), size, memory.k_columns.as_mut_ptr());
                let values = stored(self.v, true);
                parts::split_columns(values, (0, block), size, memory.v_columns.as_mut_ptr());
                let size = (count, channels);
                parts::split_columns(rows, (block, 0), size, memory.k.as_mut_ptr());
                let begin = if causal { block.min(time) } else { 0 };
                let queries = self.attention.block_queries();
                for head in 0..self.attention.group() {
                    for first in (begin..time).step_by(queries) {
                        let rows = queries.min(time - first);
                        self.tiled_meet(tiles, (block, count), (head, first, rows), memory);
                    }
                }
            }
            self.write_turned((block, all), memory);
        }
    }

    /// The share of one block of keys and one block of queries.
    #[inline(always)]
    unsafe fn tiled_meet(
        &self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        (head, first, rows): (usize, usize, usize),
        memory: &mut Memory,
    ) {
        let (keys, depth) = (self.attention.block_keys(), self.attention.padded_depth());
        let channels = self.attention.depth;
        // SAFETY: as the caller vouches.
        unsafe {
            for (source, straight, turned) in [
                (self.q, &mut memory.q, &mut memory.q_turned),
                (self.dy, &mut memory.dy, &mut memory.dy_turned),
            ] {
                let source = Source {
                    start: source.at(first, head * channels),
                    ..source
                };
                let (rows_of, columns_of) = (stored(source, false), stored(source, true));
                parts::split_rows(rows_of, (0, 0), (rows, channels), straight.as_mut_ptr());
                parts::split_rows(columns_of, (0, 0), (channels, rows), turned.as_mut_ptr());
            }
            for done in (0..rows).step_by(GROUP) {
                let queries = (first + done, GROUP.min(rows - done));
                self.tiled_weights(tiles, (block, count), (head, done, queries), memory);
            }
            let of = |values: &[f32]| Source {
                start: values.as_ptr(),
                stride: keys,
            };
            let (weights, flows) = (
                stored(of(memory.weights), false),
                stored(of(memory.flows), false),
            );
            parts::split_columns(weights, (0, 0), (rows, count), memory.p.as_mut_ptr());
            parts::split_columns(flows, (0, 0), (rows, count), memory.ds.as_mut_ptr());
            parts::split_rows(flows, (0, 0), (rows, count), memory.ds_rows.as_mut_ptr());
            self.tiled_queries(tiles, (block, count), (first, rows), memory);
            self.tiled_keys(tiles, (block, count), (first, rows), memory);
            self.add_queries::<Avx512>((head, first, rows), memory.dq, depth);
        }
    }

    /// Weights and gradients of scores of a group of queries for a block of keys.
    #[inline(always)]
    unsafe fn tiled_weights(
        &self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        (head, done, (position, rows)): (usize, usize, (usize, usize)),
        memory: &mut Memory,
    ) {
        let keys = self.attention.block_keys();
        let causal = self.attention.causal;
        let visible = if causal {
            count.min(position + rows - block)
        } else {
            count
        };
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
                // SAFETY: whole groups of queries and keys are there.
                unsafe {
                    multiply(
                        tiles,
                        (a, done / GROUP),
                        (b, panel / GROUP),
                        (0, a.steps),
                        sums,
                    );
                }
            }
        }
        for row in 0..rows {
            let limit = if causal {
                visible.min(position + row + 1 - block)
            } else {
                visible
            };
            let weights = memory.weights[(done + row) * keys..].as_mut_ptr();
            let flows = memory.flows[(done + row) * keys..].as_mut_ptr();
            let row = self.row((head, position + row), (limit, count), memory.terms);
            // SAFETY: rows have whole vectors for `count` keys.
            unsafe { row.differentiate::<Avx512>(weights, flows) };
        }
    }

    /// dQ = dS K for a block of queries.
    #[inline(always)]
    unsafe fn tiled_queries(
        &self,
        tiles: &Tiles,
        (block, count): (usize, usize),
        (first, rows): (usize, usize),
        memory: &mut Memory,
    ) {
        let depth = self.attention.padded_depth();
        let (ds, k) = (
            Split::new(memory.ds_rows, count),
            Split::new(memory.k, count),
        );
        for done in (0..rows).step_by(GROUP) {
            let visible = if self.attention.causal {
                count.min((first + done + GROUP).saturating_sub(block))
            } else {
                count
            };
            for channel in (0..depth).step_by(GROUP) {
                let sums = Sums {
                    start: memory.dq[done * depth + channel..].as_mut_ptr(),
                    stride: depth,
                    keep: false,
                };
                let range = (0, steps(visible));
                // SAFETY: whole groups of queries and channels are there.
                unsafe { multiply(tiles, (ds, done / GROUP), (k, channel / GROUP), range, sums) };
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
                    // SAFETY: whole groups of channels and keys are there.
                    unsafe {
                        multiply(tiles, (a, channel / GROUP), (b, panel / GROUP), range, sums)
                    };
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
