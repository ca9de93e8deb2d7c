//! A part of a dimension.

use serde::{Deserialize, Serialize};

use super::{Operator, Pad, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// A run of neighbouring places along one dimension.
///
/// # Shapes
/// The input's, with `len` in place of the size of `axis`, which is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// The dimension.
    pub axis: usize,
    /// The first place.
    pub start: usize,
    /// The number of places.
    pub len: usize,
}

impl Operator for Slice {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("slice", inputs)?;
        let end = self.start.checked_add(self.len);
        if x.size(self.axis)
            .zip(end)
            .is_none_or(|(size, end)| end > size)
        {
            let &Self { axis, start, len } = self;
            let expected = format!("{len} places from place {start} on along dimension {axis}");
            return Err(Error::shape("slice", expected, x.to_string()));
        }
        let mut shape = x.clone();
        shape.0[self.axis] = self.len.into();
        Ok(shape)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        if output.is_empty() {
            return;
        }
        let inner: usize = x.shape[self.axis + 1..].iter().product();
        let (from, to) = (x.shape[self.axis] * inner, self.len * inner);
        for (x, y) in x.data.chunks_exact(from).zip(output.chunks_exact_mut(to)) {
            y.copy_from_slice(&x[self.start * inner..][..to]);
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let x = graph.shape(graph.node(node).inputs[0]);
        let (rank, size) = (x.rank(), x.size(self.axis).unwrap_or_default());
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        before[self.axis] = self.start;
        after[self.axis] = size.saturating_sub(self.start + self.len);
        Ok(vec![Some(
            graph.add(
                Pad {
                    before,
                    after,
                    value: 0.0,
                }
                .into(),
                &[upstream],
            )?,
        )])
    }
}
