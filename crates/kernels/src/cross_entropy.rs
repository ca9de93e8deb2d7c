//! Softmax and cross-entropy in one: the loss of a classifier from its logits.
//!
//! With logits `x` of `[rows, classes]` and targets `t`, a row's loss is `−Σ t·log softmax(x)`. Label
//! smoothing by `ε` replaces `t` by `(1 − ε)·t + ε / classes` (Szegedy et al. 2016).

use crate::level::dispatch;
use crate::simd::Simd;
use crate::sizes::floats;
use crate::softmax::{elements, max_and_log_sum, softmax_rows};
use crate::workers::Parts;
use crate::{Level, Workers, chunks, vectors};
use std::ops::Range;

/// What each row should have been.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// The number of a class for each row. Where it is no whole number in `0..classes`, the row's loss
    /// and gradients are not a number.
    Labels(&'a [f32]),
    /// A share of each class for each row, of shape `[rows, classes]`.
    Shares(&'a [f32]),
}

/// Cross-entropy from logits of shape `[rows, classes]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Number of rows.
    pub rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// `ε`, 0 for none.
    pub label_smoothing: f32,
}

impl CrossEntropy {
    /// Writes one loss for each row.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for.
    pub fn forward(&self, workers: &Workers, logits: &[f32], targets: Targets, losses: &mut [f32]) {
        self.check(logits, targets);
        assert_eq!(losses.len(), self.rows, "one loss for each row");
        let losses = Parts::new(losses);
        let (level, classes) = (workers.level(), self.classes);
        chunks::for_each_block(workers, self.rows, classes, |rows| {
            // SAFETY: blocks do not overlap, and `part` finds them within their slice.
            let part = unsafe { losses.part(rows.start, rows.len()) };
            let logits = &logits[elements(rows.clone(), classes)];
            forward_rows(level, *self, logits, targets.rows(rows, classes), part);
        });
    }

    /// Writes the gradients of the logits from those of the losses.
    ///
    /// # Panics
    /// Where a slice has not the length that the shape asks for.
    pub fn backward(
        &self,
        workers: &Workers,
        logits: &[f32],
        targets: Targets,
        loss_gradients: &[f32],
        logit_gradients: &mut [f32],
    ) {
        self.check(logits, targets);
        assert_eq!(loss_gradients.len(), self.rows, "one gradient for each row");
        assert_eq!(
            logit_gradients.len(),
            logits.len(),
            "one gradient for each logit"
        );
        let gradients = Parts::new(logit_gradients);
        let (level, classes) = (workers.level(), self.classes);
        chunks::for_each_block(workers, self.rows, classes, |rows| {
            let range = elements(rows.clone(), classes);
            // SAFETY: blocks do not overlap, and `part` finds them within their slice.
            let part = unsafe { gradients.part(range.start, range.len()) };
            softmax_rows(level, classes, [&logits[range]; 2], part);
            let loss_gradients = &loss_gradients[rows.clone()];
            backward_rows(
                level,
                *self,
                loss_gradients,
                targets.rows(rows, classes),
                part,
            );
        });
    }

    fn check(&self, logits: &[f32], targets: Targets) {
        let len = floats([self.rows, self.classes]);
        assert!(self.classes > 0, "cross-entropy over no classes");
        assert_eq!(
            logits.len(),
            len,
            "logits of {} × {}",
            self.rows,
            self.classes
        );
        match targets {
            Targets::Labels(labels) => {
                assert_eq!(labels.len(), self.rows, "one label for each row")
            }
            Targets::Shares(shares) => assert_eq!(shares.len(), len, "one share for each logit"),
        }
    }
}

impl<'a> Targets<'a> {
    fn rows(self, rows: Range<usize>, classes: usize) -> Targets<'a> {
        match self {
            Targets::Labels(labels) => Targets::Labels(&labels[rows]),
            Targets::Shares(shares) => Targets::Shares(&shares[elements(rows, classes)]),
        }
    }
}

/// The class that a label names.
#[inline(always)]
fn class(label: f32, classes: usize) -> Option<usize> {
    let class = label as usize;
    (class as f32 == label && class < classes).then_some(class)
}

fn forward_rows(
    level: Level,
    loss: CrossEntropy,
    logits: &[f32],
    targets: Targets,
    losses: &mut [f32],
) {
    let CrossEntropy {
        classes,
        label_smoothing: smoothing,
        ..
    } = loss;
    for (row, (x, loss)) in logits.chunks_exact(classes).zip(losses).enumerate() {
        let (max, log) = max_and_log_sum(level, x);
        *loss = match targets {
            Targets::Labels(labels) => {
                class(labels[row], classes).map_or(f32::NAN, |class| log - (x[class] - max))
            }
            Targets::Shares(shares) => {
                let (total, inner) =
                    shares_times(level, &shares[row * classes..][..classes], x, max);
                total * log - inner
            }
        };
        if smoothing != 0.0 {
            let mean = sum_above(level, x, max) / classes as f32;
            *loss = (1.0 - smoothing) * *loss + smoothing * (log - mean);
        }
    }
}

dispatch! {
    /// `Σ t` and `Σ t · (x − max)`.
    fn shares_times(t: &[f32], x: &[f32], max: f32) -> (f32, f32) => shares_times_generic
}

#[inline(always)]
fn shares_times_generic<V: Simd>(t: &[f32], x: &[f32], max: f32) -> (f32, f32) {
    let max = V::splat(max);
    let inner = vectors::sum([t, x], |[t, x]: [V; 2]| t * (x - max));
    (vectors::sum([t], |[t]: [V; 1]| t), inner)
}

dispatch! {
    /// `Σ (x − max)`.
    fn sum_above(x: &[f32], max: f32) -> f32 => sum_above_generic
}

#[inline(always)]
fn sum_above_generic<V: Simd>(x: &[f32], max: f32) -> f32 {
    vectors::sum([x], |[x]: [V; 1]| x - V::splat(max))
}

dispatch! {
    /// Turns probabilities of rows into gradients.
    fn backward_rows(loss: CrossEntropy, loss_gradients: &[f32], targets: Targets, gradients: &mut [f32])
        => backward_generic
}

#[inline(always)]
fn backward_generic<V: Simd>(
    loss: CrossEntropy,
    loss_gradients: &[f32],
    targets: Targets,
    gradients: &mut [f32],
) {
    let CrossEntropy {
        classes,
        label_smoothing: smoothing,
        ..
    } = loss;
    let rows = loss_gradients
        .iter()
        .zip(gradients.chunks_exact_mut(classes));
    for (row, (&g, dx)) in rows.enumerate() {
        let uniform = V::splat(g * smoothing / classes as f32);
        match targets {
            Targets::Labels(labels) => {
                let class = class(labels[row], classes);
                let factor = V::splat(if class.is_some() { g } else { f32::NAN });
                vectors::update([], [dx], |_: [V; 0], [p]| [p.fma(factor, -uniform)]);
                if let Some(class) = class {
                    dx[class] -= g * (1.0 - smoothing);
                }
            }
            Targets::Shares(shares) => {
                let t = &shares[row * classes..][..classes];
                let total = vectors::sum([t], |[t]: [V; 1]| t);
                let factor = V::splat(g * ((1.0 - smoothing) * total + smoothing));
                let of_share = V::splat(-g * (1.0 - smoothing));
                vectors::update([t], [dx], |[t]: [V; 1], [p]| {
                    [t.fma(of_share, p.fma(factor, -uniform))]
                });
            }
        }
    }
}
