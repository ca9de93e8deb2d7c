//! Layer normalisation over the last axis (Ba et al. 2016).
//!
//! With `x` of `[rows, columns]` and each row's mean `m` and variance `v`: `y = γ · x̂ + β`,
//! `x̂ = (x − m) / √(v + ε)`.

use crate::level::dispatch;
use crate::row_blocks::RowBlocks;
use crate::simd::Simd;
use crate::sizes::floats;
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

/// What the gradient of a layer normalisation is computed from.
#[derive(Debug, Clone, Copy)]
pub struct LayerNormOperands<'a> {
    /// What was normalised.
    pub x: &'a [f32],
    /// The gradient of the result.
    pub dy: &'a [f32],
    /// The scale of each column.
    pub gamma: &'a [f32],
    /// Another gradient of `x`, which is added.
    pub added: Option<&'a [f32]>,
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
    pub fn backward(
        &self,
        workers: &Workers,
        operands: LayerNormOperands<'_>,
        dx: &mut [f32],
        [dgamma, dbeta]: [&mut [f32]; 2],
        shared: &mut [f32],
    ) {
        let LayerNormOperands {
            x,
            dy,
            gamma,
            added,
        } = operands;
        self.check(&[x, dy, dx, added.unwrap_or(x)], &[gamma, dgamma, dbeta]);
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
        let (blocks, epsilon) = (self.blocks(), self.epsilon);
        blocks.reduce(workers, [x, dy], shared, |level, inputs, sums| {
            affine_gradients(level, epsilon, inputs, sums);
        });
        blocks.sum(shared, [dgamma, dbeta]);
    }

    fn check(&self, elements: &[&[f32]], of_columns: &[&[f32]]) {
        let len = floats([self.rows, self.columns]);
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

/// Rows that are taken together, so that none waits for the sums of another.
const TOGETHER: usize = 4;

/// The mean of each row and `1 / √(v + ε)`.
#[inline(always)]
fn moments<V: Simd, const ROWS: usize>(epsilon: f32, x: &[f32]) -> ([V; ROWS], [V; ROWS]) {
    let columns = x.len() / ROWS;
    let share = 1.0 / columns as f32;
    let (mut means, mut inverses) = ([V::zero(); ROWS], [V::zero(); ROWS]);
    for column in (0..columns).step_by(V::LANES) {
        let count = V::LANES.min(columns - column);
        for (row, sum) in means.iter_mut().enumerate() {
            // SAFETY: `x` has `ROWS` rows of `columns` floats, as they were taken from its length.
            *sum = *sum + unsafe { vectors::load(x.as_ptr().add(row * columns + column), count) };
        }
    }
    for mean in &mut means {
        *mean = V::splat(mean.reduce_sum() * share);
    }
    for column in (0..columns).step_by(V::LANES) {
        let count = V::LANES.min(columns - column);
        for (row, (sum, &mean)) in inverses.iter_mut().zip(&means).enumerate() {
            // SAFETY: as above.
            let x: V = unsafe { vectors::load(x.as_ptr().add(row * columns + column), count) };
            let mut distance = x - mean;
            if count < V::LANES {
                distance = distance.select(V::zero(), V::mask_from_bits((1 << count) - 1));
            }
            *sum = distance.fma(distance, *sum);
        }
    }
    for inverse in &mut inverses {
        let variance = inverse.reduce_sum() * share;
        *inverse = V::splat(1.0 / (variance + epsilon).sqrt());
    }
    (means, inverses)
}

dispatch! {
    /// Normalises rows, one behind another.
    pub(crate) fn forward_rows(epsilon: f32, x: &[f32], affine: [&[f32]; 2], y: &mut [f32]) => forward_generic
}

#[inline(always)]
fn forward_generic<V: Simd>(epsilon: f32, x: &[f32], affine: [&[f32]; 2], y: &mut [f32]) {
    let columns = affine[0].len();
    let whole = x.len() / (TOGETHER * columns) * (TOGETHER * columns);
    let ((x, rest), (y, rest_y)) = (x.split_at(whole), y.split_at_mut(whole));
    forward_together::<V, TOGETHER>(epsilon, x, affine, y);
    forward_together::<V, 1>(epsilon, rest, affine, rest_y);
}

#[inline(always)]
fn forward_together<V: Simd, const ROWS: usize>(
    epsilon: f32,
    x: &[f32],
    [gamma, beta]: [&[f32]; 2],
    y: &mut [f32],
) {
    let columns = gamma.len();
    let rows = x.chunks_exact(ROWS * columns);
    for (x, y) in rows.zip(y.chunks_exact_mut(ROWS * columns)) {
        let (means, inverses) = moments::<V, ROWS>(epsilon, x);
        let rows = x.chunks_exact(columns).zip(y.chunks_exact_mut(columns));
        for ((x, y), (&mean, &inverse)) in rows.zip(means.iter().zip(&inverses)) {
            vectors::map([x, gamma, beta], y, |[x, gamma, beta]: [V; 3]| {
                ((x - mean) * inverse).fma(gamma, beta)
            });
        }
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

/// The gradients of a block's inputs, and its part of `dγ` and `dβ`, while rows are in the cache.
#[inline(always)]
fn gradients_generic<V: Simd>(
    epsilon: f32,
    inputs: [&[f32]; 2],
    gamma: &[f32],
    added: Option<&[f32]>,
    dx: &mut [f32],
    [dgamma, dbeta]: [&mut [f32]; 2],
) {
    dgamma.fill(0.0);
    dbeta.fill(0.0);
    let together = TOGETHER * gamma.len();
    let whole = dx.len() / together * together;
    let [(x, rest_x), (dy, rest_dy)] = [inputs[0].split_at(whole), inputs[1].split_at(whole)];
    let (added, rest_added) = added.map(|added| added.split_at(whole)).unzip();
    let (dx, rest_dx) = dx.split_at_mut(whole);
    let sums = [&mut *dgamma, &mut *dbeta];
    gradients_together::<V, TOGETHER>(epsilon, [x, dy], gamma, added, dx, sums);
    let (rest, sums) = ([rest_x, rest_dy], [dgamma, dbeta]);
    gradients_together::<V, 1>(epsilon, rest, gamma, rest_added, rest_dx, sums);
}

#[inline(always)]
fn gradients_together<V: Simd, const ROWS: usize>(
    epsilon: f32,
    [x, dy]: [&[f32]; 2],
    gamma: &[f32],
    added: Option<&[f32]>,
    dx: &mut [f32],
    [dgamma, dbeta]: [&mut [f32]; 2],
) {
    let columns = gamma.len();
    assert!(dgamma.len() == columns && dbeta.len() == columns);
    let share = 1.0 / columns as f32;
    for start in (0..dx.len()).step_by(ROWS * columns) {
        let range = start..start + ROWS * columns;
        let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
        let (means, inverses) = moments::<V, ROWS>(epsilon, x);
        let (mut constants, mut slopes) = ([V::zero(); ROWS], [V::zero(); ROWS]);
        for column in (0..columns).step_by(V::LANES) {
            let count = V::LANES.min(columns - column);
            // SAFETY: by the assertion above all parameters have `columns` floats; `x` and `dy` were cut to `ROWS` times as many.
            unsafe {
                let gamma = vectors::load::<V>(gamma.as_ptr().add(column), count);
                let a_place = dgamma.as_mut_ptr().add(column);
                let b_place = dbeta.as_mut_ptr().add(column);
                let mut a = vectors::load::<V>(a_place, count);
                let mut b = vectors::load::<V>(b_place, count);
                for row in 0..ROWS {
                    let place = row * columns + column;
                    let x = vectors::load::<V>(x.as_ptr().add(place), count);
                    let dy = vectors::load::<V>(dy.as_ptr().add(place), count);
                    let normal = (x - means[row]) * inverses[row];
                    a = dy.fma(normal, a);
                    b = b + dy;
                    let flow = dy * gamma;
                    constants[row] = constants[row] + flow;
                    slopes[row] = flow.fma(normal, slopes[row]);
                }
                vectors::store(a, a_place, count);
                vectors::store(b, b_place, count);
            }
        }
        for row in 0..ROWS {
            constants[row] = V::splat(constants[row].reduce_sum() * share);
            slopes[row] = V::splat(slopes[row].reduce_sum() * share);
        }
        let dx = &mut dx[range.clone()];
        let rows = x.chunks_exact(columns).zip(dy.chunks_exact(columns));
        for (row, ((x, dy), dx)) in rows.zip(dx.chunks_exact_mut(columns)).enumerate() {
            let (mean, inverse) = (means[row], inverses[row]);
            let (constant, slope) = (constants[row], slopes[row]);
            match added {
                None => vectors::map([x, dy, gamma], dx, |[x, dy, gamma]: [V; 3]| {
                    let normal = (x - mean) * inverse;
                    (dy * gamma - constant - normal * slope) * inverse
                }),
                Some(added) => {
                    let first = start + row * columns;
                    let added = &added[first..first + columns];
                    let reads = [x, dy, gamma, added];
                    vectors::map(reads, dx, |[x, dy, gamma, added]: [V; 4]| {
                        let normal = (x - mean) * inverse;
                        (dy * gamma - constant - normal * slope).fma(inverse, added)
                    });
                }
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
        let ([mean], [inverse]) = moments::<V, 1>(epsilon, x);
        vectors::update(
            [x, dy],
            [&mut *dgamma, &mut *dbeta],
            |[x, dy]: [V; 2], [a, b]| [dy.fma((x - mean) * inverse, a), b + dy],
        );
    }
}
