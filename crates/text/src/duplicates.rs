//! Texts that come more than once, letter by letter or nearly so.
//!
//! Near duplicates are found by MinHash over runs of characters and locality-sensitive hashing (Broder, 1997; Leskovec,
//! Rajaraman and Ullman, *Mining of Massive Datasets*, chapter 3): only texts that share a band are compared.

use std::collections::{HashMap, HashSet};

use jingwei_random::mix;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::read::TextSource;
use crate::{Error, Result};

/// Bands of a signature, and numbers a band: two texts alike to 0.8 share a band with chance 0.998, alike to 0.4 with 0.08.
const BANDS: usize = 21;
const ROWS: usize = 6;
const SIGNATURE: usize = BANDS * ROWS;
/// Different texts among which near duplicates are looked for, so that what is kept of each (about 100 bytes) fits.
const MOST_COMPARED: usize = 8_000_000;

/// When texts count as near duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DuplicateOptions {
    /// Characters of a run; letters and digits alone count, in lower case.
    pub shingle: usize,
    /// The share of common runs from which on two texts are near duplicates (Jaccard).
    pub threshold: f64,
}

impl Default for DuplicateOptions {
    fn default() -> Self {
        Self {
            shingle: 4,
            threshold: 0.8,
        }
    }
}

/// Groups of texts that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// Indices of texts that are duplicates of each other, ascending; each group has at least two.
    pub groups: Vec<Vec<usize>>,
    /// Texts that are the same, letter by letter, as one before.
    pub exact: usize,
    /// Other texts that are nearly the same as one before.
    pub near: usize,
}

impl Duplicates {
    /// For each of `texts` texts the first of its group: a split keeps texts with the same number together.
    pub fn keys(&self, texts: usize) -> Vec<usize> {
        let mut keys: Vec<usize> = (0..texts).collect();
        for group in &self.groups {
            for &member in group.iter().filter(|&&member| member < texts) {
                keys[member] = group[0];
            }
        }
        keys
    }
}

/// Finds the exact and near duplicates among texts. It keeps about 100 bytes of each, and beyond eight million different
/// texts looks for exact ones alone.
///
/// # Errors
/// If a setting is out of its bounds or a text cannot be read.
///
/// ```
/// use jingwei_text::duplicates::{DuplicateOptions, find};
///
/// let texts = ["这家酒店的服务真的很好！", "别的", "这家酒店的服务真的很好。", "别的"];
/// let found = find(&texts[..], &DuplicateOptions::default())?;
/// assert_eq!(found.groups, [vec![0, 2], vec![1, 3]]);
/// assert_eq!((found.exact, found.near), (1, 1));
/// # Ok::<(), jingwei_text::Error>(())
/// ```
pub fn find(texts: &(impl TextSource + ?Sized), options: &DuplicateOptions) -> Result<Duplicates> {
    check(options)?;
    let hashes: Result<Vec<u128>> = (0..texts.len())
        .into_par_iter()
        .map(|index| Ok(whole(&texts.get(index)?)))
        .collect();
    let mut groups = Groups::new(texts.len());
    let mut seen: HashMap<u128, usize, FxBuildHasher> = HashMap::default();
    let mut different = Vec::new();
    for (index, hash) in hashes?.into_iter().enumerate() {
        match seen.get(&hash) {
            Some(&first) => groups.join(first, index),
            None => {
                seen.insert(hash, index);
                different.push(index);
            }
        }
    }
    drop(seen);
    let exact = texts.len() - different.len();
    different.truncate(MOST_COMPARED);
    let factors: Vec<u64> = (0..SIGNATURE as u64).map(|row| mix(7, row) | 1).collect();
    let signed: Result<Vec<[u32; BANDS]>> = different
        .par_iter()
        .map(|&index| {
            Ok(bands(
                &shingles(&texts.get(index)?, options.shingle),
                &factors,
            ))
        })
        .collect();
    let signed = signed?;
    let mut near = 0;
    for band in 0..BANDS {
        for bucket in buckets(&different, &signed, band) {
            near += join_alike(&bucket, texts, options, &mut groups)?;
        }
    }
    Ok(Duplicates {
        groups: groups.list(),
        exact,
        near,
    })
}

