//! Batches: shuffled, prepared samples, written into buffers of the caller.

mod sequences;

use std::ops::Range;

use jingwei_random::{Draws, stream};
use sequences::SequenceBatches;
pub(crate) use sequences::padded;
use serde::{Deserialize, Serialize};

use crate::augment::{Augment, Mixup, SampleAugment, mix};
use crate::prepare::{ColumnMap, FeatureMap, FeaturePreparation, TargetPreparation, TextMap};
use crate::{Dataset, Error, Features, Permutation, Preparation, Result, Sequences, Targets};

/// Samples that are fetched into the cache together.
const AHEAD: usize = 8;
/// Bytes of a cache line.
const LINE: usize = 64;

/// How samples are put into batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchOptions {
    /// Samples a batch; default 64. The last batch of an epoch holds what is left.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own; default true. Otherwise the order of the indices.
    pub shuffle: bool,
    /// The seed of order and augmentation; default 0.
    pub seed: u64,
    /// Random changes to the samples, for training alone; default none.
    pub augment: Augment,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            batch_size: 64,
            shuffle: true,
            seed: 0,
            augment: Augment::default(),
        }
    }
}

/// The batches of a part of a dataset.
///
/// What [`BatchSource::fill`] writes depends on dataset, indices, preparation, options, epoch and step alone. It needs
/// no exclusive access and no memory, so several threads can each write their samples of one batch.
#[derive(Debug)]
pub struct BatchSource<'a> {
    dataset: &'a Dataset,
    indices: &'a [usize],
    features: FeatureMap,
    targets: Option<ColumnMap>,
    pictures: Option<SampleAugment>,
    mixup: Option<Mixup>,
    sequences: Option<SequenceBatches>,
    options: BatchOptions,
    sample_len: usize,
    target_len: usize,
}

impl<'a> BatchSource<'a> {
    /// Batches of the samples named by `indices`.
    ///
    /// # Errors
    /// If there is no sample, the batch size is 0, an augmentation is out of bounds, or the dataset is not what the
    /// preparation was made for.
    pub fn new(
        dataset: &'a Dataset,
        indices: &'a [usize],
        preparation: &Preparation,
        options: BatchOptions,
    ) -> Result<Self> {
        preparation.check()?;
        preparation.check_features(dataset.features())?;
        check_targets(dataset, preparation)?;
        if options.batch_size == 0 {
            return Err(Error::setting(
                "batch_size",
                "0 samples",
                "take 1 or more, such as 64",
            ));
        }
        if indices.is_empty() || indices.iter().any(|&index| index >= dataset.len()) {
            let cause = format!("{} indices into {} samples", indices.len(), dataset.len());
            return Err(Error::setting(
                "indices",
                cause,
                "give at least one sample of this dataset",
            ));
        }
        let targets = match &preparation.targets {
            TargetPreparation::Values(columns) => Some(ColumnMap::new(columns)),
            _ => None,
        };
        let (pictures, mixup) = changes(preparation, &options)?;
        let sequences = encoded(dataset, indices, preparation, &options)?;
        let target_len = match dataset.targets() {
            Targets::Classes { names, .. } if mixup.is_some() => names.len(),
            Targets::Labels { names, .. } => names.len(),
            Targets::Classes { .. } => 1,
            Targets::Tags { .. } => 0,
            Targets::Values { names, .. } => names.len(),
            Targets::None => 0,
        };
        let (features, sample_len) = (preparation.feature_map(), preparation.sample_len());
        Ok(Self {
            dataset,
            indices,
            features,
            targets,
            pictures,
            mixup,
            sequences,
            options,
            sample_len,
            target_len,
        })
    }

    /// Finds the batches of an epoch, before its first one is asked for. Only sequences need it: their batches hold
    /// samples of similar length. From the second call on, nothing is allocated.
    pub fn arrange(&mut self, epoch: u64) {
        let BatchOptions {
            batch_size,
            shuffle,
            seed,
            ..
        } = self.options;
        if let Some(sequences) = &mut self.sequences {
            sequences.arrange(batch_size, shuffle, seed, epoch);
        }
    }

