//! The backward pass: each piece is one key head and a range of keys, whose blocks meet all blocks of queries that see
//! them. With P the weights and D = Σ dy · y of each query: dV = Pᵀ dy, dS = P · (dy Vᵀ − D), dQ = dS K, dK = dSᵀ Q.

use super::block::{Product, Sizes, Start, take};
use super::{Attention, Positions, Source, dot_products, exp2_below_one, mask_terms, tiles};
use crate::gemm::block::next_rows;
use crate::gemm::pack::{Matrix, pack_columns};
use crate::level::dispatch;
use crate::simd::Simd;
use crate::workers::Parts;
use crate::{Level, Workers, chunks, elementwise, sizes::floats};

/// Keys of a block at most.
const KEYS: usize = 256;
/// Queries of a block at most: whole tiles at every level.
const QUERIES: usize = 96;
/// Pieces aimed at.
const PIECES: usize = 8;
/// Keys worth a piece of their own.
const WORTH_A_PIECE: usize = 512;

/// Where the gradients of queries, keys and values go.
pub enum Targets<'a> {
    /// Into slices of their own, `[batch, positions, heads, depth]`.
    Apart([&'a mut [f32]; 3]),
    /// Into rows of one slice that are `stride` floats apart, at these offsets; time and source are the same.
    Together {
        /// The floats.
        values: &'a mut [f32],
        /// Where the first row of each begins.
        offsets: [usize; 3],
        /// Floats from one row to the next.
        stride: usize,
    },
}

/// What a forward pass took and gave, which its gradients need.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// Queries, keys and values.
    pub qkv: [Positions<'a>; 3],
    /// Which keys count, if not all do.
    pub mask: Option<&'a [f32]>,
    /// The result.
    pub y: &'a [f32],
    /// The logarithms of the sums of each row.
    pub log_sums: &'a [f32],
}

impl Attention {
    /// Floats of temporary memory that [`Self::backward`] takes as `shared`.
    ///
    /// # Panics
    /// As [`Self::scratch`].
    pub fn backward_shared(&self) -> usize {
        self.check_sizes();
        let chunks = self.chunks();
        let copies = if chunks > 1 { chunks } else { 0 };
        self.log_sums() + copies * self.query_floats()
    }

    /// Writes the gradients of q, k and v from what went into and came out of [`Self::forward`], and the gradient `dy`
    /// of its result.
    ///
    /// # Panics
    /// Where a slice is too short for the shape, or the scratch is.
    pub fn backward(
        &self,
        workers: &Workers,
        forward: Forward<'_>,
        dy: &[f32],
        targets: Targets,
        shared: &mut [f32],
    ) {
        let Forward {
            qkv: [q, k, v],
            mask,
            y,
            log_sums,
        } = forward;
        self.check(workers, [q, k, v], mask);
        assert!(
            y.len() == self.query_floats() && dy.len() == y.len(),
            "results of {self:?}"
        );
        assert_eq!(log_sums.len(), self.log_sums(), "sums of {self:?}");
        let chunks = self.chunks();
        let (products, copies) = shared[..self.backward_shared()].split_at_mut(self.log_sums());
        self.products(workers, y, dy, products);
        let [dq, dk, dv] = self.places(targets);
        let width = self.heads * self.depth;
        let own = if chunks > 1 {
            let start = copies.as_mut_ptr();
            Target {
                start,
                stride: width,
            }
        } else {
            dq
        };
        let level = workers.level();
        let sizes = self.backward_sizes(level);
        let [q, k, v] = [q, k, v].map(Source::new);
        let dy = Source {
            start: dy.as_ptr(),
            stride: width,
        };
        let step = self.source.div_ceil(chunks).next_multiple_of(sizes.keys);
        let products = &*products;
        let pieces = self.batch * self.kv_heads * chunks;
        workers.run(pieces, &|piece, scratch| {
            let (q, k, v, dy, own, dk, dv) = (&q, &k, &v, &dy, &own, &dk, &dv);
            let inputs = |piece: usize| {
                let (pair, first) = (piece / chunks, piece % chunks * step);
                let (sample, kv_head) = (pair / self.kv_heads, pair % self.kv_heads);
                let begin = if self.causal { first.min(self.time) } else { 0 };
                let (key, query) = (sample * self.source + first, sample * self.time + begin);
                let channel = kv_head * self.depth;
                let head = channel * self.group();
                [
                    k.from(key, channel),
                    v.from(key, channel),
                    q.from(query, head),
                    dy.from(query, head),
                ]
            };
            let (pair, chunk) = (piece / chunks, piece % chunks);
            let (sample, kv_head) = (pair / self.kv_heads, pair % self.kv_heads);
            let (query, key) = (sample * self.time, sample * self.source);
            let channel = kv_head * self.depth;
            let head = kv_head * self.group();
            let sums = (sample * self.heads + head) * self.time;
            let copy = if chunks > 1 {
                chunk * self.query_floats()
            } else {
                0
            };
            let task = Task {
                attention: *self,
                sizes,
                q: q.from(query, head * self.depth),
                k: k.from(key, channel),
                v: v.from(key, channel),
                dy: dy.from(query, head * self.depth),
                mask: mask.map(|mask| &mask[key..key + self.source]),
                log_sums: &log_sums[sums..sums + self.group() * self.time],
                products: &products[sums..sums + self.group() * self.time],
                dq: own.at(query, copy + head * self.depth),
                dk: dk.at(key, channel),
                dv: dv.at(key, channel),
                keys: (chunk * step).min(self.source)..((chunk + 1) * step).min(self.source),
                next: (piece + 1 < pieces).then(|| inputs(piece + 1)),
            };
            // The pointers lie within slices that `check`, `places` and the assertions above have measured, and pieces
            // write different rows, heads or copies.
            if self.suits_tiles(level) {
                // SAFETY: as above; `check` has measured the scratch; `Workers` required the level, which has tiles.
                unsafe { tiles::backward::backward_piece(&task, scratch) }
            } else {
                backward_piece(level, &task, scratch);
            }
        });
        if chunks > 1 {
            self.sum_copies(workers, copies, chunks, &dq);
        }
    }

    fn query_floats(&self) -> usize {
        self.batch * self.time * self.heads * self.depth
    }

    /// Pieces that share the keys of a head.
    fn chunks(&self) -> usize {
        let pairs = (self.batch * self.kv_heads).max(1);
        PIECES
            .div_ceil(pairs)
            .min(self.source.div_ceil(WORTH_A_PIECE))
            .max(1)
    }

    fn backward_sizes(&self, level: Level) -> Sizes {
        let width = 2 * level.lanes();
        Sizes {
            width,
            keys: KEYS.min(self.source.next_multiple_of(width)).max(width),
            queries: QUERIES.min(self.time.max(1).next_multiple_of(level.tile_rows())),
            depth: self.depth.next_multiple_of(level.lanes()),
        }
    }

    pub(super) fn backward_scratch(&self, level: Level) -> usize {
        if self.suits_tiles(level) {
            return self.tiled_backward_scratch();
        }
        let Sizes {
            keys,
            queries,
            depth,
            ..
        } = self.backward_sizes(level);
        keys * (2 * self.depth + 3 * depth) + queries * (3 * depth + 2 * keys) + keys
    }

    /// D of each query.
    fn products(&self, workers: &Workers, y: &[f32], dy: &[f32], products: &mut [f32]) {
        let (heads, depth, time) = (self.heads, self.depth, self.time);
        let level = workers.level();
        let products = Parts::new(products);
        let most = 64;
        chunks::for_each_block(workers, self.batch * time, heads * depth, |rows| {
            let mut sums = [0.0; 64];
            for row in rows {
                for head in (0..heads).step_by(most) {
                    let count = most.min(heads - head);
                    let range = (row * heads + head) * depth..(row * heads + head + count) * depth;
                    dot_products(
                        level,
                        depth,
                        &y[range.clone()],
                        &dy[range],
                        &mut sums[..count],
                    );
                    for (index, &sum) in sums[..count].iter().enumerate() {
                        let at = (row / time * heads + head + index) * time + row % time;
                        // SAFETY: each query of each head has a float of its own, which `part` finds within `products`.
                        unsafe { products.part(at, 1)[0] = sum };
                    }
                }
            }
        });
    }

    fn places(&self, targets: Targets) -> [Target; 3] {
        let (query, key) = (self.heads * self.depth, self.kv_heads * self.depth);
        match targets {
            Targets::Apart([dq, dk, dv]) => {
                let keys = self.batch * self.source * key;
                assert!(
                    dq.len() == self.query_floats() && dk.len() == keys && dv.len() == keys,
                    "gradients of {self:?}"
                );
                let target = |slice: &mut [f32], stride| Target {
                    start: slice.as_mut_ptr(),
                    stride,
                };
                [target(dq, query), target(dk, key), target(dv, key)]
            }
            Targets::Together {
                values,
                offsets,
                stride,
            } => {
                let [q, k, v] = offsets;
                let ends = [(q, query), (k, key), (v, key)];
                let ends = ends.map(|(offset, len)| offset.saturating_add(len));
                let apart = offsets[1] >= ends[0] && offsets[2] >= ends[1] && ends[2] <= stride;
                let whole = values.len() == floats([self.batch, self.time, stride]);
                assert!(
                    apart && whole && self.time == self.source,
                    "gradients of {self:?}"
                );
                let start = values.as_mut_ptr();
                offsets.map(|offset| Target {
                    start: start.wrapping_add(offset),
                    stride,
                })
            }
        }
    }

    fn sum_copies(&self, workers: &Workers, copies: &[f32], chunks: usize, dq: &Target) {
        let (width, len) = (self.heads * self.depth, self.query_floats());
        let level = workers.level();
        chunks::for_each_block(workers, self.batch * self.time, width, |rows| {
            for row in rows {
                // SAFETY: each row of the target belongs to one piece, and `places` has measured it.
                let to = unsafe { std::slice::from_raw_parts_mut(dq.at(row, 0).start, width) };
                to.copy_from_slice(&copies[row * width..(row + 1) * width]);
                for copy in 1..chunks {
                    let from = copy * len + row * width;
                    elementwise::add_chunk(level, &copies[from..from + width], to);
                }
            }
        });
    }
}

/// A place in memory that the pieces of a run write, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub start: *mut f32,
    pub stride: usize,
}

