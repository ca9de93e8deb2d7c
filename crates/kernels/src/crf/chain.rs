//! Forward and backward along one sequence.

use super::{Crf, Field};
use crate::simd::Simd;
use crate::{math, vectors};

/// The tags of all sequences, and the gradient of this one's loss.
#[derive(Clone, Copy)]
pub(super) struct Targets<'a> {
    pub tags: &'a [f32],
    pub d_loss: f32,
}

/// One sequence.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    emissions: &'a [f32],
    scores: &'a [f32],
    mask: &'a [f32],
    sample: usize,
    tags: usize,
}

/// The temporary memory of one sequence.
pub(super) struct Room<'a> {
    /// For each step, what the sequences up to there come to, its largest value taken out.
    pub before: &'a mut [f32],
    /// The transitions to a tag in a row.
    turned: &'a mut [f32],
    /// What a step and all behind it come to.
    ahead: &'a mut [f32],
    /// What follows a step comes to.
    pub after: &'a mut [f32],
    pub largest: &'a mut [f32],
}

impl<'a> Room<'a> {
    pub(super) fn len(crf: &Crf) -> usize {
        (crf.time + crf.tags + 3) * crf.tags
    }

    pub(super) fn new(crf: &Crf, scratch: &'a mut [f32]) -> Self {
        let tags = crf.tags;
        let (before, rest) = scratch.split_at_mut(crf.time * tags);
        let (turned, rest) = rest.split_at_mut(tags * tags);
        let (ahead, rest) = rest.split_at_mut(tags);
        let (after, rest) = rest.split_at_mut(tags);
        Self {
            before,
            turned,
            ahead,
            after,
            largest: &mut rest[..tags],
        }
    }
}

impl<'a> Chain<'a> {
    pub(super) fn new(crf: &Crf, field: Field<'a>, sample: usize) -> Self {
        let len = crf.time * crf.tags;
        Self {
            emissions: &field.emissions[sample * len..][..len],
            scores: field.scores,
            mask: &field.mask[sample * crf.time..][..crf.time],
            sample,
            tags: crf.tags,
        }
    }

    /// The steps that count.
    pub(super) fn steps(self) -> impl DoubleEndedIterator<Item = usize> + use<'a> {
        let mask = self.mask;
        (0..mask.len()).filter(move |&step| mask[step] != 0.0)
    }

    pub(super) fn emission(self, step: usize) -> &'a [f32] {
        &self.emissions[step * self.tags..][..self.tags]
    }

    /// A row of transitions, or (at `tags` and after it) the starts and the ends.
    pub(super) fn row(self, row: usize) -> &'a [f32] {
        &self.scores[row * self.tags..][..self.tags]
    }

    fn tag(self, all: &[f32], step: usize) -> Option<usize> {
        let value = all[self.sample * self.mask.len() + step];
        let tag = value as usize;
        (tag as f32 == value && tag < self.tags).then_some(tag)
    }

    /// The score of the given tags, if all of them are tags.
    pub(super) fn score(self, all: &[f32]) -> Option<f64> {
        let (mut score, mut last) = (0.0, None);
        for step in self.steps() {
            let tag = self.tag(all, step)?;
            let row = last.unwrap_or(self.tags);
            score += f64::from(self.row(row)[tag]) + f64::from(self.emission(step)[tag]);
            last = Some(tag);
        }
        Some(score + last.map_or(0.0, |tag| f64::from(self.row(self.tags + 1)[tag])))
    }

    /// Fills `room.before` at the steps that count, and returns the logarithm of the sum over all sequences.
    #[inline(always)]
    pub(super) fn forward<V: Simd>(self, room: &mut Room<'_>) -> f64 {
        let (mut total, mut last) = (0.0, None);
        for step in self.steps() {
            let (before, rest) = room.before.split_at_mut(step * self.tags);
            let row = &mut rest[..self.tags];
            match last {
                None => row.copy_from_slice(self.row(self.tags)),
                Some(last) => {
                    let before = &before[last * self.tags..][..self.tags];
                    let transitions = &self.scores[..self.tags * self.tags];
                    log_sums::<V>(before, transitions, room.largest, row);
                }
            }
            vectors::update([self.emission(step)], [row], |[e]: [V; 1], [sum]| [sum + e]);
            total += f64::from(take_out_largest::<V>(&mut rest[..self.tags]));
            last = Some(step);
        }
        let Some(last) = last else {
            return 0.0;
        };
        let row = &room.before[last * self.tags..][..self.tags];
        total + f64::from(log_sum_of::<V>(row, self.row(self.tags + 1)))
    }

    /// After [`Chain::forward`]: writes probabilities of tags to `marginals`, or with targets the gradients of emissions,
    /// and adds those of the scores.
    #[inline(always)]
    pub(super) fn backward<V: Simd>(
        self,
        room: &mut Room<'_>,
        targets: Option<Targets<'_>>,
        marginals: &mut [f32],
        d_scores: &mut [f32],
    ) {
        let tags = self.tags;
        for (from, row) in self.scores[..tags * tags].chunks_exact(tags).enumerate() {
            for (to, score) in row.iter().enumerate() {
                room.turned[to * tags + from] = *score;
            }
        }
        let mut next: Option<usize> = None;
        for step in self.steps().rev() {
            match next {
                None => room.after.copy_from_slice(self.row(tags + 1)),
                Some(_) => log_sums::<V>(room.ahead, room.turned, room.largest, room.after),
            }
            let before = &room.before[step * tags..][..tags];
            let total = V::splat(log_sum_of::<V>(before, room.after));
            let out = &mut marginals[step * tags..][..tags];
            vectors::map([before, &*room.after], out, |[a, b]: [V; 2]| {
                math::exp(a + b - total)
            });
            if let Some(Targets { tags: all, d_loss }) = targets {
                let tag = self.tag(all, step).unwrap_or_default();
                let after = next.and_then(|next| self.tag(all, next));
                let weight = V::splat(d_loss);
                match after {
                    None => add_row::<V>(weight, out, &mut d_scores[(tags + 1) * tags..]),
                    Some(after) => {
                        for (from, a) in before.iter().enumerate() {
                            let base = V::splat(*a) - total;
                            let sums = &mut d_scores[from * tags..][..tags];
                            let reads = [self.row(from), &*room.ahead];
                            vectors::update(reads, [sums], |[t, q]: [V; 2], [sum]| {
                                [weight.fma(math::exp(base + t + q), sum)]
                            });
                        }
                        d_scores[tag * tags + after] -= d_loss;
                    }
                }
                if after.is_none() {
                    d_scores[(tags + 1) * tags + tag] -= d_loss;
                }
                if self.steps().next() == Some(step) {
                    add_row::<V>(weight, out, &mut d_scores[tags * tags..]);
                    d_scores[tags * tags + tag] -= d_loss;
                }
                out[tag] -= 1.0;
                vectors::update([], [out], |_: [V; 0], [p]| [p * weight]);
            }
            take_out_largest::<V>(room.after);
            let reads = [self.emission(step), &*room.after];
            vectors::map(reads, room.ahead, |[e, b]: [V; 2]| e + b);
            next = Some(step);
        }
    }
}

