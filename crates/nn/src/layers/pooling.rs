//! What all pooling layers share.

use jingwei_graph::NodeId;
use jingwei_graph::ops;

use super::convolution::amounts;
use super::{Builder, Padding};
use crate::Result;

#[derive(Clone, Copy)]
pub(super) enum PoolKind {
    Max,
    Average,
}

/// Pooling of images, whatever the dimensions of the layer.
pub(super) struct Pooling {
    pub(super) kind: PoolKind,
    pub(super) size: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: Padding,
}

impl Pooling {
    pub(super) fn build(
        &self,
        builder: &mut Builder<'_>,
        x: NodeId,
        image: [usize; 3],
    ) -> Result<NodeId> {
        builder.at_least_one("size", self.size[0].min(self.size[1]))?;
        builder.at_least_one("stride", self.stride[0].min(self.stride[1]))?;
        builder.window_fits(x, image, self.size, self.padding)?;
        let padding = amounts(self.padding, image, self.size, self.stride);
        let window = ops::Window {
            size: self.size,
            stride: self.stride,
            padding,
        };
        match self.kind {
            PoolKind::Max => builder.add(ops::MaxPool2d { window }, &[x]),
            PoolKind::Average => builder.add(
                ops::AvgPool2d {
                    window,
                    include_padding: false,
                },
                &[x],
            ),
        }
    }
}

/// Pools an image of `[height, width, channels]` to one value a channel.
pub(super) fn pool_whole(
    builder: &mut Builder<'_>,
    kind: PoolKind,
    x: NodeId,
    image: [usize; 3],
) -> Result<NodeId> {
    let [height, width, channels] = image;
    let pooling = Pooling {
        kind,
        size: [height, width],
        stride: [1, 1],
        padding: Padding::Valid,
    };
    let pooled = pooling.build(builder, x, image)?;
    builder.reshape(pooled, [channels])
}
