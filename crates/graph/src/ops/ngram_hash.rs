//! Numbers for n-grams of neighbouring tokens.

use serde::{Deserialize, Serialize};

use super::gather::whole;
use super::{Operator, check};
use crate::limits::{MOST_IDS, MOST_NGRAM};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The bucket of the n-gram that begins at each token, from 1 to `buckets` − 1 by a hash of its ids; 0 where the n-gram
/// reaches over the end or holds padding (id 0). An id that is no whole number from 0 to 2²⁴ gives NaN.
///
/// The hash is exact integer arithmetic, the same everywhere: with h = n at first, for each id
/// h ← (h xor id) · 0x9E37_79B9_7F4A_7C15 modulo 2⁶⁴, then h ← h xor (h >> 32); the bucket is 1 + h mod (buckets − 1).
///
/// # Shapes
/// Ids `[batch, time]`, result `[batch, time]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NgramHash {
    /// Tokens of an n-gram, 1 to [`MOST_NGRAM`].
    pub n: usize,
    /// Buckets, padding's included: 2 to 2²⁴.
    pub buckets: usize,
}

impl NgramHash {
    /// The bucket of an n-gram of ids that are not padding.
    #[must_use]
    pub fn bucket_of(&self, ids: &[u32]) -> usize {
        let mut hash = self.n as u64;
        for &id in ids {
            hash = mixed(hash, u64::from(id));
        }
        self.place(hash)
    }

    fn place(&self, hash: u64) -> usize {
        (1 + hash % (self.buckets as u64 - 1)) as usize
    }

    fn bucket(&self, ids: &[f32]) -> f32 {
        let mut hash = self.n as u64;
        for &id in ids {
            let Some(id) = whole(id, MOST_IDS + 1) else {
                return f32::NAN;
            };
            if id == 0 {
                return 0.0;
            }
            hash = mixed(hash, id as u64);
        }
        self.place(hash) as f32
    }
}

/// Takes one more id up into a hash.
fn mixed(hash: u64, id: u64) -> u64 {
    let product = (hash ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 32)
}

impl Operator for NgramHash {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "ngram_hash";
        if !(1..=MOST_NGRAM).contains(&self.n) || !(2..=MOST_IDS).contains(&self.buckets) {
            let expected = format!("n of 1 to {MOST_NGRAM} and 2 to {MOST_IDS} buckets");
            let found = format!("n = {} and {} buckets", self.n, self.buckets);
            return Err(Error::shape(OP, expected, found));
        }
        check::token_ids(OP, inputs)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let time = shape[1];
        if time == 0 {
            return;
        }
        let rows = inputs[0].data.chunks_exact(time);
        for (ids, buckets) in rows.zip(output.chunks_exact_mut(time)) {
            for (start, bucket) in buckets.iter_mut().enumerate() {
                let ngram = ids.get(start..start.saturating_add(self.n));
                *bucket = ngram.map_or(0.0, |ngram| self.bucket(ngram));
            }
        }
    }

    fn gradient(
        &self,
        _: &mut Graph,
        _: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![None])
    }
}
