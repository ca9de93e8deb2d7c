//! The forward pass: each piece is a block of queries of one head, which walks over the blocks of keys.

use super::block::{Product, Sizes, Start, take};
use super::{Attention, Positions, Source, exp2_below_one, mask_terms, tiles};
use crate::gemm::block::next_rows;
use crate::gemm::pack::{Matrix, pack_columns, pack_rows};
use crate::level::dispatch;
use crate::simd::Simd;
use crate::workers::Parts;
use crate::{Level, Workers, math};
use std::ops::Range;

/// Keys of a block at most.
const KEYS: usize = 256;
/// Tiles of queries of a block at most.
const TILES: usize = 22;
/// Rows of the widest tile, at least.
const MOST_ROWS: usize = 16;

impl Attention {
    /// Writes `y` as `[batch, time, heads, depth]` and, if asked, what the backward pass needs: [`Self::log_sums`]
    /// floats. Where the mask of `[batch, source]` is 0 a key does not count; a query for which no key counts gets zeros.
    ///
    /// # Panics
    /// Where a slice is too short for the shape, or the scratch is.
    pub fn forward(
        &self,
        workers: &Workers,
        [q, k, v]: [Positions; 3],
        mask: Option<&[f32]>,
        y: &mut [f32],
        log_sums: Option<&mut [f32]>,
    ) {
        self.check(workers, [q, k, v], mask);
        let width = self.heads * self.depth;
        assert_eq!(y.len(), self.batch * self.time * width, "y of {self:?}");
        let wants_sums = log_sums.is_some();
        let log_sums = log_sums.unwrap_or_default();
        assert!(
            !wants_sums || log_sums.len() == self.log_sums(),
            "sums of {self:?}"
        );
        let level = workers.level();
        let sizes = self.forward_sizes(level);
        let blocks = self.time.div_ceil(sizes.queries);
        let [q, k, v] = [q, k, v].map(Source::new);
        let (y, log_sums) = (Parts::new(y), Parts::new(log_sums));
        let pieces = self.batch * self.heads * blocks;
        workers.run(pieces, &|piece, scratch| {
            let of = (&q, &k, &v);
            let inputs = |piece: usize| {
                let (pair, first) = (piece / blocks, piece % blocks * sizes.queries);
                let (sample, head) = (pair / self.heads, pair % self.heads);
                let (query, key) = (sample * self.time + first, sample * self.source);
                let channel = head / self.group() * self.depth;
                [
                    of.0.from(query, head * self.depth),
                    of.1.from(key, channel),
                    of.2.from(key, channel),
                ]
            };
            let (pair, block) = (piece / blocks, piece % blocks);
            let (sample, head) = (pair / self.heads, pair % self.heads);
            let first = block * sizes.queries;
            let query = sample * self.time + first;
            let kv = (sample * self.source, head / self.group() * self.depth);
            let [q, k, v] = inputs(piece);
            let next = (piece + 1 < pieces).then(|| inputs(piece + 1));
            let task = Task {
                attention: *self,
                sizes,
                q: q.start,
                q_stride: q.stride,
                k: k.start,
                k_stride: k.stride,
                v: v.start,
                v_stride: v.stride,
                mask: mask.map(|mask| &mask[kv.0..kv.0 + self.source]),
                y: y.pointer().wrapping_add(query * width + head * self.depth),
                y_stride: width,
                log_sums: if wants_sums {
                    log_sums.pointer().wrapping_add(pair * self.time + first)
                } else {
                    std::ptr::null_mut()
                },
                first,
                queries: sizes.queries.min(self.time - first),
                next,
            };
            // The pointers lie within slices that `check` and the assertions above have measured, and
            // pieces write different rows of different heads.
            if self.suits_tiles(level) {
                // SAFETY: as above; `check` has measured the scratch; `Workers` required the level, which has tiles.
                unsafe { tiles::forward::forward_block(&task, scratch) }
            } else {
                forward_block(level, &task, scratch);
            }
        });
    }

    fn forward_sizes(&self, level: Level) -> Sizes {
        let width = 2 * level.lanes();
        if self.suits_tiles(level) {
            return Sizes {
                width,
                keys: 0,
                queries: self.tiled_queries(),
                depth: 0,
            };
        }
        let blocks = self.time.div_ceil(TILES * level.tile_rows()).max(1);
        Sizes {
            width,
            keys: KEYS.min(self.source.next_multiple_of(width)).max(width),
            queries: self
                .time
                .div_ceil(blocks)
                .next_multiple_of(level.tile_rows())
                .max(1),
            depth: self.depth.next_multiple_of(level.lanes()),
        }
    }