// SAFETY: pieces write disjoint parts of slices that outlive the run.
unsafe impl Sync for Target {}

impl Target {
    pub fn at(self, row: usize, channel: usize) -> Self {
        let start = self.start.wrapping_add(row * self.stride + channel);
        Self { start, ..self }
    }

    pub fn source(self) -> Source {
        Source {
            start: self.start,
            stride: self.stride,
        }
    }
}

/// A range of the keys of one head, with the queries of all heads that read it.
pub(super) struct Task<'a> {
    pub attention: Attention,
    sizes: Sizes,
    pub q: Source,
    pub k: Source,
    pub v: Source,
    pub dy: Source,
    pub mask: Option<&'a [f32]>,
    pub log_sums: &'a [f32],
    pub products: &'a [f32],
    pub dq: Target,
    pub dk: Target,
    pub dv: Target,
    pub keys: std::ops::Range<usize>,
    /// Where the keys, values, queries and gradients of results of the next piece begin.
    pub next: Option<[Source; 4]>,
}

dispatch! {
    /// The task's pointers reach all that its sizes name, and nobody else writes where it does.
    fn backward_piece(task: &Task, scratch: &mut [f32]) => backward_generic
}

/// The parts of a worker's scratch.
struct Memory<'a> {
    /// Keys and values, channel by channel in panels.
    k_panels: &'a mut [f32],
    v_panels: &'a mut [f32],
    /// Keys, padded to whole vectors.
    k: &'a mut [f32],
    dk: &'a mut [f32],
    dv: &'a mut [f32],
    /// Queries, gradients of results and a part of the gradients of queries, padded to whole vectors.
    q: &'a mut [f32],
    dy: &'a mut [f32],
    dq: &'a mut [f32],
    /// Scores, then weights.
    weights: &'a mut [f32],
    /// Gradients of weights, then of scores.
    flows: &'a mut [f32],
    /// What the mask adds.
    terms: &'a mut [f32],
}

