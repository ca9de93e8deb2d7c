//! Batch normalisation over all axes but the last (Ioffe and Szegedy 2015).
//!
//! With `x` of `[rows, channels]` and each channel's mean `m` and variance `v` over the rows:
//! `y = γ · x̂ + β`, `x̂ = (x − m) / √(v + ε)`. Means and squared deviations are taken block by block and
//! merged as Chan et al. (1979) do, which no large mean disturbs.

use crate::Workers;
use crate::level::dispatch;
use crate::row_blocks::RowBlocks;
use crate::simd::Simd;
use crate::sizes::floats;
use std::ops::Range;

/// A batch normalisation of `[rows, channels]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Rows: everything but the last axis.
    pub rows: usize,
    /// Channels: the last axis.
    pub channels: usize,
    /// `ε`.
    pub epsilon: f32,
}

impl BatchNorm {
    /// Floats of temporary memory that each of the functions takes as `shared`.
    pub fn shared(&self) -> usize {
        self.blocks().partials() + self.channels
    }

    fn blocks(&self) -> RowBlocks {
        RowBlocks::new(self.rows, self.channels)
    }

    /// Writes the mean and the variance of each channel, the latter divided by the number of rows.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for; so do the other functions.
    pub fn statistics(
        &self,
        workers: &Workers,
        x: &[f32],
        [mean, variance]: [&mut [f32]; 2],
        shared: &mut [f32],
    ) {
        self.check(&[x], &[mean, variance]);
        let blocks = self.blocks();
        blocks.reduce(workers, [x], shared, |level, [x], [mean, squares]| {
            block_moments(level, x, mean, squares);
        });
        for channel in 0..self.channels {
            (mean[channel], variance[channel]) = merge(blocks.column(shared, channel));
        }
    }

    /// Writes `dγ = Σ dy·x̂` and `dβ = Σ dy`, from the statistics that normalised `x`.
    pub fn parameter_gradients(
        &self,
        workers: &Workers,
        [x, dy]: [&[f32]; 2],
        [mean, variance]: [&[f32]; 2],
        [dgamma, dbeta]: [&mut [f32]; 2],
        shared: &mut [f32],
    ) {
        self.check(&[x, dy], &[mean, variance, dgamma, dbeta]);
        let blocks = self.blocks();
        let (partials, inverse) = shared.split_at_mut(blocks.partials());
        let inverse = &mut inverse[..self.channels];
        inverse.copy_from_slice(variance);
        self.invert(inverse);
        let inverse = &*inverse;
        blocks.reduce(workers, [x, dy], partials, |level, inputs, sums| {
            block_gradients(level, inputs, [mean, inverse], sums);
        });
        blocks.sum(partials, [dgamma, dbeta]);
    }

    /// Writes `dx = γ / √(v + ε) · (dy − dβ / rows − x̂ · dγ / rows)`, from the statistics of `x` itself
    /// and the gradients of the parameters. `kept` is `[γ, m, v, dγ, dβ]`.
    pub fn input_gradient(
        &self,
        workers: &Workers,
        [x, dy]: [&[f32]; 2],
        [gamma, mean, variance, dgamma, dbeta]: [&[f32]; 5],
        dx: &mut [f32],
        shared: &mut [f32],
    ) {
        self.check(&[x, dy, dx], &[gamma, mean, variance, dgamma, dbeta]);
        let inverse = &mut shared[..self.channels];
        inverse.copy_from_slice(variance);
        self.invert(inverse);
        let constants = [gamma, mean, &*inverse, dgamma, dbeta];
        self.blocks()
            .map(workers, [x, dy], dx, |level, inputs, dx| {
                input_gradients(level, self.rows, inputs, constants, dx);
            });
    }

    /// Normalises by the statistics of this batch or by running averages. `affine` is `[γ, β]`.
    pub fn normalise(
        &self,
        workers: &Workers,
        x: &[f32],
        affine: [&[f32]; 2],
        [mean, variance]: [&[f32]; 2],
        y: &mut [f32],
        shared: &mut [f32],
    ) {
        self.check(&[x, y], &[affine[0], affine[1], mean, variance]);
        let inverse = &mut shared[..self.channels];
        inverse.copy_from_slice(variance);
        self.invert(inverse);
        let constants = [affine[0], affine[1], mean, &*inverse];
        self.blocks().map(workers, [x], y, |level, [x], y| {
            normalise_rows(level, x, constants, y)
        });
    }

    fn check(&self, elements: &[&[f32]], of_channels: &[&[f32]]) {
        let len = floats([self.rows, self.channels]);
        assert!(
            elements.iter().all(|slice| slice.len() == len),
            "{self:?} takes {len} elements"
        );
        assert!(
            of_channels.iter().all(|slice| slice.len() == self.channels),
            "{self:?} has one number for each channel"
        );
    }

    fn invert(&self, variance: &mut [f32]) {
        variance
            .iter_mut()
            .for_each(|v| *v = 1.0 / (*v + self.epsilon).sqrt());
    }
}