    /// The length of the sequences of a batch, padding included; `None` if samples are no sequences.
    pub fn time(&self, step: usize) -> Option<usize> {
        self.sequences
            .as_ref()
            .map(|sequences| sequences.time(step))
    }

    /// The greatest length that a batch can have, padding included; `None` if samples are no sequences.
    pub fn longest_time(&self) -> Option<usize> {
        self.sequences.as_ref().map(SequenceBatches::longest_time)
    }

    /// Samples an epoch.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no sample; never true.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Batches an epoch, the last and smaller one included.
    pub fn steps_per_epoch(&self) -> usize {
        self.indices.len().div_ceil(self.options.batch_size)
    }

    /// Samples of a batch; 0 beyond the last.
    pub fn batch_len(&self, step: usize) -> usize {
        let start = step.saturating_mul(self.options.batch_size);
        self.indices
            .len()
            .saturating_sub(start)
            .min(self.options.batch_size)
    }

    /// Numbers of one prepared sample; 0 for sequences, see [`BatchSource::time`].
    pub fn sample_len(&self) -> usize {
        self.sample_len
    }

    /// Numbers of one target: 1 for a class number, the number of classes for soft targets and for several labels, the
    /// number of target columns, or 0 without targets and for tags, which are as many as steps.
    pub fn target_len(&self) -> usize {
        self.target_len
    }

    /// Numbers of one sample and of one target of a batch.
    pub fn lens(&self, step: usize) -> (usize, usize) {
        let time = self.time(step);
        let target = match self.dataset.targets() {
            Targets::Tags { .. } => time,
            _ => None,
        };
        (
            time.unwrap_or(self.sample_len),
            target.unwrap_or(self.target_len),
        )
    }

    /// Whether targets are soft: a share for each class instead of one class number. They are if samples are mixed.
    pub fn soft_targets(&self) -> bool {
        self.mixup.is_some() && self.dataset.labels().is_some()
    }

    /// Numbers of scratch that [`BatchSource::fill`] needs on each thread.
    pub fn scratch_len(&self) -> usize {
        if self.mixup.is_some() {
            self.sample_len + self.target_len
        } else {
            0
        }
    }

