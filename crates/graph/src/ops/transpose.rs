//! Dimensions in another order.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Moves the dimensions into another order.
///
/// # Shapes
/// Dimension i of the result is dimension `permutation[i]` of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transpose {
    /// Each dimension of the input, once.
    pub permutation: Vec<usize>,
}

impl Transpose {
    /// The permutation that undoes this one.
    fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.permutation.len()];
        for (to, &from) in self.permutation.iter().enumerate() {
            inverse[from] = to;
        }
        inverse
    }
}

impl Operator for Transpose {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("transpose", inputs)?;
        let mut sorted = self.permutation.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..x.rank()) {
            let expected = format!("each of the {} dimensions of {x} once", x.rank());
            return Err(Error::shape(
                "transpose",
                expected,
                format!("{:?}", self.permutation),
            ));
        }
        Ok(Shape(
            self.permutation.iter().map(|&axis| x.0[axis]).collect(),
        ))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        let mut strides = vec![1; x.shape.len()];
        for axis in (1..x.shape.len()).rev() {
            strides[axis - 1] = strides[axis] * x.shape[axis];
        }
        for (index, y) in output.iter_mut().enumerate() {
            let (mut rest, mut place) = (index, 0);
            for axis in (0..shape.len()).rev() {
                place += rest % shape[axis] * strides[self.permutation[axis]];
                rest /= shape[axis];
            }
            *y = x.data[place];
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        _: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(
            graph.add(
                Self {
                    permutation: self.inverse(),
                }
                .into(),
                &[upstream],
            )?,
        )])
    }
}
