//! Softmax over the last dimension.

use serde::{Deserialize, Serialize};

use super::{Operator, ReduceKind, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// eˣ over the sum of eˣ along the last dimension.
///
/// # Shapes
/// Any with at least one dimension; the result has the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {}

impl Operator for Softmax {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        rows("softmax", inputs)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let width = width(shape);
        for (x, y) in inputs[0]
            .data
            .chunks_exact(width)
            .zip(output.chunks_exact_mut(width))
        {
            let logs = log_softmax(x);
            for (y, log) in y.iter_mut().zip(logs) {
                *y = log.exp() as f32;
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(
            graph.add(SoftmaxGrad {}.into(), &[node, upstream])?,
        )])
    }
}

/// The gradient of [`Softmax`]: y · (dy − Σ y · dy).
///
/// # Shapes
/// The softmax y and dy of the same shape, which is the result's too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftmaxGrad {}

impl Operator for SoftmaxGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        pairs("softmax_grad", inputs)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let width = width(shape);
        for (row, dx) in output.chunks_exact_mut(width).enumerate() {
            let [y, dy] = [0, 1].map(|i| &inputs[i].data[row * width..(row + 1) * width]);
            let along: f64 = y
                .iter()
                .zip(dy)
                .map(|(&y, &dy)| f64::from(y) * f64::from(dy))
                .sum();
            for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = (f64::from(y) * (f64::from(dy) - along)) as f32;
            }
        }
    }

    /// With U the upstream gradient: symmetric in dy, so the same operator for it; for y it is
    /// U · (dy − Σ y · dy) − dy · Σ y · U.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        u: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (y, dy) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let ddy = needed[1]
            .then(|| graph.add(Self {}.into(), &[y, u]))
            .transpose()?;
        if !needed[0] {
            return Ok(vec![None, ddy]);
        }
        let along = sum_of_product(graph, y, dy)?;
        let flow = graph.subtract(dy, along)?;
        let flow = graph.multiply(u, flow)?;
        let along = sum_of_product(graph, y, u)?;
        let back = graph.multiply(dy, along)?;
        Ok(vec![Some(graph.subtract(flow, back)?), ddy])
    }
}

/// Σ a · b along the last dimension, which stays with size 1.
pub(super) fn sum_of_product(graph: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId> {
    let product = graph.multiply(a, b)?;
    sum_rows(graph, product)
}

/// The sum along the last dimension, which stays with size 1.
pub(super) fn sum_rows(graph: &mut Graph, x: NodeId) -> Result<NodeId> {
    let last = graph.shape(x).rank().saturating_sub(1);
    graph.reduce(ReduceKind::Sum, x, &[last], true)
}

/// One input with at least one dimension.
pub(super) fn rows(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    let [x] = check::inputs(op, inputs)?;
    if x.rank() == 0 {
        return Err(Error::shape(op, "at least one dimension", x.to_string()));
    }
    Ok(x.clone())
}

/// Two inputs of one shape with at least one dimension.
pub(super) fn pairs(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    let [y, dy] = check::inputs(op, inputs)?;
    if y != dy || y.rank() == 0 {
        return Err(Error::shape(
            op,
            "two inputs of one shape with at least one dimension",
            check::list(inputs),
        ));
    }
    Ok(y.clone())
}

/// The size of the last dimension, at least 1 so that it can cut an empty tensor.
pub(super) fn width(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1).max(1)
}

/// x − ln Σ eˣ, without overflow.
pub(super) fn log_softmax(row: &[f32]) -> impl Iterator<Item = f64> + '_ {
    let largest = row
        .iter()
        .fold(f64::NEG_INFINITY, |largest, &x| largest.max(f64::from(x)));
    let sum: f64 = row.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
    let log = largest + sum.ln();
    row.iter().map(move |&x| f64::from(x) - log)
}
