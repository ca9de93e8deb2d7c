//! Layer normalisation over the last axis (Ba et al. 2016).
//!
//! With `x` of `[rows, columns]` and each row's mean `m` and variance `v`: `y = γ · x̂ + β`,
//! `x̂ = (x − m) / √(v + ε)`.

use crate::level::dispatch;
use crate::row_blocks::RowBlocks;
use crate::simd::Simd;
use crate::{Workers, vectors};

/// A layer normalisation of `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// Rows: everything but the last axis.
    pub rows: usize,
    /// Columns: the last axis.
    pub columns: usize,
    /// `ε`.
    pub epsilon: f32,
}

impl LayerNorm {
    /// Floats of temporary memory that [`Self::backward`] takes as `shared`.
    pub fn shared(&self) -> usize {
        self.blocks().partials()
    }

    fn blocks(&self) -> RowBlocks {
        RowBlocks::new(self.rows, self.columns)
    }

    /// Normalises each row. `affine` is `[γ, β]`. The backward pass takes the moments of rows anew,
    /// which costs less than to store and load them.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for.
    pub fn forward(&self, workers: &Workers, x: &[f32], affine: [&[f32]; 2], y: &mut [f32]) {
        self.check(&[x, y], &affine);
        if self.columns == 0 {
            return;
        }
        let epsilon = self.epsilon;
        self.blocks().map(workers, [x], y, |level, [x], y| {
            forward_rows(level, epsilon, x, affine, y)
        });
    }

    /// Writes the gradients of the input and of `[γ, β]`: `dβ = Σ dy` and `dγ = Σ dy·x̂` over the rows,
    /// and with `g = γ · dy` and means along the row
    /// `dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(v + ε)`, plus `added` if there is something.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for.
    #[expect(
        clippy::too_many_arguments,
        reason = "a gradient takes what its forward pass took and gave"
    )]
    pub fn backward(
        &self,
        workers: &Workers,
        [x, dy]: [&[f32]; 2],
        gamma: &[f32],
        added: Option<&[f32]>,
        dx: &mut [f32],
        [dgamma, dbeta]: [&mut [f32]; 2],
        shared: &mut [f32],
    ) {
        self.check(&[x, dy, dx, added.unwrap_or(x)], &[gamma, dgamma, dbeta]);
        if self.columns == 0 {
            return;
        }
        let (blocks, epsilon) = (self.blocks(), self.epsilon);
        let inputs = [x, dy, added.unwrap_or(x)];
        blocks.map_and_reduce(
            workers,
            inputs,
            dx,
            shared,
            |level, [x, dy, r], dx, sums| {
                let added = added.map(|_| r);
                gradients(level, epsilon, [x, dy], gamma, added, dx, sums);
            },
        );
        blocks.sum(shared, [dgamma, dbeta]);
    }

    /// Writes the gradients of `[γ, β]` alone.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for.
    pub fn parameter_gradients(
        &self,
        workers: &Workers,
        [x, dy]: [&[f32]; 2],
        [dgamma, dbeta]: [&mut [f32]; 2],
        shared: &mut [f32],
    ) {
        self.check(&[x, dy], &[dgamma, dbeta]);
        if self.columns == 0 {
            return;
        }
        let (blocks, epsilon) = (self.blocks(), self.epsilon);
        blocks.reduce(workers, [x, dy], shared, |level, inputs, sums| {
            affine_gradients(level, epsilon, inputs, sums);
        });
        blocks.sum(shared, [dgamma, dbeta]);
    }

    fn check(&self, elements: &[&[f32]], of_columns: &[&[f32]]) {
        let len = self.rows * self.columns;
        assert!(
            elements.iter().all(|slice| slice.len() == len),
            "{self:?} takes {len} elements"
        );
        assert!(
            of_columns.iter().all(|slice| slice.len() == self.columns),
            "{self:?} has one number for each column"
        );
    }
}