    /// The indices into the dataset of a batch's samples, in their order.
    pub fn samples(&self, epoch: u64, step: usize) -> impl Iterator<Item = usize> + '_ {
        self.positions(epoch, step)
            .map(|position| self.indices[position])
    }

    /// The positions of a batch's samples among the indices that the batches were made of.
    pub fn positions(&self, epoch: u64, step: usize) -> impl Iterator<Item = usize> + '_ {
        let order = self.order(epoch);
        let start = step * self.options.batch_size;
        (start..start + self.batch_len(step)).map(move |place| self.position(&order, place))
    }

    /// The length of a sample's own sequence, by its position among the indices; 0 if samples are no sequences.
    pub fn sequence_len(&self, position: usize) -> usize {
        let sequences = self.sequences.as_ref();
        sequences.map_or(0, |sequences| sequences.ids.get(position).len())
    }

    /// Where the own values of a sample begin in a sequence padded to `time`.
    pub fn sequence_start(&self, position: usize, time: usize) -> usize {
        let sequences = self.sequences.as_ref();
        sequences.map_or(0, |sequences| sequences.start(position, time))
    }

    /// The tags of a sample's own steps, by its position among the indices; none if it has none.
    pub fn tags(&self, position: usize) -> &[u32] {
        let tags = self.sequences.as_ref().and_then(|own| own.tags.as_ref());
        tags.map_or(&[], |tags| tags.get(position))
    }

    /// The token ids of the samples, by their position among the indices; `None` if they are no sequences.
    pub fn token_ids(&self) -> Option<&Sequences> {
        self.sequences.as_ref().map(|sequences| &sequences.ids)
    }

    /// Writes the samples `samples` (positions within the batch) of batch `step` of `epoch`.
    ///
    /// `features` and `targets` hold the [`BatchSource::lens`] of the batch for each sample, `scratch` at least
    /// [`BatchSource::scratch_len`]. Class numbers are written as whole floats.
    ///
    /// # Panics
    /// If a slice has another length, or the batch has no such samples.
    pub fn fill(
        &self,
        epoch: u64,
        step: usize,
        samples: Range<usize>,
        features: &mut [f32],
        targets: &mut [f32],
        scratch: &mut [f32],
    ) {
        assert!(
            samples.end <= self.batch_len(step),
            "samples {samples:?} of a batch of {}",
            self.batch_len(step)
        );
        let (sample_len, target_len) = self.lens(step);
        assert_eq!(
            features.len(),
            samples.len() * sample_len,
            "room for features"
        );
        assert_eq!(
            targets.len(),
            samples.len() * target_len,
            "room for targets"
        );
        assert!(scratch.len() >= self.scratch_len(), "room for scratch");
        let order = self.order(epoch);
        let start = step * self.options.batch_size;
        for (at, position) in samples.clone().enumerate() {
            if at.is_multiple_of(AHEAD) {
                self.fetch(
                    &order,
                    start + position..start + samples.end.min(position + AHEAD),
                );
            }
            let features = &mut features[at * sample_len..][..sample_len];
            let target = &mut targets[at * target_len..][..target_len];
            let place = self.position(&order, start + position);
            let index = self.indices[place];
            if let Some(sequences) = &self.sequences {
                let key = self.token_key(epoch, index);
                sequences.write(place, key, features, target);
                self.write_target(index, target);
                continue;
            }
            self.write(epoch, index, features, target);
            if let Some(mixup) = &self.mixup {
                let (partner, share) = mixup.partner(epoch, index, position, self.batch_len(step));
                let (other, other_target) =
                    scratch[..self.scratch_len()].split_at_mut(self.sample_len);
                let partner = self.indices[self.position(&order, start + partner)];
                self.write(epoch, partner, other, other_target);
                mix(features, other, share);
                mix(target, other_target, share);
            }
        }
    }

    /// What the changes to the tokens of a sample are drawn from.
    fn token_key(&self, epoch: u64, index: usize) -> u64 {
        let mut draws = Draws::new(self.options.seed, stream("tokens"), epoch, index);
        u64::from(draws.bits()) << 32 | u64::from(draws.bits())
    }

    /// Reads a byte of each cache line of the pictures at these positions. They lie far apart in memory, and reads that
    /// do not wait for each other arrive together.
    fn fetch(&self, order: &Permutation, positions: Range<usize>) {
        let image = |position| {
            self.dataset
                .image(self.indices[self.position(order, position)])
                .unwrap_or(&[])
        };
        let lines = positions.flat_map(|position| image(position).iter().step_by(LINE));
        std::hint::black_box(lines.fold(0, |all, byte| all ^ byte));
    }

    fn write(&self, epoch: u64, index: usize, features: &mut [f32], target: &mut [f32]) {
        match (&self.pictures, self.dataset.image(index)) {
            (Some(pictures), Some(image)) => pictures.write(image, epoch, index, features),
            _ => self.features.write(self.dataset, index, features),
        }
        self.write_target(index, target);
    }

    fn write_target(&self, index: usize, target: &mut [f32]) {
        match (self.dataset.targets(), &self.targets) {
            (Targets::Classes { labels, .. }, _) if self.mixup.is_some() => {
                target.fill(0.0);
                target[labels[index] as usize] = 1.0;
            }
            (Targets::Classes { labels, .. }, _) => target[0] = labels[index] as f32,
            (Targets::Values { values, names }, Some(map)) => {
                map.write(&values[index * names.len()..], target)
            }
            (Targets::Labels { labels, .. }, _) => {
                target.fill(0.0);
                let own = labels.get(index).iter();
                own.for_each(|&label| target[label as usize] = 1.0);
            }
            _ => {}
        }
    }

    fn order(&self, epoch: u64) -> Permutation {
        Permutation::new(self.indices.len(), self.options.seed, epoch)
    }

    fn position(&self, order: &Permutation, place: usize) -> usize {
        match &self.sequences {
            Some(sequences) => sequences.position(place),
            None if self.options.shuffle => order.at(place),
            None => place,
        }
    }
}