    pub(super) fn forward_scratch(&self, level: Level) -> usize {
        if self.suits_tiles(level) {
            return self.tiled_forward_scratch();
        }
        let Sizes {
            keys,
            queries,
            depth,
            ..
        } = self.forward_sizes(level);
        let packed = queries * self.depth + MOST_ROWS + keys * (self.depth + depth);
        packed + queries * (depth + 2) + keys * (MOST_ROWS + 1)
    }
}

/// A block of queries of one head.
pub(super) struct Task<'a> {
    pub attention: Attention,
    sizes: Sizes,
    pub q: *const f32,
    pub q_stride: usize,
    pub k: *const f32,
    pub k_stride: usize,
    pub v: *const f32,
    pub v_stride: usize,
    pub mask: Option<&'a [f32]>,
    pub y: *mut f32,
    pub y_stride: usize,
    /// Where the queries, keys and values of the next block of queries begin.
    pub next: Option<[Source; 3]>,
    /// One float a query, or null.
    log_sums: *mut f32,
    /// The position of the first query.
    pub first: usize,
    pub queries: usize,
}

dispatch! {
    /// The task's pointers reach all that its sizes name, and nobody else writes where it does.
    fn forward_block(task: &Task, scratch: &mut [f32]) => forward_generic
}

/// The parts of a worker's scratch.
struct Memory<'a> {
    /// Queries, column by column in strips of the rows of a tile.
    q: &'a mut [f32],
    /// Keys, channel by channel in panels.
    k: &'a mut [f32],
    /// Values, padded to whole vectors.
    v: &'a mut [f32],
    /// Sums of weighted values of each query.
    sums: &'a mut [f32],
    /// The largest score of each query, and the sum of its weights.
    largest: &'a mut [f32],
    totals: &'a mut [f32],
    /// Scores, then weights, of a strip of queries.
    scores: &'a mut [f32],
    /// What the mask adds.
    terms: &'a mut [f32],
}

#[inline(always)]
fn forward_generic<V: Simd>(task: &Task, mut scratch: &mut [f32]) {
    let Sizes {
        keys,
        queries,
        depth,
        ..
    } = task.sizes;
    let channels = task.attention.depth;
    let rest = &mut scratch;
    let mut memory = Memory {
        k: take(rest, keys * channels),
        v: take(rest, keys * depth),
        sums: take(rest, queries * depth),
        scores: take(rest, keys * MOST_ROWS),
        q: take(rest, queries * channels + MOST_ROWS),
        largest: take(rest, queries),
        totals: take(rest, queries),
        terms: take(rest, keys),
    };
    memory.sums.fill(0.0);
    memory.largest.fill(f32::NEG_INFINITY);
    memory.totals.fill(0.0);
    // SAFETY: the task reaches all that its sizes name, and each part of the memory was cut to the sizes of a block.
    unsafe {
        task.pack_queries::<V>(memory.q);
        let source = task.attention.source;
        let end = if task.attention.causal {
            source.min(task.first + task.queries)
        } else {
            source
        };
        for block in (0..end).step_by(keys) {
            let mut count = keys.min(end - block);
            if let Some(mask) = task.mask {
                count = mask_terms(&mask[block..block + count], memory.terms);
            }
            let last = block + keys >= end;
            if count > 0 {
                task.block::<V>((block, count), last, &mut memory);
            } else if last {
                task.finish_rows::<V>(0..task.queries, &memory);
            }
        }
        if end == 0 {
            task.finish_rows::<V>(0..task.queries, &memory);
        }
    }
}

