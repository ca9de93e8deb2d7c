//! Cutting a dataset into parts: lists of indices, seeded, stratified by class if asked for.

use std::collections::{HashMap, HashSet};

use jingwei_random::stream;
use serde::{Deserialize, Serialize};

use crate::{Dataset, Error, Permutation, Result};

/// How to hold a part of the samples back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitOptions {
    /// Share of the samples that is held back, above 0 and below 1; default 0.1.
    pub fraction: f64,
    /// Whether each class gives the same share (classes only); default true.
    pub stratify: bool,
    /// The seed of the choice; default 0.
    pub seed: u64,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self {
            fraction: 0.1,
            stratify: true,
            seed: 0,
        }
    }
}

/// Two parts of a dataset, as ascending indices into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The larger part, to train on.
    pub train: Vec<usize>,
    /// The part that is held back, to validate or test on.
    pub held: Vec<usize>,
}

/// Holds back a fraction of the samples named by `indices`.
///
/// Stratified, each class gives its share, rounded so that the whole is right; a class with one sample stays in
/// training. Without classes `stratify` has no effect.
///
/// # Errors
/// If the fraction is not between 0 and 1, or one of the parts would be empty.
///
/// ```
/// use jingwei_data::{Dataset, Features, Targets, split::{by_fraction, SplitOptions}};
/// let features = Features::Rows { columns: vec!["x".into()], values: (0..10).map(|x| x as f32).collect() };
/// let data = Dataset::new(features, Targets::None)?;
/// let split = by_fraction(&data, &data.indices(), SplitOptions { fraction: 0.2, ..Default::default() })?;
/// assert_eq!((split.train.len(), split.held.len()), (8, 2));
/// # Ok::<(), jingwei_data::Error>(())
/// ```
pub fn by_fraction(dataset: &Dataset, indices: &[usize], options: SplitOptions) -> Result<Split> {
    let (classes, counts) = wanted(dataset, indices, options)?;
    let total = counts.iter().sum();
    let mut held = Vec::with_capacity(total);
    let mut train = Vec::with_capacity(indices.len() - total.min(indices.len()));
    for ((number, class), count) in classes.iter().enumerate().zip(counts) {
        let order = order_of(class, options.seed, number);
        held.extend_from_slice(&order[..count]);
        train.extend_from_slice(&order[count..]);
    }
    finish(train, held)
}

/// As [`by_fraction`], but samples with the same key stay together: `keys` has one for each sample of the dataset.
///
/// Where all keys differ, the parts are those of [`by_fraction`]. Else samples come with the others of their key, and
/// keys with too many for what a class still has to give stay in training, so that shares may be missed a little.
///
/// # Errors
/// As [`by_fraction`], or if there are not as many keys as samples.
///
/// ```
/// use jingwei_data::{Dataset, Features, Targets, split::{by_fraction_together, SplitOptions}};
/// let features = Features::Rows { columns: vec!["x".into()], values: (0..10).map(|x| x as f32).collect() };
/// let data = Dataset::new(features, Targets::None)?;
/// let keys = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4];
/// let options = SplitOptions { fraction: 0.2, ..Default::default() };
/// let split = by_fraction_together(&data, &data.indices(), &keys, options)?;
/// assert_eq!((split.held.len(), split.held[0] + 1), (2, split.held[1]));
/// # Ok::<(), jingwei_data::Error>(())
/// ```
pub fn by_fraction_together(
    dataset: &Dataset,
    indices: &[usize],
    keys: &[usize],
    options: SplitOptions,
) -> Result<Split> {
    if keys.len() != dataset.len() {
        let cause = format!("{} keys for {} samples", keys.len(), dataset.len());
        return Err(Error::setting("keys", cause, "give one for each sample"));
    }
    let (classes, counts) = wanted(dataset, indices, options)?;
    let orders: Vec<Vec<usize>> = classes
        .iter()
        .enumerate()
        .map(|(number, class)| order_of(class, options.seed, number))
        .collect();
    let mut taken = Taken::new(&classes, keys, counts);
    for closest in [false, true] {
        for (class, order) in orders.iter().enumerate() {
            taken.take(class, order, closest);
        }
    }
    let is_held = |index: &&usize| taken.held.contains(&keys[**index]);
    let (held, train) = indices
        .iter()
        .partition::<Vec<usize>, _>(|index| is_held(index));
    finish(train, held)
}

/// Which keys are held back, and what each class gives.
struct Taken<'a> {
    keys: &'a [usize],
    held: HashSet<usize>,
    /// The classes of each key's samples, ascending.
    members: HashMap<usize, Vec<usize>>,
    /// Samples of each class.
    sizes: Vec<usize>,
    wanted: Vec<usize>,
    given: Vec<usize>,
}

impl<'a> Taken<'a> {
    fn new(classes: &[Vec<usize>], keys: &'a [usize], wanted: Vec<usize>) -> Self {
        let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
        for (class, indices) in classes.iter().enumerate() {
            for &index in indices {
                members.entry(keys[index]).or_default().push(class);
            }
        }
        Self {
            keys,
            held: HashSet::new(),
            members,
            sizes: classes.iter().map(Vec::len).collect(),
            given: vec![0; wanted.len()],
            wanted,
        }
    }

