//! Random numbers from counters: Philox 4x32-10 (Salmon et al. 2011).
//!
//! A number is a function of the [`Key`] and the element's index alone, so that neither threads nor
//! SIMD levels nor the order of computing change it, and nothing is stored to make it again.

use jingwei_random::{philox, rounds};

use crate::level::dispatch;
use crate::math;
use crate::simd::{Scalar, Simd};
use crate::workers::Parts;
use crate::{Level, Workers, chunks};

/// Which random numbers: one sequence for each seed, stream and step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The seed of the whole run.
    pub seed: u64,
    /// The user of the numbers, such as a layer; see [`jingwei_random::stream`].
    pub stream: u64,
    /// The step of training; it counts modulo 2³².
    pub step: u64,
}

/// Blocks that are computed side by side. Fixed, since the order of elements follows from it.
const SIDE_BY_SIDE: usize = 16;
/// Elements of one group of blocks.
const GROUP: usize = 4 * SIDE_BY_SIDE;

impl Key {
    /// The random word of one element below 2³⁴.
    pub fn word(&self, element: u64) -> u32 {
        let within = element as usize % GROUP;
        let block = element / GROUP as u64 * SIDE_BY_SIDE as u64 + (within % SIDE_BY_SIDE) as u64;
        let words = philox(self.counter(block as u32), self.halves());
        words[within / SIDE_BY_SIDE]
    }

    /// The words of 64 elements from `64 · group` on: four words of 16 blocks, words outermost.
    #[inline(always)]
    fn group(&self, group: usize) -> [u32; GROUP] {
        let [_, step, low, high] = self.counter(0);
        let mut blocks = [0; SIDE_BY_SIDE];
        for (i, block) in blocks.iter_mut().enumerate() {
            *block = (group * SIDE_BY_SIDE + i) as u32;
        }
        let counters = [
            blocks,
            [step; SIDE_BY_SIDE],
            [low; SIDE_BY_SIDE],
            [high; SIDE_BY_SIDE],
        ];
        let words = rounds(counters, self.halves());
        let mut flat = [0; GROUP];
        for (part, words) in flat.chunks_exact_mut(SIDE_BY_SIDE).zip(words) {
            part.copy_from_slice(&words);
        }
        flat
    }

    fn counter(&self, block: u32) -> [u32; 4] {
        [
            block,
            self.step as u32,
            self.stream as u32,
            (self.stream >> 32) as u32,
        ]
    }

    fn halves(&self) -> [u32; 2] {
        [self.seed as u32, (self.seed >> 32) as u32]
    }

    /// Fills `y` with numbers evenly spread over `low ≤ y < high`, the same at every SIMD level.
    pub fn uniform(&self, workers: &Workers, low: f32, high: f32, y: &mut [f32]) {
        let key = *self;
        for_each_chunk(workers, y, |level, group, y| {
            fill_uniform(level, key, group, [low, high], y);
        });
    }

    /// Fills `y` with normally distributed numbers (Box and Muller 1958), the same at every SIMD
    /// level.
    pub fn normal(&self, workers: &Workers, mean: f32, deviation: f32, y: &mut [f32]) {
        for_each_chunk(workers, y, |_, group, y| {
            for (index, y) in y.chunks_mut(GROUP).enumerate() {
                let numbers = normal_group(self.group(group + index));
                for (y, number) in y.iter_mut().zip(numbers) {
                    *y = mean + deviation * number;
                }
            }
        });
    }

    /// Inverted dropout (Srivastava et al. 2014): each element becomes 0 with the probability `rate`,
    /// and is divided by `1 − rate` otherwise. The backward pass is this very function on the
    /// gradient of the output, with the same key.
    ///
    /// # Panics
    /// Where the lengths differ or `rate` is not in 0 … 1.
    pub fn dropout(&self, workers: &Workers, rate: f32, x: &[f32], y: &mut [f32]) {
        assert_eq!(x.len(), y.len(), "input and output of dropout");
        assert!(
            (0.0..=1.0).contains(&rate),
            "a dropout rate of {rate} is not in 0 … 1"
        );
        let key = *self;
        for_each_chunk(workers, y, |level, group, y| {
            let x = &x[group * GROUP..][..y.len()];
            drop_some(level, key, group, rate, x, y);
        });
    }
}

