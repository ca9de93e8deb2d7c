//! Batches of sequences: samples of similar length together, so that little is padded.

use jingwei_random::stream;
use jingwei_text::augment::TextAugmentation;
use jingwei_text::prepare::{PADDING, Side, unknown_like};

use crate::prepare::text::{pad, padding_start};
use crate::{Permutation, Sequences};

/// Batches whose samples are sorted by length together. More means less padding, fewer means more chance.
const POOL: usize = 50;

/// The sequences of a part of a dataset, and how they are put into batches.
#[derive(Debug)]
pub(crate) struct SequenceBatches {
    pub(crate) ids: Sequences,
    /// A tag for each id, where tags are predicted.
    pub(crate) tags: Option<Sequences>,
    pub(crate) side: Side,
    /// Random changes to the ids.
    pub(crate) augment: TextAugmentation,
    /// The id of unknown words, where words and characters are tokens.
    pub(crate) first_word: Option<u32>,
    /// The length that every batch has; without one, it follows from the longest sample of the batch.
    pub(crate) length: Option<usize>,
    /// The positions of the samples, batch after batch, in the epoch that was arranged last.
    order: Vec<u32>,
    times: Vec<usize>,
    /// Room for sorting.
    spare: Vec<u32>,
}

impl SequenceBatches {
    pub(crate) fn new(
        ids: Sequences,
        tags: Option<Sequences>,
        side: Side,
        length: Option<usize>,
    ) -> Self {
        let count = ids.len();
        Self {
            ids,
            tags,
            side,
            augment: TextAugmentation::default(),
            first_word: None,
            length,
            order: (0..u32::try_from(count).unwrap_or(u32::MAX)).collect(),
            times: Vec::new(),
            spare: vec![0; count],
        }
    }

    /// The position of the sample at a place of the epoch.
    pub(crate) fn position(&self, place: usize) -> usize {
        self.order[place] as usize
    }

    /// The padded length of a batch.
    pub(crate) fn time(&self, step: usize) -> usize {
        self.times[step]
    }

    pub(crate) fn longest_time(&self) -> usize {
        self.length.unwrap_or_else(|| padded(self.ids.longest()))
    }

    /// Finds the batches of an epoch. Without `shuffle` all samples are sorted by length. From the second call on,
    /// nothing is allocated.
    pub(crate) fn arrange(&mut self, batch: usize, shuffle: bool, seed: u64, epoch: u64) {
        let count = self.order.len();
        let permutation = Permutation::new(count, seed, epoch);
        for (place, position) in self.order.iter_mut().enumerate() {
            *position = if shuffle {
                permutation.at(place)
            } else {
                place
            } as u32;
        }
        let pool = if shuffle { POOL * batch } else { count.max(1) };
        for (number, start) in (0..count).step_by(pool).enumerate() {
            let members = &mut self.order[start..count.min(start + pool)];
            let length = |&position: &u32| self.ids.get(position as usize).len();
            members.sort_unstable_by_key(|position| (length(position), *position));
            if shuffle {
                let seed = seed ^ stream("batches") ^ number as u64;
                shuffle_batches(members, &mut self.spare, batch, seed, epoch);
            }
        }
        let Self {
            ids,
            order,
            times,
            length,
            ..
        } = self;
        let longest = |members: &[u32]| members.iter().map(|&at| ids.get(at as usize).len()).max();
        times.clear();
        times.extend(
            order
                .chunks(batch)
                .map(|members| length.unwrap_or_else(|| padded(longest(members).unwrap_or(0)))),
        );
    }

    /// Writes a sample, and its tags if there are any, each with padding to the length of `ids`; `key` is that of the
    /// random changes.
    pub(crate) fn write(&self, position: usize, key: u64, ids: &mut [f32], tags: &mut [f32]) {
        pad(self.ids.get(position), self.side, ids);
        if !self.augment.is_none() {
            let len = self.ids.get(position).len().min(ids.len());
            let start = padding_start(len, self.side, ids.len());
            let own = &mut ids[start..start + len];
            let unknown = |id: f32| unknown_like(id as u32, self.first_word) as f32;
            let kept = self.augment.apply_to(own, PADDING as f32, unknown, key);
            match self.side {
                Side::After => own[kept..].fill(0.0),
                Side::Before => {
                    own.copy_within(..kept, len - kept);
                    own[..len - kept].fill(0.0);
                }
            }
        }
        if let Some(own) = &self.tags {
            pad(own.get(position), self.side, tags);
        }
    }

    /// Where a sample's own values begin in a sequence of length `time`.
    pub(crate) fn start(&self, position: usize, time: usize) -> usize {
        padding_start(self.ids.get(position).len(), self.side, time)
    }
}

/// Brings the full batches of a pool into a random order; a smaller one at the end stays there.
fn shuffle_batches(members: &mut [u32], spare: &mut [u32], batch: usize, seed: u64, epoch: u64) {
    let full = members.len() / batch;
    let order = Permutation::new(full, seed, epoch);
    let spare = &mut spare[..full * batch];
    for (to, out) in spare.chunks_exact_mut(batch).enumerate() {
        out.copy_from_slice(&members[order.at(to) * batch..][..batch]);
    }
    members[..full * batch].copy_from_slice(spare);
}

/// The length that a batch of sequences up to `length` long gets: one of few, so that few plans are needed, and at most
/// a quarter more than needed beyond 64.
pub(crate) fn padded(length: usize) -> usize {
    let step = (length.max(1).next_power_of_two() / 8).max(8);
    length.max(1).next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_become_few() {
        assert_eq!(
            [0, 1, 8, 9, 63, 65, 100, 129].map(padded),
            [8, 8, 8, 16, 64, 80, 112, 160]
        );
    }

    #[test]
    fn every_sample_comes_once_and_similar_lengths_meet() {
        let mut ids = Sequences::default();
        for sample in 0..1003 {
            ids.push(&vec![1; sample * 7919 % 100 + 1]);
        }
        let mut batches = SequenceBatches::new(ids.clone(), None, Side::After, None);
        batches.arrange(16, true, 1, 0);
        let first = batches.order.clone();
        batches.arrange(16, true, 1, 1);
        assert_ne!(first, batches.order);
        batches.arrange(16, true, 1, 0);
        assert_eq!(first, batches.order);
        let mut seen = first;
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..1003));
        let padded: usize = batches.times.iter().map(|time| time * 16).sum();
        assert!(
            padded < ids.values().len() * 5 / 4,
            "{padded} of {}",
            ids.values().len()
        );
    }
}