#[inline(always)]
fn add_row<V: Simd>(weight: V, row: &[f32], sums: &mut [f32]) {
    let sums = &mut sums[..row.len()];
    vectors::update([row], [sums], |[p]: [V; 1], [sum]| [weight.fma(p, sum)]);
}

/// `sums[j] = log Σᵢ exp(terms[i] + rows[i][j])`.
#[inline(always)]
fn log_sums<V: Simd>(terms: &[f32], rows: &[f32], largest: &mut [f32], sums: &mut [f32]) {
    let width = sums.len();
    largest.fill(f32::NEG_INFINITY);
    for (term, row) in terms.iter().zip(rows.chunks_exact(width)) {
        let term = V::splat(*term);
        vectors::update([row], [&mut *largest], |[x]: [V; 1], [most]| {
            [(x + term).max(most)]
        });
    }
    sums.fill(0.0);
    for (term, row) in terms.iter().zip(rows.chunks_exact(width)) {
        let term = V::splat(*term);
        vectors::update(
            [row, &*largest],
            [&mut *sums],
            |[x, most]: [V; 2], [sum]| [sum + math::exp(x + term - most)],
        );
    }
    vectors::update([&*largest], [sums], |[most]: [V; 1], [sum]| {
        [most + math::log(sum)]
    });
}

/// `log Σ exp(a + b)`.
#[inline(always)]
fn log_sum_of<V: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let start = V::splat(f32::NEG_INFINITY);
    let most = vectors::fold(
        [a, b],
        start,
        |most, [a, b]: [V; 2]| (a + b).max(most),
        |a, b| b.max(a),
    );
    let most = most.reduce_max();
    let shift = V::splat(most);
    let sum = vectors::sum([a, b], |[a, b]: [V; 2]| math::exp(a + b - shift));
    most + vectors::first(math::log(V::splat(sum)))
}

/// Subtracts the largest value from all, and returns it.
#[inline(always)]
fn take_out_largest<V: Simd>(row: &mut [f32]) -> f32 {
    let largest = vectors::largest::<V>(row);
    let shift = V::splat(largest);
    vectors::update([], [row], |_: [V; 0], [x]| [x - shift]);
    largest
}
