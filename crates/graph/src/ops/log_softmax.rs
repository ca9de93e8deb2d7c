//! The logarithm of softmax over the last dimension.

use serde::{Deserialize, Serialize};

use super::softmax::{log_softmax, pairs, rows, sum_of_product, sum_rows, width};
use super::{Operator, UnaryKind};
use crate::{Graph, NodeId, Result, RunContext, Shape, Tensor};

/// x − ln Σ eˣ along the last dimension.
///
/// # Shapes
/// Any with at least one dimension; the result has the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSoftmax {}

impl Operator for LogSoftmax {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        rows("log_softmax", inputs)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let width = width(shape);
        for (x, y) in inputs[0]
            .data
            .chunks_exact(width)
            .zip(output.chunks_exact_mut(width))
        {
            for (y, log) in y.iter_mut().zip(log_softmax(x)) {
                *y = log as f32;
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
            graph.add(LogSoftmaxGrad {}.into(), &[node, upstream])?,
        )])
    }
}

/// The gradient of [`LogSoftmax`]: dy − eʸ · Σ dy.
///
/// # Shapes
/// The log-softmax y and dy of the same shape, which is the result's too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSoftmaxGrad {}

impl Operator for LogSoftmaxGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        pairs("log_softmax_grad", inputs)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let width = width(shape);
        for (row, dx) in output.chunks_exact_mut(width).enumerate() {
            let [y, dy] = [0, 1].map(|i| &inputs[i].data[row * width..(row + 1) * width]);
            let sum: f64 = dy.iter().map(|&dy| f64::from(dy)).sum();
            for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                *dx = (f64::from(dy) - f64::from(y).exp() * sum) as f32;
            }
        }
    }

    /// With U the upstream gradient: U − Σ U · eʸ for dy, −U · eʸ · Σ dy for y.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        u: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (y, dy) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let softmax = graph.unary(UnaryKind::Exp, y)?;
        let mut flows = vec![None, None];
        if needed[0] {
            let sum = sum_rows(graph, dy)?;
            let slope = graph.multiply(softmax, sum)?;
            let flow = graph.multiply(u, slope)?;
            flows[0] = Some(graph.unary(UnaryKind::Neg, flow)?);
        }
        if needed[1] {
            let along = sum_of_product(graph, u, softmax)?;
            flows[1] = Some(graph.subtract(u, along)?);
        }
        Ok(flows)
    }
}