impl Task<'_> {
    /// # Safety
    /// As for `forward_block`; so do the others.
    #[inline(always)]
    unsafe fn pack_queries<V: Simd>(&self, packed: &mut [f32]) {
        let channels = self.attention.depth;
        let matrix = Matrix {
            start: self.q,
            stride: self.q_stride,
            transposed: false,
        };
        assert!(packed.len() >= self.queries * channels + V::LANES);
        let mut done = 0;
        while done < self.queries {
            let rows = next_rows::<V>(self.queries - done);
            // SAFETY: strips follow one another, within `packed` by the assertion above.
            unsafe {
                let to = packed.as_mut_ptr().add(done * channels);
                pack_rows::<V>(matrix, (done, 0), rows, channels, to);
            }
            done += rows;
        }
    }

    /// Takes in `count` keys from `block` on; after the `last` of them results are written strip by strip.
    #[inline(always)]
    unsafe fn block<V: Simd>(
        &self,
        (block, count): (usize, usize),
        last: bool,
        memory: &mut Memory,
    ) {
        let Sizes { width, depth, .. } = self.sizes;
        let channels = self.attention.depth;
        let keys = Matrix {
            start: self.k,
            stride: self.k_stride,
            transposed: true,
        };
        let values = Matrix {
            start: self.v,
            stride: self.v_stride,
            transposed: false,
        };
        for panel in (0..count).step_by(width) {
            let columns = width.min(count - panel);
            let to = &mut memory.k[panel * channels..(panel + width) * channels];
            // SAFETY: `to` was cut to the panel; the task has the keys of the block.
            unsafe {
                let to = to.as_mut_ptr();
                pack_columns::<V>(keys, (0, block + panel), channels, columns, width, to);
            }
        }
        assert!(memory.v.len() >= count * depth);
        // SAFETY: the assertion above; the task has the values of the block.
        unsafe {
            let to = memory.v.as_mut_ptr();
            pack_columns::<V>(values, (block, 0), count, channels, depth, to);
        }
        let mut done = 0;
        while done < self.queries {
            let rows = next_rows::<V>(self.queries - done);
            let position = self.first + done;
            let visible = if self.attention.causal {
                count.min((position + rows).saturating_sub(block))
            } else {
                count
            };
            if visible > 0 {
                // SAFETY: as the caller vouches.
                unsafe { self.strip::<V>((done, rows), (block, visible), memory) };
            }
            if last {
                // SAFETY: as the caller vouches.
                unsafe { self.finish_rows::<V>(done..done + rows, memory) };
            }
            done += rows;
        }
    }

    /// Takes in the `visible` first keys of a block for a strip of queries.
    #[inline(always)]
    unsafe fn strip<V: Simd>(
        &self,
        (done, rows): (usize, usize),
        (block, visible): (usize, usize),
        memory: &mut Memory,
    ) {
        let Sizes {
            width, keys, depth, ..
        } = self.sizes;
        let channels = self.attention.depth;
        let scores = memory.scores.as_mut_ptr();
        for panel in (0..visible).step_by(width) {
            let product = Product {
                a: memory.q[done * channels..].as_ptr(),
                a_stride: rows,
                b: memory.k[panel * channels..].as_ptr(),
                b_stride: width,
                depth: channels,
                c: scores.wrapping_add(panel),
                c_stride: keys,
                start: Start::Zero,
            };
            // SAFETY: `forward_generic` cut queries, keys and scores to blocks, of which this strip and this panel are parts.
            unsafe {
                product.run::<V, true>(
                    rows,
                    width.min((visible - panel).next_multiple_of(V::LANES)) / V::LANES,
                )
            };
        }
        let mut factors = [0.0; MOST_ROWS];
        for (row, factor) in factors.iter_mut().enumerate().take(rows) {
            // SAFETY: a row of scores, and the terms, have the keys of a block, which are whole vectors.
            *factor = unsafe {
                let scores = scores.add(row * keys);
                let largest = &mut memory.largest[done + row];
                let total = &mut memory.totals[done + row];
                let keys = (block, visible);
                let terms = memory.terms.as_ptr();
                self.weigh_keys::<V>(done + row, keys, scores, terms, largest, total)
            };
        }
        let product = Product {
            a: scores,
            a_stride: keys,
            b: memory.v.as_ptr(),
            b_stride: depth,
            depth: visible,
            c: memory.sums[done * depth..].as_mut_ptr(),
            c_stride: depth,
            start: Start::Scaled(factors.as_ptr()),
        };
        // SAFETY: as above; values and sums were cut to blocks of whole vectors.
        unsafe { product.run::<V, false>(rows, depth / V::LANES) };
    }

    /// [`weigh`] for one query and the `visible` first keys of a block.
    ///
    /// # Safety
    /// The row of scores and the terms hold whole vectors of the visible keys.
    #[inline(always)]
    pub(super) unsafe fn weigh_keys<V: Simd>(
        &self,
        query: usize,
        (block, visible): (usize, usize),
        scores: *mut f32,
        terms: *const f32,
        largest: &mut f32,
        total: &mut f32,
    ) -> f32 {
        let limit = if self.attention.causal {
            visible.min((self.first + query + 1).saturating_sub(block))
        } else {
            visible
        };
        let terms = match self.mask {
            Some(_) => terms,
            None => std::ptr::null(),
        };
        let scale = self.attention.scale_in_twos();
        // SAFETY: by the contract.
        unsafe { weigh::<V>(scores, terms, limit, visible, scale, largest, total) }
    }

    #[inline(always)]
    unsafe fn finish_rows<V: Simd>(&self, queries: Range<usize>, memory: &Memory) {
        let depth = self.sizes.depth;
        // SAFETY: as the caller vouches.
        unsafe {
            self.finish::<V>(queries, depth, memory.sums, memory.largest, memory.totals);
        }
    }

    /// Writes the results of some queries and the logarithms of their sums.
    #[inline(always)]
    pub(super) unsafe fn finish<V: Simd>(
        &self,
        queries: Range<usize>,
        depth: usize,
        sums: &[f32],
        largest: &[f32],
        totals: &[f32],
    ) {
        let channels = self.attention.depth;
        for query in queries.clone() {
            let total = totals[query];
            // A sum that is not a number must stay so.
            let factor = V::splat(if total == 0.0 { 0.0 } else { 1.0 / total });
            let sums = &sums[query * depth..(query + 1) * depth];
            for channel in (0..channels).step_by(V::LANES) {
                let count = V::LANES.min(channels - channel);
                let value = V::from_slice(&sums[channel..]) * factor;
                // SAFETY: `Attention::forward` has measured `y`, in which this query and head have `channels` floats.
                unsafe { value.store_partial(self.y.add(query * self.y_stride + channel), count) };
            }
        }
        if self.log_sums.is_null() {
            return;
        }
        for query in queries.clone().step_by(V::LANES) {
            let count = V::LANES.min(queries.end - query);
            let total = V::from_slice(&totals[query..query + count]);
            let largest = V::from_slice(&largest[query..query + count]);
            let logarithm = math::log(total) * V::splat(std::f32::consts::LOG2_E) + largest;
            let logarithm = V::zero().select(logarithm, total.eq(V::zero()));
            // SAFETY: `Attention::forward` has measured the sums, of which there is one a query.
            unsafe { logarithm.store_partial(self.log_sums.add(query), count) };
        }
    }
}

