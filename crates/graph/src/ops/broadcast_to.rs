//! Repeating values along dimensions.

use serde::{Deserialize, Serialize};

use super::{Operator, Reduce, ReduceKind, binary::broadcast_index, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Repeats dimensions of size 1 up to a shape of the same rank.
///
/// # Shapes
/// The input's rank is the target's; each of its sizes is the target's or 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BroadcastTo {
    /// The shape of the result.
    pub shape: Shape,
    /// Divides by the number of copies, which makes this the gradient of a mean.
    pub average: bool,
}

impl Operator for BroadcastTo {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        match inputs {
            [x] if x.rank() == self.shape.rank()
                && x.broadcast(&self.shape).as_ref() == Some(&self.shape) =>
            {
                Ok(self.shape.clone())
            }
            _ => {
                let expected = format!("a shape of the same rank that repeats to {}", self.shape);
                Err(Error::shape("broadcast_to", expected, check::list(inputs)))
            }
        }
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        let copies = output.len() / x.data.len().max(1);
        let factor = if self.average {
            1.0 / copies as f32
        } else {
            1.0
        };
        for (index, y) in output.iter_mut().enumerate() {
            *y = x.data[broadcast_index(index, shape, x.shape)] * factor;
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let from = graph.shape(graph.node(node).inputs[0]).clone();
        let axes: Vec<usize> = (0..from.rank())
            .filter(|&axis| from.0[axis] == Dim::Size(1) && self.shape.0[axis] != Dim::Size(1))
            .collect();
        let kind = if self.average {
            ReduceKind::Mean
        } else {
            ReduceKind::Sum
        };
        Ok(vec![Some(
            graph.add(
                Reduce {
                    kind,
                    axes,
                    keep: true,
                }
                .into(),
                &[upstream],
            )?,
        )])
    }
}
