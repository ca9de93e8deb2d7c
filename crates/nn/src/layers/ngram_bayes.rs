//! Classes of texts from their n-grams.

use jingwei_graph::ops::{self, BinaryKind, CompareKind, ReduceKind};
use jingwei_graph::{Dim, NodeId};
use serde::{Deserialize, Serialize};

use super::{Build, Builder, Dropout};
use crate::build::Prior;
use crate::{Error, Initializer, Mode, Result};

/// One learned weight for each n-gram and class, times how much the n-gram tells the class apart:
/// y = gain · Σ w · s / √n over the n-grams of a text, where n is their number.
///
/// The scale s is not learned: it is the log-count ratio of Naive Bayes times the inverse document frequency, counted
/// on the training part (Wang & Manning 2012, "Baselines and Bigrams"); without data to count it is 1. As fastText
/// (Joulin et al. 2016) this is quick and hard to beat where texts are few. N-grams of 1 to `ngrams` tokens share one
/// table by [`ops::NgramHash`].
///
/// # Shapes
/// Input `[batch, time]` of token ids, 0 being padding; result `[batch, units]`. Parameters `weights` and `scale`
/// `[buckets, units]`.
///
/// ```
/// use jingwei_nn::{NgramBayes, Sequential, TIME};
/// let network = Sequential::new([TIME]).layer(NgramBayes::new(2).buckets(1 << 16));
/// assert_eq!(network.summary()?.parameters(), 2 * 2 * 65_536);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NgramBayes {
    /// The number of classes; 0, the default, for those of the data.
    pub units: usize,
    /// The most tokens of an n-gram, at most 256; 3 by default.
    pub ngrams: usize,
    /// The rows of the tables; 2²⁰ by default.
    pub buckets: usize,
    /// The share of n-grams that a text loses in training, in [0, 1); 0.3 by default.
    pub dropout: f32,
    /// What y is multiplied by: with Adam, how much faster than others these weights learn; 1 by default.
    pub gain: f32,
}

impl Default for NgramBayes {
    fn default() -> Self {
        Self {
            units: 0,
            ngrams: 3,
            buckets: 1 << 20,
            dropout: 0.3,
            gain: 1.0,
        }
    }
}

impl NgramBayes {
    /// For so many classes, with the defaults.
    #[must_use]
    pub fn new(units: usize) -> Self {
        Self {
            units,
            ..Self::default()
        }
    }

    /// With another size of the tables.
    #[must_use]
    pub fn buckets(mut self, buckets: usize) -> Self {
        self.buckets = buckets;
        self
    }

    /// With n-grams of at most so many tokens.
    #[must_use]
    pub fn ngrams(mut self, ngrams: usize) -> Self {
        self.ngrams = ngrams;
        self
    }
}

impl Build for NgramBayes {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let ids = builder.one(inputs)?;
        if builder.dims(ids).len() != 1 {
            return Err(builder.expected("token ids [batch, time]", ids));
        }
        if self.units == 0 {
            return Err(Error::Setting {
                place: builder.place(),
                setting: "units",
                expected: "the number of classes, as no data have filled it in",
                found: "0".to_owned(),
            });
        }
        builder.ngrams(self.ngrams)?;
        let tables = self.tables(builder, ids)?;
        let (mut sum, mut count) = (None, None);
        for n in 1..=self.ngrams {
            let (values, number) = self.of_length(builder, n, ids, tables)?;
            sum = Some(join(builder, sum, values)?);
            count = Some(join(builder, count, number)?);
        }
        let (Some(sum), Some(count)) = (sum, count) else {
            return Err(builder.expected("n-grams of at least one token", ids));
        };
        let one = builder.number(1.0)?;
        let count = binary(builder, BinaryKind::Max, count, one)?;
        let root = builder.unary(ops::UnaryKind::Sqrt, count)?;
        let y = binary(builder, BinaryKind::Div, sum, root)?;
        if self.gain == 1.0 {
            return Ok(y);
        }
        builder.positive("gain", self.gain)?;
        let gain = builder.number(self.gain)?;
        binary(builder, BinaryKind::Mul, y, gain)
    }
}

impl NgramBayes {
    /// The learned weights, and the scale that is counted on the tokens that `ids` keeps.
    fn tables(&self, builder: &mut Builder<'_>, ids: NodeId) -> Result<[NodeId; 2]> {
        let sizes = [self.buckets, self.units];
        let weights = builder.parameter("weights", &sizes, Initializer::Zeros, true)?;
        if let Some(spec) = builder.built.parameters.last_mut() {
            spec.row_sparse = Some(true);
        }
        let only = builder.selection(ids);
        let scale = builder.parameter("scale", &sizes, Initializer::Ones, false)?;
        if let Some(spec) = builder.built.parameters.last_mut() {
            spec.trainable = false;
            spec.prior = Some(Prior::NaiveBayes {
                ngrams: self.ngrams,
                buckets: self.buckets,
                only,
            });
        }
        Ok([weights, scale])
    }

    /// What the n-grams of one length add, `[batch, units]`, and their number, `[batch, 1]`.
    fn of_length(
        &self,
        builder: &mut Builder<'_>,
        n: usize,
        ids: NodeId,
        [weights, scale]: [NodeId; 2],
    ) -> Result<(NodeId, NodeId)> {
        let buckets = self.buckets;
        let rows = builder.add(ops::NgramHash { n, buckets }, &[ids])?;
        let zero = builder.number(0.0)?;
        let kind = CompareKind::NotEqual;
        let counts = builder.add(ops::Compare { kind }, &[rows, zero])?;
        let mut dims = builder.dims(rows).to_vec();
        dims.push(Dim::Size(1));
        let counts = builder.reshape(counts, dims)?;
        let kept = self.kept(builder, n, counts)?;
        let learned = builder.add(ops::Gather {}, &[weights, rows])?;
        let counted = builder.add(ops::Gather {}, &[scale, rows])?;
        let values = binary(builder, BinaryKind::Mul, learned, counted)?;
        let values = binary(builder, BinaryKind::Mul, values, kept)?;
        let over_time = |keep| ops::Reduce {
            kind: ReduceKind::Sum,
            axes: vec![1],
            keep,
        };
        let sum = builder.add(over_time(false), &[values])?;
        let number = builder.add(over_time(false), &[counts])?;
        Ok((sum, number))
    }

    /// 1 for every n-gram that counts; in training some are dropped and the others weigh more.
    fn kept(&self, builder: &mut Builder<'_>, n: usize, counts: NodeId) -> Result<NodeId> {
        let dropout = Dropout::new(self.dropout);
        dropout.check(builder)?;
        if builder.mode() == Mode::Inference || self.dropout == 0.0 {
            return Ok(counts);
        }
        let (rate, stream) = (self.dropout, builder.stream().wrapping_add(n as u64));
        builder.add(ops::Dropout { rate, stream }, &[counts])
    }
}

fn join(builder: &mut Builder<'_>, sum: Option<NodeId>, value: NodeId) -> Result<NodeId> {
    match sum {
        Some(sum) => builder.sum(sum, value),
        None => Ok(value),
    }
}

fn binary(builder: &mut Builder<'_>, kind: BinaryKind, a: NodeId, b: NodeId) -> Result<NodeId> {
    builder.add(ops::Binary { kind }, &[a, b])
}
