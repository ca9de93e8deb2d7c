//! Maximum pooling of whole sequences.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::pooling::{PoolKind, pool_whole};
use super::{Build, Builder};
use crate::Result;

/// The largest value of each channel over the whole sequence.
///
/// # Shapes
/// Input `[batch, length, channels]`, result `[batch, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalMaxPool1d {}

impl Build for GlobalMaxPool1d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let [length, channels] = builder.sequence(x)?;
        let flat = builder.reshape(x, [1, length, channels])?;
        pool_whole(builder, PoolKind::Max, flat, [1, length, channels])
    }
}
