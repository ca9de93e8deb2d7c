//! Some of the token ids of a sequence.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::limits::MOST_IDS;
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The ids of each sequence that are at least `from` and less than `to`, in their order; then padding (id 0). NaN is no
/// id and is kept, so that it shows.
///
/// # Shapes
/// Ids `[batch, time]`, result `[batch, time]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectIds {
    /// The first id that is kept, at least 1.
    pub from: usize,
    /// The first id after it that is not, at most 2²⁴.
    pub to: usize,
}

impl SelectIds {
    /// The greatest `to`: whole numbers up to it are exact in an `f32`.
    pub const MOST: usize = MOST_IDS;

    /// Whether an id is kept.
    #[must_use]
    pub fn keeps(&self, id: u32) -> bool {
        (self.from..self.to).contains(&(id as usize))
    }
}

impl Operator for SelectIds {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "select_ids";
        if self.from == 0 || self.from >= self.to || self.to > Self::MOST {
            let found = format!("{} to {}", self.from, self.to);
            return Err(Error::shape(OP, "1 ≤ from < to ≤ 16777216", found));
        }
        check::token_ids(OP, inputs)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let time = shape[1];
        if time == 0 {
            return;
        }
        let range = self.from as f32..self.to as f32;
        let rows = inputs[0].data.chunks_exact(time);
        for (ids, kept) in rows.zip(output.chunks_exact_mut(time)) {
            let mut count = 0;
            for &id in ids.iter().filter(|id| range.contains(id) || id.is_nan()) {
                kept[count] = id;
                count += 1;
            }
            kept[count..].fill(0.0);
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
