//! Scaled dot-product attention in memory linear in the length (Dao et al. 2022, Dao 2023).
//!
//! Scores exist only for a block of queries and a block of keys at a time, in a core's cache. The forward pass keeps for
//! each query the largest score and the sum of exponentials so far and rescales what it has summed when a larger score
//! comes; the backward pass makes the weights anew from the scores and the logarithm of that sum. Blocks that causality
//! or the mask leaves empty are skipped. Scores are in powers of two: `2^(s · log₂e) = e^s`.

mod backward;
mod block;
mod forward;
#[cfg_attr(not(target_arch = "x86_64"), path = "attention/no_tiles.rs")]
mod tiles;

pub use backward::{Forward, Targets};

use crate::level::dispatch;
use crate::simd::Simd;
use crate::{Level, Precision, Workers, sizes::floats, vectors};

/// An attention of one shape: `y = softmax(scale · q · kᵀ) · v` for each head of each sample.
///
/// Queries are `[batch, time, heads, depth]`, keys and values `[batch, source, kv_heads, depth]`; query head `h` reads
/// key head `h / (heads / kv_heads)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Samples.
    pub batch: usize,
    /// Queries of a sample.
    pub time: usize,
    /// Keys of a sample.
    pub source: usize,
    /// Heads of the queries, a multiple of those of the keys.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Channels of a head.
    pub depth: usize,
    /// No query sees keys behind its own position.
    pub causal: bool,
    /// What scores are multiplied by.
    pub scale: f32,
    /// How exact the products of the backward pass are.
    pub gradient_precision: Precision,
}

/// Queries, keys or values, all heads of a position next to one another, within larger rows perhaps.
#[derive(Clone, Copy, Debug)]
pub struct Positions<'a> {
    /// The floats.
    pub values: &'a [f32],
    /// Where the first position begins.
    pub offset: usize,
    /// Floats from one position to the next.
    pub stride: usize,
}

impl Positions<'_> {
    /// Where the last of some rows ends, unless that is too far for a number, or there are none.
    fn end(&self, rows: usize, row: usize) -> Option<usize> {
        let last = self.stride.checked_mul(rows.checked_sub(1)?)?;
        self.offset.checked_add(last)?.checked_add(row)
    }
}

impl Attention {
    /// Floats of the logarithms that [`Self::forward`] leaves for [`Self::backward`].
    pub fn log_sums(&self) -> usize {
        floats([self.batch, self.heads, self.time])
    }

    /// Floats of temporary memory that each worker needs for either pass.
    ///
    /// # Panics
    /// Where the sizes do not fit one another or memory: there are [`MOST_FLOATS`](crate::MOST_FLOATS) at most.
    pub fn scratch(&self, level: Level) -> usize {
        self.check_sizes();
        self.forward_scratch(level)
            .max(self.backward_scratch(level))
    }

    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// log₂e times the scale.
    fn scale_in_twos(&self) -> f32 {
        self.scale * std::f32::consts::LOG2_E
    }

    /// Once this has passed, no product of sizes wraps.
    fn check_sizes(&self) {
        assert!(
            self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads) && self.depth > 0,
            "heads of {self:?}"
        );
        for (length, heads) in [(self.time, self.heads), (self.source, self.kv_heads)] {
            floats([self.batch, length, heads, self.depth]);
        }
    }

    fn check(&self, workers: &Workers, [q, k, v]: [Positions; 3], mask: Option<&[f32]>) {
        self.check_sizes();
        let fits = |of: Positions, length: usize, heads: usize| {
            let (rows, row) = (self.batch * length, heads * self.depth);
            let end = of.end(rows, row);
            rows == 0 || of.stride >= row && end.is_some_and(|end| end <= of.values.len())
        };
        assert!(fits(q, self.time, self.heads), "queries of {self:?}");
        assert!(fits(k, self.source, self.kv_heads), "keys of {self:?}");
        assert!(fits(v, self.source, self.kv_heads), "values of {self:?}");
        assert!(
            mask.is_none_or(|mask| mask.len() == self.batch * self.source),
            "mask of {self:?}"
        );
        assert!(
            workers.scratch() >= self.scratch(workers.level()),
            "scratch of {self:?}"
        );
    }
}

/// A place in memory that the pieces of a run read.
#[derive(Clone, Copy)]
struct Source {
    start: *const f32,
    stride: usize,
}

// SAFETY: the pointer comes from a slice that outlives the run, and is only read.
unsafe impl Sync for Source {}

impl Source {
    fn new(of: Positions) -> Self {
        Self {
            start: of.values.as_ptr().wrapping_add(of.offset),
            stride: of.stride,
        }
    }

    fn at(self, row: usize, channel: usize) -> *const f32 {
        self.start.wrapping_add(row * self.stride + channel)
    }

    /// The same from this row and channel on.
    fn from(self, row: usize, channel: usize) -> Self {
        let start = self.at(row, channel);
        Self { start, ..self }
    }
}

/// `2^x` to 2 ulp for `x` of at most about 0; 0 below -126. NaN stays.
#[inline(always)]
fn exp2_below_one<V: Simd>(x: V) -> V {
    let lowest = V::splat(-126.0);
    let clamped = lowest.max(x);
    let power = clamped.round();
    let series = crate::math::polynomial(
        clamped - power,
        [
            1.326_472_6e-3,
            9.671_513e-3,
            5.550_733_7e-2,
            2.402_224_2e-1,
            std::f32::consts::LN_2,
            1.0,
        ],
    );
    V::zero().select(series * power.exp2_integral(), x.lt(lowest))
}

/// The mask of a block of keys as something to add to scores: 0 where a key counts, −∞ elsewhere.
/// Returns how many keys are left without those at the end that do not count.
#[inline(always)]
fn mask_terms(mask: &[f32], terms: &mut [f32]) -> usize {
    let mut left = 0;
    for (at, (term, &mask)) in terms.iter_mut().zip(mask).enumerate() {
        let counts = mask != 0.0;
        *term = if counts { 0.0 } else { f32::NEG_INFINITY };
        left = if counts { at + 1 } else { left };
    }
    left
}

dispatch! {
    /// The sum of products of each run of `depth` floats.
    fn dot_products(depth: usize, a: &[f32], b: &[f32], sums: &mut [f32]) => dot_products_generic
}

#[inline(always)]
fn dot_products_generic<V: Simd>(depth: usize, a: &[f32], b: &[f32], sums: &mut [f32]) {
    let pairs = a.chunks_exact(depth).zip(b.chunks_exact(depth));
    for ((a, b), sum) in pairs.zip(sums) {
        *sum = vectors::sum([a, b], |[a, b]: [V; 2]| a * b);
    }
}
