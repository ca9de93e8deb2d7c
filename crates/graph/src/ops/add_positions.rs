//! A vector for each position of a sequence, added to it.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// `y[b, t] = x[b, t] + table[t]`.
///
/// # Shapes
/// x `[batch, time, channels]`, table `[rows, channels]` with at least as many rows as there are positions; the result
/// has x's shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddPositions {}

impl Operator for AddPositions {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, table] = check::inputs("add_positions", inputs)?;
        let (&[_, time, channels], &[Dim::Size(rows), width]) =
            (x.0.as_slice(), table.0.as_slice())
        else {
            let expected = "x [batch, time, channels] and a table [rows, channels]";
            return Err(Error::shape("add_positions", expected, check::list(inputs)));
        };
        let fits = !matches!(time, Dim::Size(time) if time > rows);
        if channels != width || !fits {
            let expected = format!("at most {rows} positions of {width} channels");
            return Err(Error::shape("add_positions", expected, x.to_string()));
        }
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (x, table) = (inputs[0].data, inputs[1].data);
        let len = shape[1] * shape[2];
        for (place, (y, x)) in output.iter_mut().zip(x).enumerate() {
            *y = x + table[place % len];
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        dy: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let table = graph.node(node).inputs[1];
        let rows = graph.shape(table).size(0).unwrap_or_default();
        let d_table = needed[1]
            .then(|| graph.add(AddPositionsGrad { rows }.into(), &[dy]))
            .transpose()?;
        Ok(vec![Some(dy), d_table])
    }
}

/// The gradient of [`AddPositions`] with respect to the table: the sum over the batch, zeros for rows without a position.
///
/// # Shapes
/// dy `[batch, time, channels]`, result `[rows, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddPositionsGrad {
    /// The rows of the table.
    pub rows: usize,
}

impl Operator for AddPositionsGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "add_positions_grad";
        let [dy] = check::inputs(OP, inputs)?;
        match dy.0[..] {
            [_, time, channels] if !matches!(time, Dim::Size(time) if time > self.rows) => {
                Ok(Shape(vec![self.rows.into(), channels]))
            }
            _ => {
                let expected = format!("a gradient of at most {} positions", self.rows);
                Err(Error::shape(OP, expected, dy.to_string()))
            }
        }
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let dy = inputs[0];
        let len = dy.shape[1] * dy.shape[2];
        let mut sums = vec![0.0f64; output.len()];
        for (place, &dy) in dy.data.iter().enumerate() {
            sums[place % len] += f64::from(dy);
        }
        for (y, sum) in output.iter_mut().zip(sums) {
            *y = sum as f32;
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let reason = "the second derivative of add_positions is not implemented";
        Err(check::no_gradient(graph, node, reason))
    }
}