#[inline(always)]
fn backward_generic<V: Simd>(task: &Task, mut scratch: &mut [f32]) {
    let Sizes {
        keys,
        queries,
        depth,
        ..
    } = task.sizes;
    let channels = task.attention.depth;
    let rest = &mut scratch;
    let mut memory = Memory {
        k: take(rest, keys * depth),
        dk: take(rest, keys * depth),
        dv: take(rest, keys * depth),
        q: take(rest, queries * depth),
        dy: take(rest, queries * depth),
        dq: take(rest, queries * depth),
        weights: take(rest, queries * keys),
        flows: take(rest, queries * keys),
        k_panels: take(rest, keys * channels),
        v_panels: take(rest, keys * channels),
        terms: take(rest, keys),
    };
    // SAFETY: the task reaches all that its sizes name, and each part of the memory was cut to the sizes of a block.
    unsafe {
        if !task.begins() {
            task.clear_queries();
        }
        for block in task.keys.clone().step_by(keys) {
            task.block::<V>(block, &mut memory);
        }
    }
}

impl Task<'_> {
    /// Whether the first key is among the task's, which all queries meet before others.
    pub(super) fn begins(&self) -> bool {
        self.keys.start == 0 && !self.keys.is_empty()
    }

    /// # Safety
    /// The task reaches all that its sizes name; so for the others.
    #[inline(always)]
    pub(super) unsafe fn clear_queries(&self) {
        let width = self.attention.group() * self.attention.depth;
        for row in 0..self.attention.time {
            // SAFETY: `places` has measured the rows of all queries, or `backward` their copies; this is the piece's own.
            unsafe { std::slice::from_raw_parts_mut(self.dq.at(row, 0).start, width).fill(0.0) };
        }
    }

    #[inline(always)]
    unsafe fn block<V: Simd>(&self, block: usize, memory: &mut Memory) {
        let Sizes {
            keys,
            queries,
            depth,
            ..
        } = self.sizes;
        let Attention { time, causal, .. } = self.attention;
        let all = keys.min(self.keys.end - block);
        let count = match self.mask {
            Some(mask) => mask_terms(&mask[block..block + all], memory.terms),
            None => all,
        };
        memory.dk[..all * depth].fill(0.0);
        memory.dv[..all * depth].fill(0.0);
        // SAFETY: as the caller vouches.
        unsafe {
            if count > 0 {
                self.pack_keys::<V>(block, count, memory);
                let begin = if causal { block.min(time) } else { 0 };
                for head in 0..self.attention.group() {
                    for first in (begin..time).step_by(queries) {
                        let rows = queries.min(time - first);
                        self.meet::<V>((block, count), (head, first, rows), memory);
                    }
                }
            } else if block == 0 {
                self.clear_queries();
            }
            self.write_keys::<V>(block, all, memory);
        }
    }

    #[inline(always)]
    unsafe fn pack_keys<V: Simd>(&self, block: usize, count: usize, memory: &mut Memory) {
        let Sizes { width, depth, .. } = self.sizes;
        let channels = self.attention.depth;
        let matrix = |source: Source, transposed| Matrix {
            start: source.start,
            stride: source.stride,
            transposed,
        };
        assert!(memory.k.len() >= count * depth);
        // SAFETY: panels were cut to size, the rows measured above; the task has the keys and values of the block.
        unsafe {
            for (source, panels) in [
                (self.k, &mut memory.k_panels),
                (self.v, &mut memory.v_panels),
            ] {
                for panel in (0..count).step_by(width) {
                    let columns = width.min(count - panel);
                    let to = panels[panel * channels..(panel + width) * channels].as_mut_ptr();
                    let from = matrix(source, true);
                    pack_columns::<V>(from, (0, block + panel), channels, columns, width, to);
                }
            }
            let to = memory.k.as_mut_ptr();
            pack_columns::<V>(
                matrix(self.k, false),
                (block, 0),
                count,
                channels,
                depth,
                to,
            );
        }
    }

    /// The share of one block of keys and one block of queries.
    #[inline(always)]
    unsafe fn meet<V: Simd>(
        &self,
        (block, count): (usize, usize),
        (head, first, rows): (usize, usize, usize),
        memory: &mut Memory,
    ) {
        let Sizes { depth, keys, .. } = self.sizes;
        let Attention {
            depth: channels,
            causal,
            ..
        } = self.attention;
        let vectors = depth / V::LANES;
        // SAFETY: as the caller vouches.
        unsafe {
            for (source, to) in [(self.q, &mut memory.q), (self.dy, &mut memory.dy)] {
                let matrix = Matrix {
                    start: source.at(0, head * channels),
                    stride: source.stride,
                    transposed: false,
                };
                assert!(to.len() >= rows * depth);
                pack_columns::<V>(matrix, (first, 0), rows, channels, depth, to.as_mut_ptr());
            }
            let mut done = 0;
            while done < rows {
                let strip = next_rows::<V>(rows - done);
                let visible = if causal {
                    count.min(first + done + strip - block)
                } else {
                    count
                };
                self.scores::<V>((done, strip), visible, memory);
                for row in done..done + strip {
                    let limit = if causal {
                        visible.min(first + row + 1 - block)
                    } else {
                        visible
                    };
                    let weights = memory.weights[row * keys..].as_mut_ptr();
                    let flows = memory.flows[row * keys..].as_mut_ptr();
                    let terms = memory.terms.as_ptr();
                    let row = self.row((head, first + row), (limit, count), terms);
                    row.differentiate_row::<V>(weights, flows);
                }
                let product = Product {
                    a: memory.flows[done * keys..].as_ptr(),
                    a_stride: keys,
                    b: memory.k.as_ptr(),
                    b_stride: depth,
                    depth: visible,
                    c: memory.dq[done * depth..].as_mut_ptr(),
                    c_stride: depth,
                    start: Start::Zero,
                };
                product.run::<V, false>(strip, vectors);
                done += strip;
            }
            self.write_queries::<V>(block, (head, first, rows), memory.dq, depth);
            self.add_keys::<V>((block, count), (first, rows), memory);
        }
    }

    /// The query of a head at a position, before a block of `count` keys of which it sees `limit`.
    #[inline(always)]
    pub(super) fn row(
        &self,
        (head, position): (usize, usize),
        (limit, count): (usize, usize),
        terms: *const f32,
    ) -> Row {
        let at = head * self.attention.time + position;
        Row {
            terms: match self.mask {
                Some(_) => terms,
                None => std::ptr::null(),
            },
            limit,
            count,
            scale: self.attention.scale_in_twos(),
            log_sum: self.log_sums[at],
            product: self.products[at],
        }
    }

    /// Scores and gradients of weights of a strip of queries for the first keys of a block.
    #[inline(always)]
    unsafe fn scores<V: Simd>(
        &self,
        (done, rows): (usize, usize),
        visible: usize,
        memory: &mut Memory,
    ) {
        let Sizes {
            width, depth, keys, ..
        } = self.sizes;
        let channels = self.attention.depth;
        for panel in (0..visible).step_by(width) {
            let vectors = width.min((visible - panel).next_multiple_of(V::LANES)) / V::LANES;
            let scores = Product {
                a: memory.q[done * depth..].as_ptr(),
                a_stride: depth,
                b: memory.k_panels[panel * channels..].as_ptr(),
                b_stride: width,
                depth: channels,
                c: memory.weights[done * keys + panel..].as_mut_ptr(),
                c_stride: keys,
                start: Start::Zero,
            };
            let flows = Product {
                a: memory.dy[done * depth..].as_ptr(),
                b: memory.v_panels[panel * channels..].as_ptr(),
                c: memory.flows[done * keys + panel..].as_mut_ptr(),
                ..scores
            };
            // SAFETY: `backward_generic` cut all parts to blocks, of which this strip and this panel are parts.
            unsafe {
                scores.run::<V, false>(rows, vectors);
                flows.run::<V, false>(rows, vectors);
            }
        }
    }

    /// dK += dSᵀ Q and dV += Pᵀ dy.
    #[inline(always)]
    unsafe fn add_keys<V: Simd>(
        &self,
        (block, count): (usize, usize),
        (first, rows): (usize, usize),
        memory: &mut Memory,
    ) {
        let Sizes { depth, keys, .. } = self.sizes;
        let mut done = 0;
        while done < count {
            let strip = next_rows::<V>(count - done);
            // Queries before the first key of the strip see none of it.
            let skipped = if self.attention.causal {
                (block + done).saturating_sub(first).min(rows)
            } else {
                0
            };
            let dk = Product {
                a: memory.flows[skipped * keys..].as_ptr().wrapping_add(done),
                a_stride: keys,
                b: memory.q[skipped * depth..].as_ptr(),
                b_stride: depth,
                depth: rows - skipped,
                c: memory.dk[done * depth..].as_mut_ptr(),
                c_stride: depth,
                start: Start::Kept,
            };
            let dv = Product {
                a: memory.weights[skipped * keys..].as_ptr().wrapping_add(done),
                b: memory.dy[skipped * depth..].as_ptr(),
                c: memory.dv[done * depth..].as_mut_ptr(),
                ..dk
            };
            // SAFETY: `backward_generic` cut all parts to blocks of whole tiles and vectors; rows of weights hold zeros from what
            // a query sees up to `count`.
            unsafe {
                dk.run::<V, true>(strip, depth / V::LANES);
                dv.run::<V, true>(strip, depth / V::LANES);
            }
            done += strip;
        }
    }

    /// Writes the first block's part of the gradients of queries, or adds a later one's to what is there.
    #[inline(always)]
    pub(super) unsafe fn write_queries<V: Simd>(
        &self,
        block: usize,
        (head, first, rows): (usize, usize, usize),
        dq: &[f32],
        depth: usize,
    ) {
        let channels = self.attention.depth;
        let scale = V::splat(self.attention.scale);
        for (row, part) in dq.chunks_exact(depth).enumerate().take(rows) {
            let to = self.dq.at(first + row, head * channels).start;
            // SAFETY: as in `clear_queries`.
            let to = unsafe { std::slice::from_raw_parts_mut(to, channels) };
            for (to, part) in to.chunks_mut(V::LANES).zip(part.chunks_exact(V::LANES)) {
                let before = if block > 0 {
                    V::from_slice(to)
                } else {
                    V::zero()
                };
                V::from_slice(part).fma(scale, before).to_slice(to);
            }
        }
    }

    #[inline(always)]
    unsafe fn write_keys<V: Simd>(&self, block: usize, count: usize, memory: &Memory) {
        let depth = self.sizes.depth;
        let scale = self.attention.scale;
        for (target, sums, factor) in [(self.dk, &memory.dk, scale), (self.dv, &memory.dv, 1.0)] {
            for (row, sums) in sums.chunks_exact(depth).enumerate().take(count) {
                let to = target.at(block + row, 0).start;
                // SAFETY: `places` has measured the rows of all keys; this is the piece's own.
                let to = unsafe { std::slice::from_raw_parts_mut(to, self.attention.depth) };
                for (to, sums) in to.chunks_mut(V::LANES).zip(sums.chunks_exact(V::LANES)) {
                    (V::from_slice(sums) * V::splat(factor)).to_slice(to);
                }
            }
        }
    }
}

