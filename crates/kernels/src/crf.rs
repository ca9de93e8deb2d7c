//! Linear-chain conditional random fields, in the log domain.
//!
//! What is carried from step to step has its largest value taken out and kept apart in double precision, and
//! probabilities are normalised at each step, so that nothing grows or fades with the length.

mod chain;
mod decode;

use crate::sizes::floats;
use crate::workers::Parts;
use crate::{Level, Workers};
use chain::{Chain, Room, Targets};

/// The sizes of a batch of chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crf {
    /// Sequences.
    pub batch: usize,
    /// Steps of a sequence.
    pub time: usize,
    /// Tags, at least 1.
    pub tags: usize,
}

/// What every function of a conditional random field reads.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// `[batch, time, tags]`.
    pub emissions: &'a [f32],
    /// `[tags + 2, tags]`: transitions, starts, ends.
    pub scores: &'a [f32],
    /// `[batch, time]`, 0 at steps that do not count.
    pub mask: &'a [f32],
}

impl Crf {
    /// Floats of temporary memory each worker needs.
    ///
    /// # Panics
    /// Where there are more than [`MOST_FLOATS`](crate::MOST_FLOATS) of anything; so do the others.
    pub fn scratch(&self) -> usize {
        self.check_sizes();
        Room::len(self)
    }

    /// Floats of the shared temporary of [`Crf::backward`].
    pub fn shared(&self) -> usize {
        floats([self.batch, self.tags.saturating_add(2), self.tags])
    }

    /// Writes the negative logarithm of the probability of the tags (`[batch, time]`) of each sequence; 0 where no step
    /// counts, not a number where a tag is none.
    ///
    /// # Panics
    /// Where a slice has another length than the sizes say, or the scratch is too short.
    pub fn loss(&self, workers: &Workers, field: Field<'_>, tags: &[f32], losses: &mut [f32]) {
        self.check(workers, field, tags);
        assert_eq!(losses.len(), self.batch, "losses of {self:?}");
        let (level, losses) = (workers.level(), Parts::new(losses));
        workers.run(self.batch, &|sample, scratch| {
            // SAFETY: samples do not overlap, and `part` finds them within their slices.
            let loss = unsafe { &mut losses.part(sample, 1)[0] };
            *loss = loss_of(level, self, field, tags, sample, scratch);
        });
    }

    /// Writes the gradients of the emissions and of the scores from those of the losses (`[batch]`).
    ///
    /// # Panics
    /// As [`Crf::loss`], and where the shared temporary is too short.
    pub fn backward(
        &self,
        workers: &Workers,
        field: Field<'_>,
        [tags, d_losses]: [&[f32]; 2],
        [d_emissions, d_scores]: [&mut [f32]; 2],
        shared: &mut [f32],
    ) {
        self.check(workers, field, tags);
        assert_eq!(
            d_losses.len(),
            self.batch,
            "gradients of losses of {self:?}"
        );
        assert_eq!(
            d_emissions.len(),
            field.emissions.len(),
            "gradients of emissions of {self:?}"
        );
        assert_eq!(
            d_scores.len(),
            field.scores.len(),
            "gradients of scores of {self:?}"
        );
        let (len, own) = (self.time * self.tags, field.scores.len());
        let level = workers.level();
        let shared = &mut shared[..self.shared()];
        let (d_emissions, partials) = (Parts::new(d_emissions), Parts::new(shared));
        workers.run(self.batch, &|sample, scratch| {
            // SAFETY: samples do not overlap, and `part` finds them within their slices.
            let outputs = unsafe {
                [
                    d_emissions.part(sample * len, len),
                    partials.part(sample * own, own),
                ]
            };
            let targets = Targets {
                tags,
                d_loss: d_losses[sample],
            };
            gradients_of(level, self, field, Some(targets), sample, outputs, scratch);
        });
        d_scores.fill(0.0);
        for partial in shared.chunks_exact(own) {
            d_scores
                .iter_mut()
                .zip(partial)
                .for_each(|(sum, x)| *sum += x);
        }
    }

    /// Writes the probability of each tag at each step that counts, 0 elsewhere.
    ///
    /// # Panics
    /// As [`Crf::loss`].
    pub fn marginals(&self, workers: &Workers, field: Field<'_>, marginals: &mut [f32]) {
        self.check(workers, field, field.mask);
        assert_eq!(
            marginals.len(),
            field.emissions.len(),
            "marginals of {self:?}"
        );
        let (level, len) = (workers.level(), self.time * self.tags);
        let marginals = Parts::new(marginals);
        workers.run(self.batch, &|sample, scratch| {
            // SAFETY: samples do not overlap, and `part` finds them within their slices.
            let outputs = unsafe { [marginals.part(sample * len, len), &mut []] };
            gradients_of(level, self, field, None, sample, outputs, scratch);
        });
    }

    /// Writes the most probable tags, the smallest of equally good ones, 0 at steps that do not count.
    ///
    /// # Panics
    /// As [`Crf::loss`].
    pub fn decode(&self, workers: &Workers, field: Field<'_>, tags: &mut [f32]) {
        self.check(workers, field, field.mask);
        assert_eq!(tags.len(), field.mask.len(), "tags of {self:?}");
        let tags = Parts::new(tags);
        workers.run(self.batch, &|sample, scratch| {
            // SAFETY: samples do not overlap, and `part` finds them within their slices.
            let tags = unsafe { tags.part(sample * self.time, self.time) };
            decode::best_path(self, field, sample, tags, scratch);
        });
    }

    /// Once this has passed, no product of sizes wraps.
    fn check_sizes(&self) {
        floats([self.batch, self.time, self.tags]);
        floats([self.tags.saturating_add(2), self.tags]);
    }

    fn check(&self, workers: &Workers, field: Field<'_>, tags: &[f32]) {
        self.check_sizes();
        let steps = self.batch * self.time;
        assert!(self.tags > 0, "no tags");
        assert_eq!(
            field.emissions.len(),
            steps * self.tags,
            "emissions of {self:?}"
        );
        assert_eq!(
            field.scores.len(),
            (self.tags + 2) * self.tags,
            "scores of {self:?}"
        );
        assert_eq!(
            [field.mask.len(), tags.len()],
            [steps; 2],
            "mask and tags of {self:?}"
        );
        assert!(workers.scratch() >= self.scratch(), "scratch of {self:?}");
    }
}

fn loss_of(
    level: Level,
    crf: &Crf,
    field: Field<'_>,
    tags: &[f32],
    sample: usize,
    scratch: &mut [f32],
) -> f32 {
    let chain = Chain::new(crf, field, sample);
    let mut room = Room::new(crf, scratch);
    match chain.score(tags) {
        None => f32::NAN,
        Some(score) => (chain.forward(level, &mut room) - score) as f32,
    }
}

fn gradients_of(
    level: Level,
    crf: &Crf,
    field: Field<'_>,
    targets: Option<Targets<'_>>,
    sample: usize,
    [steps, scores]: [&mut [f32]; 2],
    scratch: &mut [f32],
) {
    steps.fill(0.0);
    scores.fill(0.0);
    let chain = Chain::new(crf, field, sample);
    if targets.is_some_and(|targets| chain.score(targets.tags).is_none()) {
        steps.fill(f32::NAN);
        scores.fill(f32::NAN);
        return;
    }
    let mut room = Room::new(crf, scratch);
    chain.forward(level, &mut room);
    chain.backward(level, &mut room, targets, steps, scores);
}