    /// Takes keys in the order of a class's samples until it has given its share. A key is taken if no class gives more
    /// than it shall, or, where the `closest` count is wanted, if none misses its share by more than before.
    fn take(&mut self, class: usize, order: &[usize], closest: bool) {
        for key in order.iter().map(|&index| self.keys[index]) {
            if self.given[class] >= self.wanted[class] {
                return;
            }
            if self.held.contains(&key) {
                continue;
            }
            let own = &self.members[&key];
            let fits = own.chunk_by(|one, other| one == other).all(|run| {
                let (wanted, before) = (self.wanted[run[0]], self.given[run[0]]);
                let after = before + run.len();
                let is_closer = wanted.abs_diff(after) <= wanted.abs_diff(before);
                after <= wanted || (closest && is_closer && after < self.sizes[run[0]])
            });
            if fits {
                own.iter().for_each(|&class| self.given[class] += 1);
                self.held.insert(key);
            }
        }
    }
}

/// The indices by class, and how many of each are to be held back.
fn wanted(
    dataset: &Dataset,
    indices: &[usize],
    options: SplitOptions,
) -> Result<(Vec<Vec<usize>>, Vec<usize>)> {
    let SplitOptions {
        fraction, stratify, ..
    } = options;
    if !(fraction > 0.0 && fraction < 1.0) {
        let cause = format!("{fraction} is not above 0 and below 1");
        return Err(Error::setting(
            "fraction",
            cause,
            "hold back a share such as 0.1",
        ));
    }
    let classes = groups(dataset, indices, stratify)?;
    let total = (indices.len() as f64 * fraction).round() as usize;
    let counts = shares(&classes, fraction, total);
    Ok((classes, counts))
}

/// Cuts the samples named by `indices` into `folds` parts of about one size; each is held back once.
///
/// # Errors
/// If there are fewer than 2 folds, or fewer samples than folds.
pub fn folds(
    dataset: &Dataset,
    indices: &[usize],
    folds: usize,
    stratify: bool,
    seed: u64,
) -> Result<Vec<Split>> {
    if folds < 2 || folds > indices.len() {
        let cause = format!("{folds} folds of {} samples", indices.len());
        return Err(Error::setting(
            "folds",
            cause,
            "take at least 2, and at most one for each sample",
        ));
    }
    let groups = groups(dataset, indices, stratify)?;
    let dealt = groups
        .iter()
        .enumerate()
        .flat_map(|(number, group)| order_of(group, seed, number));
    let dealt: Vec<(usize, usize)> = dealt
        .enumerate()
        .map(|(turn, index)| (turn % folds, index))
        .collect();
    let split = |fold| {
        let (held, train): (Vec<_>, Vec<_>) = dealt.iter().partition(|dealt| dealt.0 == fold);
        let second = |pairs: Vec<(usize, usize)>| pairs.into_iter().map(|pair| pair.1).collect();
        finish(second(train), second(held))
    };
    (0..folds).map(split).collect()
}

/// The indices by class, or all in one group.
fn groups(dataset: &Dataset, indices: &[usize], stratify: bool) -> Result<Vec<Vec<usize>>> {
    if let Some(&index) = indices.iter().find(|&&index| index >= dataset.len()) {
        let cause = format!("{index} is beyond the {} samples", dataset.len());
        return Err(Error::setting(
            "indices",
            cause,
            "use indices of this dataset",
        ));
    }
    let Some(labels) = dataset.labels().filter(|_| stratify) else {
        return Ok(vec![indices.to_vec()]);
    };
    let mut groups = vec![Vec::new(); dataset.class_names().len()];
    for &index in indices {
        groups[labels[index] as usize].push(index);
    }
    Ok(groups)
}

/// How many each group gives so that they add up to `total`: the largest remainders are rounded up.
fn shares(groups: &[Vec<usize>], fraction: f64, total: usize) -> Vec<usize> {
    let exact: Vec<f64> = groups
        .iter()
        .map(|group| group.len() as f64 * fraction)
        .collect();
    let mut counts: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut by_remainder: Vec<usize> = (0..groups.len()).collect();
    by_remainder.sort_by(|&a, &b| {
        (exact[b].fract())
            .total_cmp(&exact[a].fract())
            .then(a.cmp(&b))
    });
    let mut missing = total.saturating_sub(counts.iter().sum());
    for group in by_remainder {
        if missing > 0 && counts[group] + 1 < groups[group].len() {
            counts[group] += 1;
            missing -= 1;
        }
    }
    counts
}

fn order_of(group: &[usize], seed: u64, number: usize) -> Vec<usize> {
    let order = Permutation::new(group.len(), seed ^ stream("split"), number as u64);
    (0..group.len())
        .map(|position| group[order.at(position)])
        .collect()
}

fn finish(mut train: Vec<usize>, mut held: Vec<usize>) -> Result<Split> {
    if train.is_empty() || held.is_empty() {
        let cause = format!(
            "{} samples would train and {} be held back",
            train.len(),
            held.len()
        );
        return Err(Error::setting(
            "fraction",
            cause,
            "use more data, or another fraction",
        ));
    }
    train.sort_unstable();
    held.sort_unstable();
    Ok(Split { train, held })
}
