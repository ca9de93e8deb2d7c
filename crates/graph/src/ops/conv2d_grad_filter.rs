//! The gradient of a convolution with respect to its filters.

use serde::{Deserialize, Serialize};

use super::conv2d::accumulate;
use super::{Conv2d, Conv2dGradInput, ConvAttributes, Operator, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The gradient of [`Conv2d`] with respect to its filters.
///
/// # Shapes
/// Images `[batch, height, width, channels]` and dy `[batch, height, width, filters]`, result
/// `[kernel height, kernel width, channels / groups, filters]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dGradFilter {
    /// How the filters move.
    pub attributes: ConvAttributes,
    /// Height and width of the filters.
    pub kernel: [usize; 2],
}

impl Conv2dGradFilter {
    /// Adds the gradient with respect to the filters `w`.
    pub(super) fn add(
        attributes: ConvAttributes,
        graph: &mut Graph,
        x: NodeId,
        dy: NodeId,
        w: NodeId,
    ) -> Result<NodeId> {
        let kernel = [0, 1].map(|axis| graph.shape(w).size(axis).unwrap_or_default());
        graph.add(Self { attributes, kernel }.into(), &[x, dy])
    }
}

impl Operator for Conv2dGradFilter {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, dy] = check::inputs("conv2d_grad_filter", inputs)?;
        let [_, _, _, Dim::Size(channels)] = x.0.as_slice() else {
            let expected = "images [batch, height, width, channels]";
            return Err(Error::shape("conv2d_grad_filter", expected, x.to_string()));
        };
        let [_, _, _, Dim::Size(filters)] = dy.0.as_slice() else {
            let expected = "a gradient [batch, height, width, filters]";
            return Err(Error::shape("conv2d_grad_filter", expected, dy.to_string()));
        };
        let group_channels = channels
            .checked_div(self.attributes.groups)
            .unwrap_or_default();
        let w = Shape::fixed(&[self.kernel[0], self.kernel[1], group_channels, *filters]);
        let forward = self.attributes.convolved("conv2d_grad_filter", x, &w)?;
        if &forward != dy {
            let expected = format!("a gradient {forward} for images {x} and filters {w}");
            return Err(Error::shape("conv2d_grad_filter", expected, dy.to_string()));
        }
        Ok(w)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (x, dy) = (inputs[0], inputs[1]);
        accumulate(output, |sums| {
            self.attributes
                .each_product(x.shape, shape, dy.shape, |i, j, k| {
                    sums[j] += f64::from(x.data[i]) * f64::from(dy.data[k]);
                });
        });
    }

    /// Bilinear: with U the upstream gradient, dx = input gradient of (U, dy), and the gradient of dy = x ∗ U.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        u: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, dy) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let dx = needed[0]
            .then(|| Conv2dGradInput::add(self.attributes, graph, u, dy, x))
            .transpose()?;
        let attributes = self.attributes;
        let ddy = needed[1]
            .then(|| graph.add(Conv2d { attributes }.into(), &[x, u]))
            .transpose()?;
        Ok(vec![dx, ddy])
    }
}
