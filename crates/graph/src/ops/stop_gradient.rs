//! A value that no gradient flows through.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The input itself; gradients stop here.
///
/// # Shapes
/// Any; the result has the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopGradient {}

impl Operator for StopGradient {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        check::inputs::<1>("stop_gradient", inputs).map(|[x]| x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        output.copy_from_slice(inputs[0].data);
    }

    fn gradient(
        &self,
        _: &mut Graph,
        _: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![None])
    }
}
