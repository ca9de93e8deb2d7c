//! The size and the soundness of whole buffers.

use crate::level::dispatch;
use crate::simd::Simd;
use crate::workers::Parts;
use crate::{Workers, chunks, vectors};

/// Floats of temporary memory that [`sum_of_squares`] needs for `len` elements.
pub fn sum_of_squares_shared(len: usize) -> usize {
    chunks::count(len)
}

/// The sum of the squares of all elements, for clipping by the norm over all gradients. `shared`
/// holds at least [`sum_of_squares_shared`] floats.
///
/// # Panics
/// Where `shared` is too short.
pub fn sum_of_squares(workers: &Workers, values: &[f32], shared: &mut [f32]) -> f32 {
    let pieces = chunks::count(values.len());
    let shared = &mut shared[..pieces];
    let partials = Parts::new(shared);
    let level = workers.level();
    chunks::for_each_piece(workers, pieces, |piece| {
        let sum = squares(level, &values[chunks::range(piece, values.len())]);
        // SAFETY: each piece has an element of its own, which `part` finds within `shared`.
        unsafe { partials.part(piece, 1)[0] = sum };
    });
    fold_in_halves(shared, |a, b| a + b)
}

/// Folds the results of pieces in halves, in place, and returns the one that is left.
pub(crate) fn fold_in_halves(partials: &mut [f32], merge: impl Fn(f32, f32) -> f32) -> f32 {
    let mut len = partials.len();
    while len > 1 {
        let half = len.div_ceil(2);
        for i in half..len {
            partials[i - half] = merge(partials[i - half], partials[i]);
        }
        len = half;
    }
    partials[0]
}

dispatch! {
    fn squares(values: &[f32]) -> f32 => squares_generic
}

#[inline(always)]
fn squares_generic<V: Simd>(values: &[f32]) -> f32 {
    vectors::sum([values], |[x]: [V; 1]| x * x)
}

/// The index of the first element that is infinite or not a number.
pub fn first_non_finite(workers: &Workers, values: &[f32]) -> Option<usize> {
    (0..chunks::count(values.len())).find_map(|piece| {
        let range = chunks::range(piece, values.len());
        let part = &values[range.clone()];
        if zero_times(workers.level(), part) == 0.0 {
            return None;
        }
        part.iter()
            .position(|x| !x.is_finite())
            .map(|i| range.start + i)
    })
}

dispatch! {
    fn zero_times(values: &[f32]) -> f32 => zero_times_generic
}

/// 0 if all are finite, otherwise not a number, since 0 · ∞ is none.
#[inline(always)]
fn zero_times_generic<V: Simd>(values: &[f32]) -> f32 {
    vectors::sum([values], |[x]: [V; 1]| x * V::zero())
}