/// Runs `f(level, first group, part)` on chunks of `y`.
fn for_each_chunk(workers: &Workers, y: &mut [f32], f: impl Fn(Level, usize, &mut [f32]) + Sync) {
    const { assert!(chunks::CHUNK.is_multiple_of(GROUP)) };
    let (len, level) = (y.len(), workers.level());
    assert!(
        len as u64 <= 1 << 34,
        "{len} elements need more random numbers than a key has"
    );
    let y = Parts::new(y);
    chunks::for_each_chunk(workers, len, |range| {
        // SAFETY: chunks do not overlap, and `part` finds them within `y`.
        f(level, range.start / GROUP, unsafe {
            y.part(range.start, range.len())
        });
    });
}

/// A number in `0 ≤ x < 1` from the upper 24 bits, exact in single precision.
#[inline(always)]
fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

dispatch! {
    fn fill_uniform(key: Key, first: usize, bounds: [f32; 2], y: &mut [f32]) => uniform_generic
}

#[inline(always)]
fn uniform_generic<V: Simd>(key: Key, first: usize, [low, high]: [f32; 2], y: &mut [f32]) {
    // The largest number below `high`, which rounding must not reach.
    let (width, last) = (V::splat(high - low), V::splat(high.next_down().max(low)));
    for (index, y) in y.chunks_mut(GROUP).enumerate() {
        let units = key.group(first + index).map(unit);
        for (units, y) in units.chunks(V::LANES).zip(y.chunks_mut(V::LANES)) {
            last.min(V::from_slice(units) * width + V::splat(low))
                .to_slice(y);
        }
    }
}

/// 64 normal numbers, two from each pair of words: of words 0 and 1, and of 2 and 3 of each block.
fn normal_group(words: [u32; GROUP]) -> [f32; GROUP] {
    let mut numbers = [0.0; GROUP];
    let lanes = <Scalar as Simd>::LANES;
    for half in [0, 2 * SIDE_BY_SIDE] {
        for start in (half..half + SIDE_BY_SIDE).step_by(lanes) {
            let at = |offset: usize| {
                words[start + offset..][..lanes]
                    .iter()
                    .map(|&word| unit(word))
            };
            let mut pair = [[0.0; 4]; 2];
            pair[0]
                .iter_mut()
                .zip(at(0))
                .for_each(|(x, u)| *x = 1.0 - u);
            pair[1]
                .iter_mut()
                .zip(at(SIDE_BY_SIDE))
                .for_each(|(x, u)| *x = u);
            let (radius, turns) = (Scalar::from_slice(&pair[0]), Scalar::from_slice(&pair[1]));
            let radius = (Scalar::splat(-2.0) * math::log(radius)).sqrt();
            let (sin, cos) = math::sin_cos_turns(turns);
            (radius * cos).to_slice(&mut numbers[start..start + lanes]);
            let second = start + SIDE_BY_SIDE;
            (radius * sin).to_slice(&mut numbers[second..second + lanes]);
        }
    }
    numbers
}

dispatch! {
    fn drop_some(key: Key, first: usize, rate: f32, x: &[f32], y: &mut [f32]) => drop_generic
}

#[inline(always)]
fn drop_generic<V: Simd>(key: Key, first: usize, rate: f32, x: &[f32], y: &mut [f32]) {
    // Compared as whole numbers, so that the mask is the same everywhere.
    let threshold = (f64::from(rate) * 4_294_967_296.0) as u64;
    let factor = V::splat(1.0 / (1.0 - rate));
    for (index, (x, y)) in x.chunks(GROUP).zip(y.chunks_mut(GROUP)).enumerate() {
        let kept = key.group(first + index).map(|word| {
            if u64::from(word) >= threshold {
                1.0
            } else {
                0.0
            }
        });
        let parts = kept
            .chunks(V::LANES)
            .zip(x.chunks(V::LANES))
            .zip(y.chunks_mut(V::LANES));
        for ((kept, x), y) in parts {
            let scaled = V::from_slice(x) * factor;
            scaled
                .select(V::zero(), V::from_slice(kept).gt(V::zero()))
                .to_slice(y);
        }
    }
}
