//! Maximum pooling of whole sequences.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::Result;

/// The largest value of each channel over the whole sequence, padding left out; 0 where there is nothing but padding.
///
/// # Shapes
/// Input `[batch, length, channels]` of any length, result `[batch, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalMaxPool1d {}

impl Build for GlobalMaxPool1d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.steps(x)?;
        let mask = builder.mask(x);
        let operands: Vec<NodeId> = [x].into_iter().chain(mask).collect();
        builder.add(ops::MaxOverTime {}, &operands)
    }
}
