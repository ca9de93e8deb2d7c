//! Root mean square normalisation over the last axis (Zhang and Sennrich 2019): `y = γ · x̂`, `x̂ = x / √(mean(x²) + ε)`.

use crate::level::dispatch;
use crate::row_blocks::RowBlocks;
use crate::simd::Simd;
use crate::sizes::floats;
use crate::{Workers, vectors};

/// A root mean square normalisation of `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsNorm {
    /// Rows: everything but the last axis.
    pub rows: usize,
    /// Columns: the last axis.
    pub columns: usize,
    /// `ε`.
    pub epsilon: f32,
}

impl RmsNorm {
    /// Floats of temporary memory that [`Self::scale_gradient`] takes as `shared`.
    pub fn shared(&self) -> usize {
        self.blocks().partials()
    }

    fn blocks(&self) -> RowBlocks {
        RowBlocks::new(self.rows, self.columns)
    }

    /// Normalises each row.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for; so do the other functions.
    pub fn forward(&self, workers: &Workers, x: &[f32], gamma: &[f32], y: &mut [f32]) {
        self.check(&[x, y], gamma);
        let epsilon = self.epsilon;
        self.blocks().map(workers, [x], y, |level, [x], y| {
            forward_rows(level, epsilon, x, gamma, y)
        });
    }

    /// With `g = γ · dy`: `dx = (g − x̂ · mean(g · x̂)) / √(mean(x²) + ε)`.
    pub fn input_gradient(
        &self,
        workers: &Workers,
        [x, dy]: [&[f32]; 2],
        gamma: &[f32],
        dx: &mut [f32],
    ) {
        self.check(&[x, dy, dx], gamma);
        let epsilon = self.epsilon;
        self.blocks()
            .map(workers, [x, dy], dx, |level, inputs, dx| {
                input_gradients(level, epsilon, inputs, gamma, dx);
            });
    }

    /// `dγ = Σ dy · x̂` over the rows.
    pub fn scale_gradient(
        &self,
        workers: &Workers,
        [x, dy]: [&[f32]; 2],
        dgamma: &mut [f32],
        shared: &mut [f32],
    ) {
        self.check(&[x, dy], dgamma);
        let (blocks, epsilon) = (self.blocks(), self.epsilon);
        blocks.reduce(workers, [x, dy], shared, |level, inputs, [sums, _]| {
            scale_gradients(level, epsilon, inputs, sums);
        });
        for (column, dgamma) in dgamma.iter_mut().enumerate() {
            let parts = blocks.column(shared, column).map(|(_, part, _)| part);
            *dgamma = parts.sum::<f64>() as f32;
        }
    }

    fn check(&self, elements: &[&[f32]], of_columns: &[f32]) {
        let len = floats([self.rows, self.columns]);
        assert!(
            elements.iter().all(|slice| slice.len() == len),
            "{self:?} takes {len} elements"
        );
        assert!(
            of_columns.len() == self.columns && self.columns > 0,
            "{self:?} has one number for each column"
        );
    }
}

/// `1 / √(mean(x²) + ε)`.
#[inline(always)]
fn inverse<V: Simd>(epsilon: f32, x: &[f32]) -> V {
    let squares = vectors::sum([x], |[x]: [V; 1]| x * x) / x.len() as f32;
    V::splat(1.0 / (squares + epsilon).sqrt())
}

dispatch! {
    /// Normalises rows, one behind another.
    pub(crate) fn forward_rows(epsilon: f32, x: &[f32], gamma: &[f32], y: &mut [f32]) => forward_generic
}

#[inline(always)]
fn forward_generic<V: Simd>(epsilon: f32, x: &[f32], gamma: &[f32], y: &mut [f32]) {
    let columns = gamma.len();
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        let inverse = inverse::<V>(epsilon, x);
        vectors::map([x, gamma], y, |[x, gamma]: [V; 2]| x * inverse * gamma);
    }
}

dispatch! {
    fn input_gradients(epsilon: f32, inputs: [&[f32]; 2], gamma: &[f32], dx: &mut [f32])
        => input_gradients_generic
}

#[inline(always)]
fn input_gradients_generic<V: Simd>(
    epsilon: f32,
    [x, dy]: [&[f32]; 2],
    gamma: &[f32],
    dx: &mut [f32],
) {
    let columns = gamma.len();
    let inputs = x.chunks_exact(columns).zip(dy.chunks_exact(columns));
    for ((x, dy), dx) in inputs.zip(dx.chunks_exact_mut(columns)) {
        let inverse = inverse::<V>(epsilon, x);
        let slope = vectors::sum([x, dy, gamma], |[x, dy, gamma]: [V; 3]| {
            dy * gamma * (x * inverse)
        });
        let slope = V::splat(slope / columns as f32);
        vectors::map([x, dy, gamma], dx, |[x, dy, gamma]: [V; 3]| {
            (dy * gamma - x * inverse * slope) * inverse
        });
    }
}

dispatch! {
    fn scale_gradients(epsilon: f32, inputs: [&[f32]; 2], sums: &mut [f32]) => scale_gradients_generic
}

#[inline(always)]
fn scale_gradients_generic<V: Simd>(epsilon: f32, [x, dy]: [&[f32]; 2], sums: &mut [f32]) {
    let columns = sums.len();
    sums.fill(0.0);
    for (x, dy) in x.chunks_exact(columns).zip(dy.chunks_exact(columns)) {
        let inverse = inverse::<V>(epsilon, x);
        vectors::update([x, dy], [&mut *sums], |[x, dy]: [V; 2], [sum]| {
            [dy.fma(x * inverse, sum)]
        });
    }
}
