//! First values of parameters that are counted on the training part.

use jingwei_data::{BatchSource, Targets};
use jingwei_graph::ops::{NgramHash, SelectIds};

use crate::Error;

/// For each of `buckets` hashed n-grams and each class, the log-count ratio of Naive Bayes times the inverse document
/// frequency; n-grams are of the tokens that `only` keeps.
///
/// # Errors
/// If the samples are no texts with classes.
pub(crate) fn naive_bayes(
    ngrams: usize,
    buckets: usize,
    only: Option<SelectIds>,
    source: &BatchSource<'_>,
    targets: &Targets,
    indices: &[usize],
) -> Result<Vec<f32>, Error> {
    let (Some(ids), Some(classes)) = (source.token_ids(), Classes::of(targets)) else {
        return Err(Error::Setting {
            name: "model.layers".to_owned(),
            reason: "`ngram_bayes` counts the n-grams of texts with classes".to_owned(),
            remedy: "use it for text classification".to_owned(),
        });
    };
    let mut counts = Counts::new(buckets, classes.count());
    let (mut seen, mut kept) = (Vec::new(), Vec::new());
    for (position, &index) in indices.iter().enumerate() {
        seen.clear();
        let own = ids.get(position).iter().copied();
        kept.clear();
        kept.extend(own.filter(|&id| only.is_none_or(|only| only.keeps(id))));
        for n in 1..=ngrams {
            let hash = NgramHash { n, buckets };
            seen.extend(kept.windows(n).map(|ids| hash.bucket_of(ids)));
        }
        seen.sort_unstable();
        seen.dedup();
        counts.add(&seen, classes.labels(index));
    }
    Ok(counts.scale())
}

/// The classes of samples, one each or several.
enum Classes<'a> {
    One(usize, &'a [u32]),
    Several(usize, &'a jingwei_data::Sequences),
}

impl<'a> Classes<'a> {
    fn of(targets: &'a Targets) -> Option<Self> {
        match targets {
            Targets::Classes { names, labels } => Some(Self::One(names.len(), labels)),
            Targets::Labels { names, labels } => Some(Self::Several(names.len(), labels)),
            _ => None,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::One(count, _) | Self::Several(count, _) => *count,
        }
    }

    fn labels(&self, index: usize) -> &'a [u32] {
        match self {
            Self::One(_, labels) => &labels[index..=index],
            Self::Several(_, labels) => labels.get(index),
        }
    }
}

/// In how many texts of each class every n-gram occurs.
struct Counts {
    classes: usize,
    texts: f64,
    /// By bucket and class.
    with_class: Vec<u32>,
    /// By bucket.
    all: Vec<u32>,
}

impl Counts {
    fn new(buckets: usize, classes: usize) -> Self {
        Self {
            classes,
            texts: 0.0,
            with_class: vec![0; buckets * classes],
            all: vec![0; buckets],
        }
    }

    fn add(&mut self, buckets: &[usize], labels: &[u32]) {
        self.texts += 1.0;
        for &bucket in buckets {
            self.all[bucket] += 1;
            for &label in labels {
                self.with_class[bucket * self.classes + label as usize] += 1;
            }
        }
    }

    /// ln((p + 1) / (P + U)) − ln((q + 1) / (Q + U)) times idf, over the root mean square of idf in a text, where p and
    /// q count the texts of the class and of the others that hold an n-gram, P and Q are their sums and U the number of
    /// n-grams; 0 for n-grams of a single text.
    fn scale(&self) -> Vec<f32> {
        let used = self.all.iter().filter(|&&count| count > 0).count() as f64;
        let total: f64 = self.all.iter().map(|&count| f64::from(count)).sum();
        let of_class = |class: usize| {
            let own = self.with_class.iter().skip(class).step_by(self.classes);
            own.map(|&count| f64::from(count)).sum::<f64>()
        };
        let sums: Vec<f64> = (0..self.classes).map(of_class).collect();
        let idf = |count: u32| ((1.0 + self.texts) / (1.0 + f64::from(count))).ln() + 1.0;
        let squares = self
            .all
            .iter()
            .map(|&count| f64::from(count) * idf(count).powi(2));
        let mean = (squares.sum::<f64>() / total.max(1.0))
            .sqrt()
            .max(f64::MIN_POSITIVE);
        let mut scale = vec![0.0; self.with_class.len()];
        for (bucket, &all) in self.all.iter().enumerate().filter(|(_, all)| **all > 1) {
            let place = bucket * self.classes;
            for (class, sum) in sums.iter().enumerate() {
                let own = f64::from(self.with_class[place + class]);
                let others = f64::from(all) - own;
                let ratio = ((own + 1.0) / (sum + used)).ln()
                    - ((others + 1.0) / (total - sum + used)).ln();
                scale[place + class] = (ratio * idf(all) / mean) as f32;
            }
        }
        scale
    }
}
