//! Tensors one after another.

use serde::{Deserialize, Serialize};

use super::{Operator, Slice, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Puts tensors one after another along a dimension.
///
/// # Shapes
/// One input or more, alike in all dimensions but `axis`, which has a number as its size in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concat {
    /// The dimension.
    pub axis: usize,
}

impl Operator for Concat {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let axis = self.axis;
        let refuse = || {
            let expected =
                format!("shapes with known sizes of dimension {axis} that are alike in all others");
            Error::shape("concat", expected, check::list(inputs))
        };
        let mut shape = (*inputs.first().ok_or_else(refuse)?).clone();
        let mut total = 0usize;
        for input in inputs {
            let size = input.size(axis).ok_or_else(refuse)?;
            let alike = input.rank() == shape.rank()
                && (0..input.rank()).all(|i| i == axis || input.0[i] == shape.0[i]);
            total = total
                .checked_add(size)
                .filter(|_| alike)
                .ok_or_else(refuse)?;
        }
        shape.0[axis] = total.into();
        Ok(shape)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        if output.is_empty() {
            return;
        }
        let inner: usize = shape[self.axis + 1..].iter().product();
        for (row, y) in output
            .chunks_exact_mut(shape[self.axis] * inner)
            .enumerate()
        {
            let mut start = 0;
            for input in inputs {
                let len = input.shape[self.axis] * inner;
                y[start..start + len].copy_from_slice(&input.data[row * len..(row + 1) * len]);
                start += len;
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        g: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (axis, mut start) = (self.axis, 0);
        let inputs = graph.node(node).inputs.clone();
        let flows = inputs.into_iter().zip(needed).map(|(input, &needed)| {
            let len = graph.shape(input).size(axis).unwrap_or_default();
            let part = Slice { axis, start, len };
            start += len;
            needed.then(|| graph.add(part.into(), &[g])).transpose()
        });
        flows.collect()
    }
}
