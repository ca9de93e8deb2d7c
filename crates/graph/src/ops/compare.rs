//! Comparing values, and choosing between them.

use serde::{Deserialize, Serialize};

use super::binary::{broadcast_index, sum_to};
use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The comparisons that [`Compare`] makes; each is false where a value is NaN, except that `NotEqual` is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareKind {
    /// a = b.
    Equal,
    /// a ≠ b.
    NotEqual,
    /// a < b.
    Less,
    /// a ≤ b.
    LessEqual,
    /// a > b.
    Greater,
    /// a ≥ b.
    GreaterEqual,
}

impl CompareKind {
    /// The comparison.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "exact equality is what is asked for")]
    pub fn apply(self, a: f32, b: f32) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterEqual => a >= b,
        }
    }
}

/// 1 where a comparison holds and 0 elsewhere. No gradient flows through it: the result is constant almost everywhere.
///
/// # Shapes
/// Two shapes that broadcast by NumPy's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The comparison.
    pub kind: CompareKind,
}

impl Operator for Compare {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [a, b] = check::inputs("compare", inputs)?;
        a.broadcast(b).ok_or_else(|| {
            Error::shape("compare", "two shapes that broadcast", check::list(inputs))
        })
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        for (index, y) in output.iter_mut().enumerate() {
            let [a, b] =
                [0, 1].map(|i| inputs[i].data[broadcast_index(index, shape, inputs[i].shape)]);
            *y = if self.kind.apply(a, b) { 1.0 } else { 0.0 };
        }
    }

    fn gradient(
        &self,
        _: &mut Graph,
        _: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![None, None])
    }
}

/// a where the condition is not 0 and b elsewhere.
///
/// # Shapes
/// Condition, a and b broadcast by NumPy's rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {}

impl Operator for Where {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [condition, a, b] = check::inputs("where", inputs)?;
        let shape = a.broadcast(b).and_then(|both| both.broadcast(condition));
        shape.ok_or_else(|| {
            Error::shape("where", "three shapes that broadcast", check::list(inputs))
        })
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        for (index, y) in output.iter_mut().enumerate() {
            let [condition, a, b] =
                [0, 1, 2].map(|i| inputs[i].data[broadcast_index(index, shape, inputs[i].shape)]);
            *y = if condition == 0.0 { b } else { a };
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        g: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let &[condition, a, b] = graph.node(node).inputs.as_slice() else {
            return Ok(Vec::new());
        };
        let zero = graph.constant(0.0);
        let mut part =
            |needed: bool, chosen: [NodeId; 2], like: NodeId| -> Result<Option<NodeId>> {
                if !needed {
                    return Ok(None);
                }
                let flow = graph.add(Self {}.into(), &[condition, chosen[0], chosen[1]])?;
                sum_to(graph, flow, like).map(Some)
            };
        Ok(vec![
            None,
            part(needed[1], [g, zero], a)?,
            part(needed[2], [zero, g], b)?,
        ])
    }
}
