//! Average pooling of whole images.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::pooling::{PoolKind, pool_whole};
use super::{Build, Builder};
use crate::Result;

/// The mean of each channel over the whole image.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, result `[batch, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool2d {}

impl Build for GlobalAvgPool2d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let image = builder.image(x)?;
        pool_whole(builder, PoolKind::Average, x, image)
    }
}
