//! Reading the data that a recipe names.

use std::path::{Path, PathBuf};

use jingwei_data::split::{Split, SplitOptions, by_fraction, by_fraction_together};
use jingwei_data::{Dataset, OnBad, Preparation, Targets};
use jingwei_files::hexadecimal;
use jingwei_report::DuplicateTexts;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::classes::one_class;
use crate::recipe::{Held, Part, Recipe};
use crate::task::TaskRef;
use crate::texts::Groups;

/// What is mixed into the seed, so that test and validation part are chosen apart.
const TEST_STREAM: u64 = 0x7465_7374;

/// The data of a training, cut into its parts.
#[derive(Debug)]
pub struct Source {
    /// The training file or folder; parts that are held back lie in it too.
    pub dataset: Dataset,
    /// The samples that train.
    pub train: Vec<usize>,
    /// The part that steers.
    pub valid: Option<SourcePart>,
    /// The part that steers nothing.
    pub test: Option<SourcePart>,
    /// Texts that come more than once; none if they were not looked for.
    pub duplicates: Option<DuplicateTexts>,
}

/// A part of the data.
#[derive(Debug)]
pub struct SourcePart {
    /// Files of its own; otherwise it is held back from the training data.
    pub own: Option<Dataset>,
    /// Its samples.
    pub indices: Vec<usize>,
}

impl SourcePart {
    /// The dataset that the samples lie in.
    #[must_use]
    pub fn dataset<'a>(&'a self, source: &'a Source) -> &'a Dataset {
        self.own.as_ref().unwrap_or(&source.dataset)
    }
}

impl Source {
    /// Reads and cuts the data of a recipe whose paths begin at `folder`.
    ///
    /// # Errors
    /// What is wrong with the files, or with what the recipe says of them.
    pub fn read(recipe: &Recipe, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(&recipe.data.train);
        let task = recipe.task;
        let dataset = task.read(recipe, &path, None)?;
        check_task(recipe.task, &dataset)?;
        check_classes(&dataset)?;
        let own = |part: &Part| match part {
            Part::Path(path) => task
                .read(recipe, &folder.join(path), Some(&dataset))
                .map(Some),
            Part::None | Part::Held(_) => Ok(None),
        };
        let (valid, test) = (own(&recipe.data.valid)?, own(&recipe.data.test)?);
        let groups = task.groups(recipe, &dataset, [valid.as_ref(), test.as_ref()])?;
        let train = match &groups {
            Some(groups) => groups.trained(),
            None => dataset.indices(),
        };
        let keys = groups.as_ref().and_then(Groups::keys);
        let keys = keys.as_deref();
        let seed = recipe.train.seed;
        let part = &recipe.data.test;
        let (train, test) = cut(&dataset, train, part, test, keys, seed ^ TEST_STREAM)?;
        let (train, valid) = cut(&dataset, train, &recipe.data.valid, valid, keys, seed)?;
        let mut source = Self {
            dataset,
            train,
            valid,
            test,
            duplicates: None,
        };
        source.duplicates = groups.map(|groups| groups.told(&source)).transpose()?;
        Ok(source)
    }

    /// How many of the samples are of each class; empty for a regression.
    #[must_use]
    pub fn class_counts(dataset: &Dataset, indices: &[usize]) -> Vec<u64> {
        let mut counts = vec![0; dataset.class_names().len()];
        for &index in indices {
            match dataset.targets() {
                Targets::Classes { labels, .. } => counts[labels[index] as usize] += 1,
                Targets::Labels { labels: lists, .. } | Targets::Tags { tags: lists, .. } => {
                    let own = lists.get(index).iter();
                    own.for_each(|&class| counts[class as usize] += 1);
                }
                Targets::Values { .. } | Targets::None => {}
            }
        }
        counts
    }

