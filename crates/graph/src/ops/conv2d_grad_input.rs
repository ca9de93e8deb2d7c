//! The gradient of a convolution with respect to its images, which is the transposed convolution.

use serde::{Deserialize, Serialize};

use super::conv2d::accumulate;
use super::{Conv2d, Conv2dGradFilter, ConvAttributes, Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Spreads each value of dy over the image that the filters read it from: the gradient of [`Conv2d`] with respect to
/// its images, and the transposed convolution.
///
/// # Shapes
/// Filters `[height, width, channels / groups, filters]` and dy `[batch, height, width, filters]`; the result has
/// `shape`, `[batch, height, width, channels]`, which a [`Conv2d`] with the same attributes turns into dy's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dGradInput {
    /// How the filters move.
    pub attributes: ConvAttributes,
    /// The shape of the images.
    pub shape: Shape,
}

impl Conv2dGradInput {
    /// Adds the gradient with respect to the images `x`.
    pub(super) fn add(
        attributes: ConvAttributes,
        graph: &mut Graph,
        w: NodeId,
        dy: NodeId,
        x: NodeId,
    ) -> Result<NodeId> {
        let shape = graph.shape(x).clone();
        graph.add(Self { attributes, shape }.into(), &[w, dy])
    }
}

impl Operator for Conv2dGradInput {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [w, dy] = check::inputs("conv2d_grad_input", inputs)?;
        let forward = self
            .attributes
            .convolved("conv2d_grad_input", &self.shape, w)?;
        if &forward != dy {
            let expected = format!(
                "a gradient {forward} for images {} and filters {w}",
                self.shape
            );
            return Err(Error::shape("conv2d_grad_input", expected, dy.to_string()));
        }
        Ok(self.shape.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (w, dy) = (inputs[0], inputs[1]);
        accumulate(output, |sums| {
            self.attributes
                .each_product(shape, w.shape, dy.shape, |i, j, k| {
                    sums[i] += f64::from(w.data[j]) * f64::from(dy.data[k]);
                });
        });
    }

    /// Bilinear: with U the upstream gradient, dw = filter gradient of (U, dy), and the gradient of dy = U ∗ w.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        u: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (w, dy) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let dw = needed[0]
            .then(|| Conv2dGradFilter::add(self.attributes, graph, u, dy, w))
            .transpose()?;
        let attributes = self.attributes;
        let ddy = needed[1]
            .then(|| graph.add(Conv2d { attributes }.into(), &[u, w]))
            .transpose()?;
        Ok(vec![dw, ddy])
    }
}
