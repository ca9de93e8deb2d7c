//! Rows of a table by number: embeddings.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The rows of a table that indices name. An index that is no whole number of a row gives a row of NaN.
///
/// # Shapes
/// Table `[rows, width]`, indices of any shape, result the indices' shape with the width behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gather {}

impl Operator for Gather {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [table, indices] = check::inputs("gather", inputs)?;
        let &[Dim::Size(_), width] = table.0.as_slice() else {
            return Err(Error::shape(
                "gather",
                "a table [rows, width]",
                table.to_string(),
            ));
        };
        let mut shape = indices.clone();
        shape.0.push(width);
        Ok(shape)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let (table, indices) = (inputs[0], inputs[1]);
        let [rows, width] = [table.shape[0], table.shape[1]];
        for (place, &index) in indices.data.iter().enumerate() {
            let y = &mut output[place * width..(place + 1) * width];
            match whole(index, rows) {
                Some(row) => y.copy_from_slice(&table.data[row * width..(row + 1) * width]),
                None => y.fill(f32::NAN),
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
        let (table, indices) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let rows = graph.shape(table).size(0).unwrap_or_default();
        let d_table = needed[0]
            .then(|| graph.add(GatherGrad { rows }.into(), &[indices, g]))
            .transpose()?;
        Ok(vec![d_table, None])
    }
}

/// The gradient of [`Gather`] with respect to the table: each row of dy is added to the row that its index names. An
/// index that is no whole number of a row is left out.
///
/// # Shapes
/// Indices of any shape, dy of the indices' shape with the width behind it, result `[rows, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatherGrad {
    /// The number of rows of the table.
    pub rows: usize,
}

impl Operator for GatherGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [indices, dy] = check::inputs("gather_grad", inputs)?;
        match dy.0.split_last() {
            Some((&width, places)) if places == indices.0 => {
                Ok(Shape(vec![self.rows.into(), width]))
            }
            _ => {
                let expected = "a gradient of the indices' shape with the width behind it";
                Err(Error::shape("gather_grad", expected, check::list(inputs)))
            }
        }
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (indices, dy, width) = (inputs[0], inputs[1], shape[1]);
        output.fill(0.0);
        for (place, &index) in indices.data.iter().enumerate() {
            if let Some(row) = whole(index, self.rows) {
                for column in 0..width {
                    output[row * width + column] += dy.data[place * width + column];
                }
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        u: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let indices = graph.node(node).inputs[0];
        Ok(vec![
            None,
            needed[1]
                .then(|| graph.add(Gather {}.into(), &[u, indices]))
                .transpose()?,
        ])
    }
}

/// A number as an index below `count`, if it is one.
pub(super) fn whole(value: f32, count: usize) -> Option<usize> {
    (value >= 0.0 && value.fract() == 0.0)
        .then_some(value as usize)
        .filter(|&index| index < count)
}