/// One query before a block of keys.
pub(super) struct Row {
    terms: *const f32,
    /// Keys that it sees.
    limit: usize,
    /// Keys of the block.
    count: usize,
    scale: f32,
    log_sum: f32,
    product: f32,
}

impl Row {
    /// The weights of a vector of scores, and the gradients of scores of one of weights, from a key of the block on; zeros
    /// for what the query does not see.
    ///
    /// # Safety
    /// Terms hold a whole vector there.
    #[inline(always)]
    pub unsafe fn differentiate<V: Simd>(&self, score: V, flow: V, at: usize) -> (V, V) {
        let mut score = score.fma(V::splat(self.scale), -V::splat(self.log_sum));
        if !self.terms.is_null() {
            // SAFETY: by the contract.
            score = score + unsafe { V::load(self.terms.add(at)) };
        }
        let weight = exp2_below_one(score);
        let flow = weight * (flow - V::splat(self.product));
        if at + V::LANES <= self.limit {
            return (weight, flow);
        }
        let seen = V::mask_from_bits((1 << self.limit.saturating_sub(at)) - 1);
        (weight.select(V::zero(), seen), flow.select(V::zero(), seen))
    }

    /// The same for whole rows.
    ///
    /// # Safety
    /// Weights, flows and terms hold whole vectors for `count` keys.
    #[inline(always)]
    unsafe fn differentiate_row<V: Simd>(&self, weights: *mut f32, flows: *mut f32) {
        for at in (0..self.count).step_by(V::LANES) {
            let (mut weight, mut flow) = (V::zero(), V::zero());
            // SAFETY: by the contract.
            unsafe {
                if at < self.limit {
                    let (score, given) = (V::load(weights.add(at)), V::load(flows.add(at)));
                    (weight, flow) = self.differentiate::<V>(score, given, at);
                }
                weight.store(weights.add(at));
                flow.store(flows.add(at));
            }
        }
    }
}
