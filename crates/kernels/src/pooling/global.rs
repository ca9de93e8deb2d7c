//! The maximum over whole images. For the mean over whole images use [`Reduce`](crate::reduce::Reduce)
//! with `outer = batch`, `middle = height · width`, `inner = channels`.

use crate::level::dispatch;
use crate::simd::Simd;
use crate::sizes::floats;
use crate::workers::Parts;
use crate::{Workers, chunks};

/// The largest element over the positions of `[batch, positions, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalMaximum {
    /// Images.
    pub batch: usize,
    /// Height times width; at most 2²⁴.
    pub positions: usize,
    /// Channels.
    pub channels: usize,
}

impl GlobalMaximum {
    /// Writes the largest elements, the first of equals, and their positions as numbers, both of
    /// `[batch, channels]`. What is not a number is larger than any number. A mask of `[batch, positions]` says by 0
    /// which positions do not count; where none counts, the result is 0 and the position −1.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for, or there are no positions or more
    /// than 2²⁴.
    pub fn forward(
        &self,
        workers: &Workers,
        x: &[f32],
        mask: Option<&[f32]>,
        y: &mut [f32],
        at: &mut [f32],
    ) {
        self.check([x.len(), y.len(), at.len()]);
        let positions = self.positions;
        let fits = mask.is_none_or(|mask| mask.len() == self.batch * positions);
        assert!(fits, "the mask of {self:?}");
        if y.is_empty() {
            return;
        }
        let sample = self.positions * self.channels;
        let (channels, level) = (self.channels, workers.level());
        let (y, at) = (Parts::new(y), Parts::new(at));
        chunks::for_each_block(workers, self.batch, sample, |block| {
            for index in block {
                let x = &x[index * sample..][..sample];
                // SAFETY: samples do not overlap, and `part` finds them within `y` and `at`.
                let (y, at) = unsafe {
                    (
                        y.part(index * channels, channels),
                        at.part(index * channels, channels),
                    )
                };
                let mask = mask.map(|mask| &mask[index * positions..][..positions]);
                forward_sample(level, x, mask, y, at);
            }
        });
    }

    /// Writes the gradient of the input from that of the output and the positions.
    ///
    /// # Panics
    /// As [`Self::forward`], and where a position is none.
    pub fn backward(&self, workers: &Workers, at: &[f32], dy: &[f32], dx: &mut [f32]) {
        self.check([dx.len(), dy.len(), at.len()]);
        if dx.is_empty() {
            return;
        }
        let sample = self.positions * self.channels;
        let channels = self.channels;
        let dx = Parts::new(dx);
        chunks::for_each_block(workers, self.batch, sample, |block| {
            for index in block {
                // SAFETY: samples do not overlap, and `part` finds them within `dx`.
                let dx = unsafe { dx.part(index * sample, sample) };
                dx.fill(0.0);
                let range = index * channels..(index + 1) * channels;
                let gradients = at[range.clone()].iter().zip(&dy[range]);
                for (channel, (at, dy)) in gradients.enumerate() {
                    if *at >= 0.0 {
                        let position = (*at as usize).min(self.positions);
                        dx[position * channels + channel] = *dy;
                    }
                }
            }
        });
    }

    fn check(&self, [input, output, at]: [usize; 3]) {
        assert!(
            (1..=1 << 24).contains(&self.positions),
            "{self:?}: 1 to 2²⁴ positions"
        );
        assert_eq!(
            input,
            floats([self.batch, self.positions, self.channels]),
            "the input of {self:?}"
        );
        assert_eq!(output, self.batch * self.channels, "the output of {self:?}");
        assert_eq!(at, output, "a position for each output of {self:?}");
    }
}

dispatch! {
    fn forward_sample(x: &[f32], mask: Option<&[f32]>, y: &mut [f32], at: &mut [f32]) => forward_generic
}

#[inline(always)]
fn forward_generic<V: Simd>(x: &[f32], mask: Option<&[f32]>, y: &mut [f32], at: &mut [f32]) {
    let channels = y.len();
    let counts = |position: usize| mask.is_none_or(|mask| mask[position] != 0.0);
    let Some(start) = (0..x.len() / channels).find(|&position| counts(position)) else {
        y.fill(0.0);
        at.fill(-1.0);
        return;
    };
    let mut first = 0;
    while first < channels {
        let last = (first + V::LANES).min(channels);
        let mut best = V::splat(f32::NEG_INFINITY);
        let mut best_at = V::splat(start as f32);
        for (position, x) in x.chunks_exact(channels).enumerate().skip(start) {
            if !counts(position) {
                continue;
            }
            let value = V::from_slice(&x[first..last]);
            let larger = V::mask_or(value.gt(best), value.is_nan());
            best = value.select(best, larger);
            best_at = V::splat(position as f32).select(best_at, larger);
        }
        best.to_slice(&mut y[first..last]);
        best_at.to_slice(&mut at[first..last]);
        first = last;
    }
}