/// Mean and variance from those of blocks: (rows, mean, squared deviations).
fn merge(blocks: impl Iterator<Item = (f64, f64, f64)>) -> (f32, f32) {
    let (count, mean, squares) = blocks.fold((0.0, 0.0, 0.0), |(count, mean, squares), block| {
        let (more, other_mean, other_squares) = block;
        let total = count + more;
        let difference = other_mean - mean;
        let shift = difference * difference * count * more / total;
        (
            total,
            mean + difference * more / total,
            squares + other_squares + shift,
        )
    });
    (mean as f32, (squares / count) as f32)
}

dispatch! {
    fn block_moments(x: &[f32], mean: &mut [f32], squares: &mut [f32]) => block_moments_generic
}

#[inline(always)]
fn block_moments_generic<V: Simd>(x: &[f32], mean: &mut [f32], squares: &mut [f32]) {
    let channels = mean.len();
    let count = V::splat((x.len() / channels) as f32);
    let mut first = 0;
    while first < channels {
        let last = (first + V::LANES).min(channels);
        let mut sum = V::zero();
        for row in x.chunks_exact(channels) {
            sum = sum + V::from_slice(&row[first..last]);
        }
        let middle = sum / count;
        // What rounding left of the mean is seen in the deviations, and mended (Björck's two-pass sum).
        let (mut rest, mut deviations) = (V::zero(), V::zero());
        for row in x.chunks_exact(channels) {
            let deviation = V::from_slice(&row[first..last]) - middle;
            rest = rest + deviation;
            deviations = deviation.fma(deviation, deviations);
        }
        let shift = rest / count;
        (middle + shift).to_slice(&mut mean[first..last]);
        (-rest)
            .fma(shift, deviations)
            .to_slice(&mut squares[first..last]);
        first = last;
    }
}

/// A vector of one number for each channel; a closure would not be inlined where it is used twice.
#[inline(always)]
fn part<V: Simd>(of_channels: &[f32], range: &Range<usize>) -> V {
    V::from_slice(&of_channels[range.clone()])
}

dispatch! {
    fn normalise_rows(x: &[f32], constants: [&[f32]; 4], y: &mut [f32]) => normalise_generic
}

#[inline(always)]
fn normalise_generic<V: Simd>(x: &[f32], [gamma, beta, mean, inverse]: [&[f32]; 4], y: &mut [f32]) {
    let channels = gamma.len();
    let mut first = 0;
    while first < channels {
        let last = (first + V::LANES).min(channels);
        let range = first..last;
        let (mean, beta) = (part::<V>(mean, &range), part::<V>(beta, &range));
        let factor = part::<V>(gamma, &range) * part::<V>(inverse, &range);
        for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            (V::from_slice(&x[first..last]) - mean)
                .fma(factor, beta)
                .to_slice(&mut y[first..last]);
        }
        first = last;
    }
}

dispatch! {
    fn block_gradients(inputs: [&[f32]; 2], moments: [&[f32]; 2], sums: [&mut [f32]; 2])
        => block_gradients_generic
}

/// The block's part of `dγ` and `dβ`.
#[inline(always)]
fn block_gradients_generic<V: Simd>(
    [x, dy]: [&[f32]; 2],
    [mean, inverse]: [&[f32]; 2],
    [dgamma, dbeta]: [&mut [f32]; 2],
) {
    let channels = mean.len();
    let mut first = 0;
    while first < channels {
        let last = (first + V::LANES).min(channels);
        let mean = V::from_slice(&mean[first..last]);
        let (mut of_gamma, mut of_beta) = (V::zero(), V::zero());
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            let gradient = V::from_slice(&dy[first..last]);
            of_gamma = gradient.fma(V::from_slice(&x[first..last]) - mean, of_gamma);
            of_beta = of_beta + gradient;
        }
        (of_gamma * V::from_slice(&inverse[first..last])).to_slice(&mut dgamma[first..last]);
        of_beta.to_slice(&mut dbeta[first..last]);
        first = last;
    }
}

dispatch! {
    fn input_gradients(rows: usize, inputs: [&[f32]; 2], constants: [&[f32]; 5], dx: &mut [f32])
        => input_gradients_generic
}

#[inline(always)]
fn input_gradients_generic<V: Simd>(
    rows: usize,
    [x, dy]: [&[f32]; 2],
    [gamma, mean, inverse, dgamma, dbeta]: [&[f32]; 5],
    dx: &mut [f32],
) {
    let channels = gamma.len();
    let share = V::splat(1.0 / rows as f32);
    let mut first = 0;
    while first < channels {
        let last = (first + V::LANES).min(channels);
        let range = first..last;
        let (mean, inverse) = (part::<V>(mean, &range), part::<V>(inverse, &range));
        let factor = part::<V>(gamma, &range) * inverse;
        let constant = part::<V>(dbeta, &range) * share;
        let slope = part::<V>(dgamma, &range) * share * inverse;
        let inputs = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
        for ((x, dy), dx) in inputs.zip(dx.chunks_exact_mut(channels)) {
            let deviation = V::from_slice(&x[first..last]) - mean;
            let rest = V::from_slice(&dy[first..last]) - constant;
            ((-deviation).fma(slope, rest) * factor).to_slice(&mut dx[first..last]);
        }
        first = last;
    }
}