fn check(options: &DuplicateOptions) -> Result<()> {
    if !(1..=64).contains(&options.shingle) {
        let cause = format!("{} is not between 1 and 64", options.shingle);
        return Err(Error::setting(
            "shingle",
            cause,
            "4 suits Chinese, 8 English",
        ));
    }
    if !(0.5..=1.0).contains(&options.threshold) {
        let cause = format!("{} is not between 0.5 and 1", options.threshold);
        return Err(Error::setting("threshold", cause, "0.8 is usual"));
    }
    Ok(())
}

fn fnv(bytes: impl Iterator<Item = u32>, seed: u64) -> u64 {
    bytes.fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, value| {
        (hash ^ u64::from(value)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A text as a number; that two texts share it by chance is not to be expected in practice.
fn whole(text: &str) -> u128 {
    let bytes = || text.bytes().map(u32::from);
    let (low, high) = (mix(fnv(bytes(), 0), 1), mix(fnv(bytes(), 0x5bd1_e995), 2));
    u128::from(low) | u128::from(high) << 64
}

/// The runs of characters of a text, as numbers, without those that come again.
fn shingles(text: &str, length: usize) -> Vec<u64> {
    let mut characters: Vec<u32> = text
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .map(u32::from)
        .collect();
    if characters.is_empty() {
        characters = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(u32::from)
            .collect();
    }
    let length = length.min(characters.len()).max(1);
    let mut seen: FxHashSet<u64> = HashSet::default();
    let runs = characters
        .windows(length)
        .map(|run| mix(fnv(run.iter().copied(), 0), 0));
    runs.filter(|run| seen.insert(*run)).collect()
}

/// A number for each band of the signature, which texts alike share with a good chance.
fn bands(shingles: &[u64], factors: &[u64]) -> [u32; BANDS] {
    let mut least = [u32::MAX; SIGNATURE];
    for &shingle in shingles {
        for (least, factor) in least.iter_mut().zip(factors) {
            *least = (*least).min((shingle.wrapping_mul(*factor) >> 32) as u32);
        }
    }
    let band = |band: usize| mix(fnv(least[band * ROWS..][..ROWS].iter().copied(), 0), 3) as u32;
    std::array::from_fn(band)
}

/// Texts that agree in a band, in the order of their first ones.
fn buckets(different: &[usize], signed: &[[u32; BANDS]], band: usize) -> Vec<Vec<usize>> {
    let mut sorted: Vec<(u32, usize)> = signed
        .iter()
        .zip(different)
        .map(|(bands, &index)| (bands[band], index))
        .collect();
    sorted.par_sort_unstable();
    let mut buckets: Vec<Vec<usize>> = sorted
        .chunk_by(|one, other| one.0 == other.0)
        .filter(|bucket| bucket.len() > 1)
        .map(|bucket| bucket.iter().map(|&(_, index)| index).collect())
        .collect();
    buckets.sort_unstable();
    buckets
}

/// Joins the texts of a bucket that are alike; each is compared with a few that are unlike each other.
fn join_alike(
    bucket: &[usize],
    texts: &(impl TextSource + ?Sized),
    options: &DuplicateOptions,
    groups: &mut Groups,
) -> Result<usize> {
    const MOST: usize = 8;
    let mut kinds: Vec<(usize, FxHashSet<u64>)> = Vec::new();
    let mut joined = 0;
    for &index in bucket {
        if kinds
            .iter()
            .any(|(kind, _)| groups.root(*kind) == groups.root(index))
        {
            continue;
        }
        let runs: FxHashSet<u64> = shingles(&texts.get(index)?, options.shingle)
            .into_iter()
            .collect();
        let alike = kinds
            .iter()
            .find(|(_, other)| jaccard(&runs, other) >= options.threshold);
        if let Some((kind, _)) = alike {
            groups.join(*kind, index);
            joined += 1;
        } else if kinds.len() < MOST {
            kinds.push((index, runs));
        }
    }
    Ok(joined)
}

fn jaccard(a: &FxHashSet<u64>, b: &FxHashSet<u64>) -> f64 {
    let common = a.iter().filter(|run| b.contains(run)).count();
    common as f64 / (a.len() + b.len() - common).max(1) as f64
}

/// Disjoint sets.
struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    fn new(len: usize) -> Self {
        Self {
            parents: (0..len).collect(),
        }
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.parents[index] != index {
            self.parents[index] = self.parents[self.parents[index]];
            index = self.parents[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }

    fn list(mut self) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.parents.len()];
        for index in 0..self.parents.len() {
            let root = self.root(index);
            members[root].push(index);
        }
        members.retain(|group| group.len() > 1);
        members
    }
}
