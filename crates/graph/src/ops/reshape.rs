//! The same values under another shape.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Gives the values another shape without moving them.
///
/// # Shapes
/// Any two with the same symbols and the same product of sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// The shape of the result.
    pub shape: Shape,
}

impl Operator for Reshape {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        match inputs {
            [x] if content(x).is_some() && content(x) == content(&self.shape) => {
                Ok(self.shape.clone())
            }
            _ => {
                let expected = format!("one input with as many values as {} holds", self.shape);
                Err(Error::shape("reshape", expected, check::list(inputs)))
            }
        }
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        output.copy_from_slice(inputs[0].data);
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let shape = graph.shape(graph.node(node).inputs[0]).clone();
        Ok(vec![Some(graph.reshape(upstream, shape)?)])
    }
}

/// The symbols of a shape and the product of its sizes; `None` if the product overflows.
fn content(shape: &Shape) -> Option<(Vec<Dim>, usize)> {
    let symbols = shape
        .0
        .iter()
        .copied()
        .filter(|dim| matches!(dim, Dim::Symbol(_)))
        .collect();
    let mut sizes = shape.0.iter().filter_map(|dim| {
        if let Dim::Size(size) = dim {
            Some(*size)
        } else {
            None
        }
    });
    Some((
        symbols,
        sizes.try_fold(1usize, |product, size| product.checked_mul(size))?,
    ))
}