/// The mean of a row and `1 / √(v + ε)`.
#[inline(always)]
fn moments<V: Simd>(epsilon: f32, x: &[f32]) -> (V, V) {
    let count = x.len() as f32;
    let mean = V::splat(vectors::sum([x], |[x]: [V; 1]| x) / count);
    let variance = vectors::sum([x], |[x]: [V; 1]| (x - mean) * (x - mean)) / count;
    (mean, V::splat(1.0 / (variance + epsilon).sqrt()))
}

dispatch! {
    fn forward_rows(epsilon: f32, x: &[f32], affine: [&[f32]; 2], y: &mut [f32]) => forward_generic
}

#[inline(always)]
fn forward_generic<V: Simd>(epsilon: f32, x: &[f32], [gamma, beta]: [&[f32]; 2], y: &mut [f32]) {
    let columns = gamma.len();
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        let (mean, inverse) = moments::<V>(epsilon, x);
        vectors::map([x, gamma, beta], y, |[x, gamma, beta]: [V; 3]| {
            ((x - mean) * inverse).fma(gamma, beta)
        });
    }
}

dispatch! {
    fn gradients(
        epsilon: f32,
        inputs: [&[f32]; 2],
        gamma: &[f32],
        added: Option<&[f32]>,
        dx: &mut [f32],
        sums: [&mut [f32]; 2],
    ) => gradients_generic
}

/// The gradients of a block's inputs, and its part of `dγ` and `dβ`, while a row is in the cache.
#[inline(always)]
fn gradients_generic<V: Simd>(
    epsilon: f32,
    [x, dy]: [&[f32]; 2],
    gamma: &[f32],
    added: Option<&[f32]>,
    dx: &mut [f32],
    [dgamma, dbeta]: [&mut [f32]; 2],
) {
    let columns = gamma.len();
    let share = 1.0 / columns as f32;
    dgamma.fill(0.0);
    dbeta.fill(0.0);
    let inputs = x.chunks_exact(columns).zip(dy.chunks_exact(columns));
    for (row, ((x, dy), dx)) in inputs.zip(dx.chunks_exact_mut(columns)).enumerate() {
        let (mean, inverse) = moments::<V>(epsilon, x);
        vectors::update(
            [x, dy],
            [&mut *dgamma, &mut *dbeta, &mut *dx],
            |[x, dy]: [V; 2], [a, b, _]| {
                let normal = (x - mean) * inverse;
                [dy.fma(normal, a), b + dy, normal]
            },
        );
        let normal = &*dx;
        let constant = vectors::sum([dy, gamma], |[dy, gamma]: [V; 2]| dy * gamma);
        let slope = vectors::sum([normal, dy, gamma], |[x, dy, gamma]: [V; 3]| dy * gamma * x);
        let (constant, slope) = (V::splat(constant * share), V::splat(slope * share));
        match added {
            None => vectors::update([dy, gamma], [dx], |[dy, gamma]: [V; 2], [x]| {
                [(dy * gamma - constant - x * slope) * inverse]
            }),
            Some(added) => {
                let added = &added[row * columns..(row + 1) * columns];
                vectors::update(
                    [dy, gamma, added],
                    [dx],
                    |[dy, gamma, added]: [V; 3], [x]| {
                        [(dy * gamma - constant - x * slope).fma(inverse, added)]
                    },
                );
            }
        }
    }
}

dispatch! {
    fn affine_gradients(epsilon: f32, inputs: [&[f32]; 2], sums: [&mut [f32]; 2])
        => affine_gradients_generic
}

/// The block's part of `dγ` and `dβ`.
#[inline(always)]
fn affine_gradients_generic<V: Simd>(
    epsilon: f32,
    [x, dy]: [&[f32]; 2],
    [dgamma, dbeta]: [&mut [f32]; 2],
) {
    let columns = dgamma.len();
    dgamma.fill(0.0);
    dbeta.fill(0.0);
    for (x, dy) in x.chunks_exact(columns).zip(dy.chunks_exact(columns)) {
        let (mean, inverse) = moments::<V>(epsilon, x);
        vectors::update(
            [x, dy],
            [&mut *dgamma, &mut *dbeta],
            |[x, dy]: [V; 2], [a, b]| [dy.fma((x - mean) * inverse, a), b + dy],
        );
    }
}