    /// The hash of the choice of samples: those that train, validate and test.
    #[must_use]
    pub fn choice(&self) -> String {
        let mut hasher = Sha256::new();
        let parts = [&self.valid, &self.test].into_iter().flatten();
        let parts = parts.map(|part| &part.indices);
        for indices in std::iter::once(&self.train).chain(parts) {
            hasher.update((indices.len() as u64).to_le_bytes());
            for &index in indices {
                hasher.update((index as u64).to_le_bytes());
            }
        }
        hexadecimal(hasher)
    }

    /// Leaves out samples whose numbers become infinite when they are scaled, as readers leave out bad samples.
    pub(super) fn keep_finite(
        &mut self,
        preparation: &Preparation,
        on_bad: OnBad,
    ) -> Result<(), Error> {
        let mut left_out = Vec::new();
        let finite = |dataset: &Dataset, indices: &[usize], left_out: &mut Vec<_>| {
            preparation.finite(dataset, indices, on_bad, left_out)
        };
        self.train = finite(&self.dataset, &self.train, &mut left_out)?;
        for part in [&mut self.valid, &mut self.test].into_iter().flatten() {
            match &mut part.own {
                None => part.indices = finite(&self.dataset, &part.indices, &mut left_out)?,
                Some(own) => {
                    let mut left_out = Vec::new();
                    part.indices = finite(own, &part.indices, &mut left_out)?;
                    own.set_aside(left_out);
                }
            }
        }
        self.dataset.set_aside(left_out);
        Ok(())
    }

    /// All datasets.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        let parts = [&self.valid, &self.test].into_iter().flatten();
        std::iter::once(&self.dataset).chain(parts.filter_map(|part| part.own.as_ref()))
    }
}

/// Takes a part out of the samples, unless it has its own files. With `keys`, samples with the same one stay together.
fn cut(
    dataset: &Dataset,
    indices: Vec<usize>,
    part: &Part,
    own: Option<Dataset>,
    keys: Option<&[usize]>,
    seed: u64,
) -> Result<(Vec<usize>, Option<SourcePart>), Error> {
    let Part::Held(Held { fraction, stratify }) = part else {
        let own = own.map(|own| SourcePart {
            indices: own.indices(),
            own: Some(own),
        });
        return Ok((indices, own));
    };
    let options = SplitOptions {
        fraction: *fraction,
        stratify: *stratify,
        seed,
    };
    let alone = by_fraction(dataset, &indices, options)?;
    let together = keys.map(|keys| by_fraction_together(dataset, &indices, keys, options));
    // Where nearly all texts are of a few groups, a part of whole groups would be empty, or too small to tell anything.
    let is_enough = |split: &Split| split.held.len() * 2 > alone.held.len();
    let split = match together {
        Some(Ok(together)) if is_enough(&together) => together,
        _ => alone,
    };
    let held = SourcePart {
        own: None,
        indices: split.held,
    };
    Ok((split.train, Some(held)))
}

fn check_task(task: TaskRef, dataset: &Dataset) -> Result<(), Error> {
    if task.fits(dataset) {
        return Ok(());
    }
    let (kind, target) = (dataset.features().words(), dataset.targets().words());
    Err(Error::Setting {
        name: "task".to_owned(),
        reason: format!(
            "the task is {}, the data are {kind} with {target}",
            task.words()
        ),
        remedy: "choose the task that fits the data".to_owned(),
    })
}

/// One class, or one tag, is nothing to tell apart.
fn check_classes(dataset: &Dataset) -> Result<(), Error> {
    let what = match dataset.targets() {
        Targets::Classes { .. } => ("class", "classes"),
        Targets::Tags { .. } => ("tag", "tags"),
        Targets::Labels { .. } | Targets::Values { .. } | Targets::None => return Ok(()),
    };
    one_class(dataset.class_names(), what)
}

/// The folder that the paths of a recipe begin at.
#[must_use]
pub fn folder_of(recipe: &Path) -> PathBuf {
    recipe.parent().map(Path::to_owned).unwrap_or_default()
}
