//! Sums, means and maxima over dimensions.

use serde::{Deserialize, Serialize};

use super::{BroadcastTo, Operator, check, conv2d::accumulate};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor, ops};

/// How [`Reduce`] joins values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReduceKind {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The largest; of equal values each gets the whole gradient.
    Max,
}

/// Joins the values along some dimensions.
///
/// # Shapes
/// The input's shape without `axes`, or with 1 in their place if `keep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reduce {
    /// How values are joined.
    pub kind: ReduceKind,
    /// The dimensions, ascending.
    pub axes: Vec<usize>,
    /// Whether the dimensions stay, with size 1.
    pub keep: bool,
}

impl Operator for Reduce {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("reduce", inputs)?;
        let ascending = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || self.axes.last().is_some_and(|&axis| axis >= x.rank()) {
            return Err(Error::shape(
                "reduce",
                "ascending dimensions of its input",
                format!("{:?} of {x}", self.axes),
            ));
        }
        let dims =
            x.0.iter()
                .enumerate()
                .filter_map(|(axis, &dim)| match self.axes.contains(&axis) {
                    false => Some(dim),
                    true => self.keep.then_some(Dim::Size(1)),
                });
        Ok(Shape(dims.collect()))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        if self.kind == ReduceKind::Max {
            output.fill(f32::NEG_INFINITY);
            for (index, &value) in x.data.iter().enumerate() {
                let y = &mut output[self.place(index, x.shape)];
                *y = ops::BinaryKind::Max.apply(*y, value);
            }
            return;
        }
        let count: usize = self.axes.iter().map(|&axis| x.shape[axis]).product();
        let divisor = if self.kind == ReduceKind::Mean {
            count as f64
        } else {
            1.0
        };
        accumulate(output, |sums| {
            for (index, &value) in x.data.iter().enumerate() {
                sums[self.place(index, x.shape)] += f64::from(value);
            }
            sums.iter_mut().for_each(|sum| *sum /= divisor);
        });
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let x = graph.node(node).inputs[0];
        let shape = graph.shape(x).clone();
        let kept = Shape(
            shape
                .0
                .iter()
                .enumerate()
                .map(|(axis, &dim)| {
                    if self.axes.contains(&axis) {
                        Dim::Size(1)
                    } else {
                        dim
                    }
                })
                .collect(),
        );
        let upstream = graph.reshape(upstream, kept.clone())?;
        let average = self.kind == ReduceKind::Mean;
        let spread = graph.add(
            BroadcastTo {
                shape: shape.clone(),
                average,
            }
            .into(),
            &[upstream],
        )?;
        if self.kind != ReduceKind::Max {
            return Ok(vec![Some(spread)]);
        }
        let largest = graph.reshape(node, kept)?;
        let chosen = graph.add(
            ops::Compare {
                kind: ops::CompareKind::Equal,
            }
            .into(),
            &[x, largest],
        )?;
        Ok(vec![Some(graph.multiply(spread, chosen)?)])
    }
}

impl Reduce {
    /// Where the value at `index` of the input goes.
    fn place(&self, index: usize, sizes: &[usize]) -> usize {
        let (mut rest, mut stride, mut place) = (index, 1, 0);
        for axis in (0..sizes.len()).rev() {
            let coordinate = rest % sizes[axis];
            rest /= sizes[axis];
            if !self.axes.contains(&axis) {
                place += coordinate * stride;
                stride *= sizes[axis];
            }
        }
        place
    }
}
