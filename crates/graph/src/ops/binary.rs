//! Functions of two values, with broadcasting.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor, ops};

/// The functions that [`Binary`] applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinaryKind {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a / b.
    Div,
    /// The larger; of equal values the gradient goes to a.
    Max,
    /// The smaller; of equal values the gradient goes to a.
    Min,
    /// a to the power b.
    Pow,
}

impl BinaryKind {
    /// The function, in plain arithmetic. NaN wins over every number.
    #[must_use]
    pub fn apply(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Max => {
                if a >= b || a.is_nan() {
                    a
                } else {
                    b
                }
            }
            Self::Min => {
                if a <= b || a.is_nan() {
                    a
                } else {
                    b
                }
            }
            Self::Pow => a.powf(b),
        }
    }
}

/// A function applied to every pair of values.
///
/// # Shapes
/// Two shapes that broadcast by NumPy's rule: aligned at the last dimension, a size of 1 is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binary {
    /// The function.
    pub kind: BinaryKind,
}

impl Operator for Binary {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [a, b] = check::inputs("binary", inputs)?;
        a.broadcast(b)
            .ok_or_else(|| Error::shape("binary", "two shapes that broadcast", check::list(inputs)))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        for (index, y) in output.iter_mut().enumerate() {
            let value = |input: &Tensor<'_>| input.data[broadcast_index(index, shape, input.shape)];
            *y = self.kind.apply(value(&inputs[0]), value(&inputs[1]));
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        g: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (a, b) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let da = if needed[0] {
            Some(self.by_left(graph, node, a, b, g)?)
        } else {
            None
        };
        let db = if needed[1] {
            Some(self.by_right(graph, node, a, b, g)?)
        } else {
            None
        };
        let da = da.map(|id| sum_to(graph, id, a)).transpose()?;
        let db = db.map(|id| sum_to(graph, id, b)).transpose()?;
        Ok(vec![da, db])
    }
}

impl Binary {
    fn by_left(
        &self,
        graph: &mut Graph,
        node: NodeId,
        a: NodeId,
        b: NodeId,
        g: NodeId,
    ) -> Result<NodeId> {
        match self.kind {
            BinaryKind::Add | BinaryKind::Sub => Ok(g),
            BinaryKind::Mul => graph.multiply(g, b),
            BinaryKind::Div => graph.divide(g, b),
            BinaryKind::Max | BinaryKind::Min => {
                let chosen = graph.add(
                    ops::Compare {
                        kind: ops::CompareKind::Equal,
                    }
                    .into(),
                    &[a, node],
                )?;
                graph.multiply(g, chosen)
            }
            BinaryKind::Pow => {
                let one = graph.constant(1.0);
                let less = graph.subtract(b, one)?;
                let power = graph.add(
                    Binary {
                        kind: BinaryKind::Pow,
                    }
                    .into(),
                    &[a, less],
                )?;
                let slope = graph.multiply(b, power)?;
                graph.multiply(g, slope)
            }
        }
    }

    fn by_right(
        &self,
        graph: &mut Graph,
        node: NodeId,
        a: NodeId,
        b: NodeId,
        g: NodeId,
    ) -> Result<NodeId> {
        match self.kind {
            BinaryKind::Add => Ok(g),
            BinaryKind::Sub => graph.unary(ops::UnaryKind::Neg, g),
            BinaryKind::Mul => graph.multiply(g, a),
            BinaryKind::Div => {
                let quotient = graph.divide(node, b)?;
                let product = graph.multiply(g, quotient)?;
                graph.unary(ops::UnaryKind::Neg, product)
            }
            BinaryKind::Max | BinaryKind::Min => {
                let left = graph.add(
                    ops::Compare {
                        kind: ops::CompareKind::Equal,
                    }
                    .into(),
                    &[a, node],
                )?;
                let one = graph.constant(1.0);
                let chosen = graph.subtract(one, left)?;
                graph.multiply(g, chosen)
            }
            BinaryKind::Pow => {
                let log = graph.unary(ops::UnaryKind::Log, a)?;
                let slope = graph.multiply(node, log)?;
                graph.multiply(g, slope)
            }
        }
    }
}

/// Sums a gradient over the dimensions in which `like` was repeated.
pub(super) fn sum_to(graph: &mut Graph, gradient: NodeId, like: NodeId) -> Result<NodeId> {
    let (from, to) = (graph.shape(gradient).clone(), graph.shape(like).clone());
    if from == to {
        return Ok(gradient);
    }
    let missing = from.rank().saturating_sub(to.rank());
    let axes: Vec<usize> = (0..from.rank())
        .filter(|&axis| {
            axis < missing || (to.0[axis - missing] == Dim::Size(1) && from.0[axis] != Dim::Size(1))
        })
        .collect();
    let summed = graph.reduce(ops::ReduceKind::Sum, gradient, &axes, false)?;
    graph.reshape(summed, to)
}

/// Where the value at `index` of a result of sizes `to` stands in an operand of sizes `from`.
pub(super) fn broadcast_index(index: usize, to: &[usize], from: &[usize]) -> usize {
    let offset = to.len() - from.len();
    let (mut rest, mut stride, mut place) = (index, 1, 0);
    for axis in (0..to.len()).rev() {
        let coordinate = rest % to[axis];
        rest /= to[axis];
        if axis >= offset {
            let size = from[axis - offset];
            if size != 1 {
                place += coordinate * stride;
            }
            stride *= size;
        }
    }
    place
}