/// The token ids of texts, with their tags.
fn encoded(
    dataset: &Dataset,
    indices: &[usize],
    preparation: &Preparation,
    options: &BatchOptions,
) -> Result<Option<SequenceBatches>> {
    let (FeaturePreparation::Text(text), Features::Texts(column)) =
        (&preparation.features, dataset.features())
    else {
        return Ok(None);
    };
    let map = TextMap::new(text)?;
    let ids = map.encode_all(column, indices)?;
    let tags = match dataset.targets() {
        Targets::Tags { tags, .. } => Some(map.cut_tags(tags, indices)),
        _ => None,
    };
    let augment = options.augment.tokens();
    if tags.is_some() && (augment.drop > 0.0 || augment.swap > 0.0) {
        return Err(Error::setting(
            "augment",
            "tags belong to the tokens where they stand",
            "leave `drop` and `swap` out; `mask` hides tokens",
        ));
    }
    let mut sequences = SequenceBatches::new(ids, tags, map.side(), map.fixed_length());
    sequences.augment = augment;
    sequences.first_word = text.vocabulary.first_word();
    sequences.arrange(options.batch_size, options.shuffle, options.seed, 0);
    Ok(Some(sequences))
}

/// The random changes that the options ask for, to single pictures and between samples.
fn changes(
    preparation: &Preparation,
    options: &BatchOptions,
) -> Result<(Option<SampleAugment>, Option<Mixup>)> {
    let augment = &options.augment;
    augment.check()?;
    let mixup = (augment.mixup > 0.0).then_some(Mixup {
        alpha: augment.mixup,
        seed: options.seed,
    });
    let pictures = match &preparation.features {
        FeaturePreparation::Images(_) | FeaturePreparation::Rows(_)
            if !augment.tokens().is_none() =>
        {
            return Err(Error::setting(
                "augment",
                "`drop`, `swap` and `mask` change tokens, and there are none",
                "leave them out",
            ));
        }
        FeaturePreparation::Images(images) if augment.changes_pictures() => {
            Some(SampleAugment::new(augment, images, options.seed)?)
        }
        FeaturePreparation::Rows(_) if augment.changes_pictures() => {
            return Err(Error::setting(
                "augment",
                "rows of numbers are no pictures",
                "leave all but mixup out",
            ));
        }
        FeaturePreparation::Text(_) if augment.changes_pictures() || mixup.is_some() => {
            return Err(Error::setting(
                "augment",
                "texts are no pictures",
                "leave all but the changes to tokens out",
            ));
        }
        _ => None,
    };
    Ok((pictures, mixup))
}

fn check_targets(dataset: &Dataset, preparation: &Preparation) -> Result<()> {
    let wrong = |cause: String| {
        Err(Error::content(
            "dataset",
            cause,
            "read the targets as the model was trained on them, in the same order",
        ))
    };
    match (dataset.targets(), &preparation.targets) {
        (Targets::None, _) | (_, TargetPreparation::None) => Ok(()),
        (Targets::Classes { names, .. }, TargetPreparation::Classes(expected))
        | (Targets::Labels { names, .. }, TargetPreparation::Labels(expected))
        | (Targets::Tags { names, .. }, TargetPreparation::Tags(expected)) => {
            match names == expected {
                true => Ok(()),
                false => wrong(format!("expected classes {expected:?}, found {names:?}")),
            }
        }
        (Targets::Values { names, .. }, TargetPreparation::Values(columns))
            if names.iter().eq(columns.iter().map(|column| &column.name)) =>
        {
            Ok(())
        }
        (Targets::Values { names, .. }, TargetPreparation::Values(columns)) => {
            let expected: Vec<_> = columns.iter().map(|column| &column.name).collect();
            wrong(format!("expected targets {expected:?}, found {names:?}"))
        }
        _ => wrong("classes and numbers are mixed up".to_owned()),
    }
}