/// Turns the first `limit` scores of a row into weights and those up to `visible` into zeros; takes them into the
/// row's largest score and total, and returns the factor that older sums must be multiplied by.
#[inline(always)]
unsafe fn weigh<V: Simd>(
    scores: *mut f32,
    terms: *const f32,
    limit: usize,
    visible: usize,
    scale: f32,
    largest: &mut f32,
    total: &mut f32,
) -> f32 {
    let scale = V::splat(scale);
    let lowest = V::splat(f32::NEG_INFINITY);
    let whole = limit / V::LANES * V::LANES;
    let tail = V::mask_from_bits((1 << (limit - whole)) - 1);
    let mut most = [lowest; 2];
    // SAFETY: by the contract, whole vectors are there.
    unsafe {
        let mut at = 0;
        while at < limit {
            let mut score = V::load(scores.add(at)) * scale;
            if !terms.is_null() {
                score = score + V::load(terms.add(at));
            }
            if at == whole {
                score = score.select(lowest, tail);
            }
            score.store(scores.add(at));
            let stream = at / V::LANES % 2;
            most[stream] = score.max(most[stream]);
            at += V::LANES;
        }
        let newest = most[0].max(most[1]).reduce_max();
        let old = *largest;
        *largest = if newest > old { newest } else { old };
        let base = V::splat(if *largest == f32::NEG_INFINITY {
            0.0
        } else {
            *largest
        });
        let mut sums = [V::zero(); 2];
        at = 0;
        while at < limit {
            let weight = exp2_below_one(V::load(scores.add(at)) - base);
            weight.store(scores.add(at));
            let stream = at / V::LANES % 2;
            sums[stream] = sums[stream] + weight;
            at += V::LANES;
        }
        while at < visible {
            V::zero().store(scores.add(at));
            at += V::LANES;
        }
        let mut factor = [0.0];
        exp2_below_one(V::splat(old) - base).to_slice(&mut factor);
        *total = *total * factor[0] + (sums[0] + sums[1]).reduce_sum();
        factor[0]
    }
}
