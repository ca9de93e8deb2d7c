//! Forward and backward along one sequence.

use super::{Crf, Field};
use crate::level::dispatch;
use crate::simd::Simd;
use crate::{Level, math, vectors};

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
    pub(super) fn forward(self, level: Level, room: &mut Room<'_>) -> f64 {
        let (mut total, mut last) = (0.0, None);
        for step in self.steps() {
            let (before, rest) = room.before.split_at_mut(step * self.tags);
            let row = &mut rest[..self.tags];
            match last {
                None => row.copy_from_slice(self.row(self.tags)),
                Some(last) => {
                    let before = &before[last * self.tags..][..self.tags];
                    let transitions = &self.scores[..self.tags * self.tags];
                    log_sums(level, before, transitions, room.largest, row);
                }
            }
            row.iter_mut()
                .zip(self.emission(step))
                .for_each(|(sum, e)| *sum += e);
            total += f64::from(take_out_largest(&mut rest[..self.tags]));
            last = Some(step);
        }
        let Some(last) = last else {
            return 0.0;
        };
        let row = &room.before[last * self.tags..][..self.tags];
        total + f64::from(log_sum_of(level, row, self.row(self.tags + 1)))
    }

    /// After [`Chain::forward`]: writes probabilities of tags to `marginals`, or with targets the gradients of emissions,
    /// and adds those of the scores.
    pub(super) fn backward(
        self,
        level: Level,
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
                Some(_) => log_sums(level, room.ahead, room.turned, room.largest, room.after),
            }
            let before = &room.before[step * tags..][..tags];
            let total = log_sum_of(level, before, room.after);
            let out = &mut marginals[step * tags..][..tags];
            probabilities(level, [before, room.after], total, out);
            if let Some(Targets { tags: all, d_loss }) = targets {
                let tag = self.tag(all, step).unwrap_or_default();
                let after = next.and_then(|next| self.tag(all, next));
                match after {
                    None => add_row(d_loss, out, &mut d_scores[(tags + 1) * tags..]),
                    Some(after) => {
                        let transitions = &self.scores[..tags * tags];
                        let sums = &mut d_scores[..tags * tags];
                        add_pairs(
                            level,
                            before,
                            transitions,
                            room.ahead,
                            [total, d_loss],
                            sums,
                        );
                        d_scores[tag * tags + after] -= d_loss;
                    }
                }
                if after.is_none() {
                    d_scores[(tags + 1) * tags + tag] -= d_loss;
                }
                if self.steps().next() == Some(step) {
                    add_row(d_loss, out, &mut d_scores[tags * tags..]);
                    d_scores[tags * tags + tag] -= d_loss;
                }
                out[tag] -= 1.0;
                out.iter_mut().for_each(|p| *p *= d_loss);
            }
            take_out_largest(room.after);
            let behind = self.emission(step).iter().zip(&*room.after);
            room.ahead
                .iter_mut()
                .zip(behind)
                .for_each(|(ahead, (e, b))| *ahead = e + b);
            next = Some(step);
        }
    }
}

fn add_row(weight: f32, row: &[f32], sums: &mut [f32]) {
    sums.iter_mut()
        .zip(row)
        .for_each(|(sum, p)| *sum += weight * p);
}

/// Subtracts the largest value from all, and returns it.
fn take_out_largest(row: &mut [f32]) -> f32 {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|x| *x -= largest);
    largest
}

// Each closure below stands at one place of the machine code, and is inlined therefore.

dispatch! {
    /// `sums[j] = log Σᵢ exp(terms[i] + rows[i][j])`.
    fn log_sums(terms: &[f32], rows: &[f32], largest: &mut [f32], sums: &mut [f32]) => log_sums_generic
}

#[inline(always)]
fn log_sums_generic<V: Simd>(terms: &[f32], rows: &[f32], largest: &mut [f32], sums: &mut [f32]) {
    let width = sums.len();
    largest.fill(f32::NEG_INFINITY);
    for (term, row) in terms.iter().zip(rows.chunks_exact(width)) {
        for (most, x) in largest.iter_mut().zip(row) {
            *most = most.max(x + term);
        }
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

dispatch! {
    /// `log Σ exp(a + b)`.
    fn log_sum_of(a: &[f32], b: &[f32]) -> f32 => log_sum_of_generic
}

#[inline(always)]
fn log_sum_of_generic<V: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let most = a
        .iter()
        .zip(b)
        .fold(f32::NEG_INFINITY, |most, (a, b)| most.max(a + b));
    let shift = V::splat(most);
    let sum = vectors::sum([a, b], |[a, b]: [V; 2]| math::exp(a + b - shift));
    most + vectors::first(math::log(V::splat(sum)))
}

dispatch! {
    /// `exp(a + b − total)`.
    fn probabilities(terms: [&[f32]; 2], total: f32, out: &mut [f32]) => probabilities_generic
}

#[inline(always)]
fn probabilities_generic<V: Simd>(terms: [&[f32]; 2], total: f32, out: &mut [f32]) {
    let total = V::splat(total);
    vectors::map(terms, out, |[a, b]: [V; 2]| math::exp(a + b - total));
}

dispatch! {
    /// Adds the probability of each pair of tags, times a weight.
    fn add_pairs(before: &[f32], transitions: &[f32], ahead: &[f32], numbers: [f32; 2], sums: &mut [f32]) => add_pairs_generic
}

#[inline(always)]
fn add_pairs_generic<V: Simd>(
    before: &[f32],
    transitions: &[f32],
    ahead: &[f32],
    [total, weight]: [f32; 2],
    sums: &mut [f32],
) {
    let tags = before.len();
    let weight = V::splat(weight);
    let rows = transitions
        .chunks_exact(tags)
        .zip(sums.chunks_exact_mut(tags));
    for (a, (transitions, sums)) in before.iter().zip(rows) {
        let base = V::splat(a - total);
        vectors::update([transitions, ahead], [sums], |[t, q]: [V; 2], [sum]| {
            [weight.fma(math::exp(base + t + q), sum)]
        });
    }
}
