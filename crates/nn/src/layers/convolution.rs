//! What 1-D and 2-D convolutions share.

use jingwei_graph::NodeId;
use jingwei_graph::ops;

use super::{Builder, Padding};
use crate::Result;

/// A convolution of images, whatever the dimensions of the layer.
pub(super) struct Convolution {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    pub(super) padding: Padding,
    /// Whether what surrounds the width stands before it.
    pub(super) causal: bool,
    pub(super) groups: usize,
    pub(super) filters: usize,
}

impl Convolution {
    /// The sizes of the filters, after checking that they suit an image of `[height, width, channels]`.
    pub(super) fn kernel_sizes(
        &self,
        builder: &Builder<'_>,
        x: NodeId,
        image: [usize; 3],
    ) -> Result<[usize; 4]> {
        let [height, width] = self.kernel;
        builder.at_least_one("filters", self.filters)?;
        builder.at_least_one("groups", self.groups)?;
        builder.at_least_one("kernel", height.min(width))?;
        builder.at_least_one("stride", self.stride[0].min(self.stride[1]))?;
        builder.at_least_one("dilation", self.dilation[0].min(self.dilation[1]))?;
        if !image[2].is_multiple_of(self.groups) {
            return Err(builder.expected(
                format!("channels that {} groups share evenly", self.groups),
                x,
            ));
        }
        if !self.filters.is_multiple_of(self.groups) {
            let expected = format!("filters that {} groups share evenly", self.groups);
            return Err(builder.wrong(expected, format!("{} filters", self.filters)));
        }
        builder.window_fits(x, image, self.span(), self.padding)?;
        Ok([height, width, image[2] / self.groups, self.filters])
    }

    /// Adds the convolution of an image of `[height, width, channels]` with filters.
    pub(super) fn build(
        &self,
        builder: &mut Builder<'_>,
        x: NodeId,
        image: [usize; 3],
        kernel: NodeId,
    ) -> Result<NodeId> {
        let attributes = ops::ConvAttributes {
            stride: self.stride,
            padding: self.amounts(image),
            dilation: self.dilation,
            groups: self.groups,
        };
        builder.add(ops::Conv2d { attributes }, &[x, kernel])
    }

    /// The padding of an image: top, bottom, left, right.
    pub(super) fn amounts(&self, image: [usize; 3]) -> [usize; 4] {
        match self.causal {
            true => [0, 0, self.span()[1] - 1, 0],
            false => amounts(self.padding, image, self.span(), self.stride),
        }
    }

    /// How many values the spread window reaches over.
    pub(super) fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            (self.kernel[axis] - 1)
                .saturating_mul(self.dilation[axis])
                .saturating_add(1)
        })
    }
}

/// The padding of an image: top, bottom, left, right.
pub(super) fn amounts(
    padding: Padding,
    image: [usize; 3],
    span: [usize; 2],
    stride: [usize; 2],
) -> [usize; 4] {
    let [[top, bottom], [left, right]] =
        [0, 1].map(|axis| padding.amounts(image[axis], span[axis], stride[axis]));
    [top, bottom, left, right]
}
