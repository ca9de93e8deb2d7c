//! Rotary position embedding (Su et al. 2021): pairs of channels turned by angles of their position.

use crate::level::dispatch;
use crate::simd::Simd;
use crate::sizes::floats;
use crate::workers::Parts;
use crate::{AlignedVec, Workers, chunks};

/// A rotation of `[batch, time, heads, depth]` that turns channels `c` and `c + depth / 2` together.
#[derive(Clone, Debug)]
pub struct Rotary {
    heads: usize,
    depth: usize,
    /// For each position the cosines and then the sines of its pairs.
    angles: AlignedVec,
}

impl Rotary {
    /// A rotation by the (cos, sin) of every pair of every position, in order.
    pub fn new(heads: usize, depth: usize, pairs: impl Iterator<Item = (f32, f32)>) -> Self {
        let half = (depth / 2).max(1);
        let pairs: Vec<(f32, f32)> = pairs.collect();
        let mut angles = AlignedVec::new(2 * pairs.len());
        for (angles, pairs) in angles
            .chunks_exact_mut(2 * half)
            .zip(pairs.chunks_exact(half))
        {
            for (pair, &(cos, sin)) in pairs.iter().enumerate() {
                (angles[pair], angles[half + pair]) = (cos, sin);
            }
        }
        Self {
            heads,
            depth,
            angles,
        }
    }

    /// Writes x turned.
    ///
    /// # Panics
    /// Where `x` is no whole number of samples, or `y` has another length.
    pub fn run(&self, workers: &Workers, x: &[f32], y: &mut [f32]) {
        let row = floats([self.heads, self.depth]);
        assert!(
            x.len() == y.len()
                && (x.is_empty()
                    || x.len()
                        .is_multiple_of(floats([self.angles.len(), self.heads]))),
            "samples to turn"
        );
        let positions = self.angles.len() / self.depth.max(1);
        let y = Parts::new(y);
        let level = workers.level();
        chunks::for_each_block(
            workers,
            x.len().checked_div(row).unwrap_or(0),
            row,
            |rows| {
                for at in rows {
                    // SAFETY: each row is one piece's, and `part` finds it within `y`.
                    let y = unsafe { y.part(at * row, row) };
                    let angles = &self.angles[at % positions * self.depth..][..self.depth];
                    turn(level, angles, &x[at * row..(at + 1) * row], y);
                }
            },
        );
    }
}

dispatch! {
    fn turn(angles: &[f32], x: &[f32], y: &mut [f32]) => turn_generic
}

#[inline(always)]
fn turn_generic<V: Simd>(angles: &[f32], x: &[f32], y: &mut [f32]) {
    let depth = angles.len();
    let half = depth / 2;
    let (cos, sin) = angles.split_at(half);
    for (x, y) in x.chunks_exact(depth).zip(y.chunks_exact_mut(depth)) {
        let (low, high) = y.split_at_mut(half);
        for at in (0..half).step_by(V::LANES) {
            let end = half.min(at + V::LANES);
            let (a, b) = (
                V::from_slice(&x[at..end]),
                V::from_slice(&x[half + at..half + end]),
            );
            let (cos, sin) = (V::from_slice(&cos[at..end]), V::from_slice(&sin[at..end]));
            a.fma(cos, -(b * sin)).to_slice(&mut low[at..end]);
            b.fma(cos, a * sin).to_slice(&mut high[at..end]);
        }
    }
}
