//! Values around a tensor.

use serde::{Deserialize, Serialize};

use super::{Operator, Slice, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Surrounds a tensor by copies of one value.
///
/// # Shapes
/// Each size grows by what is put before and after it; a symbol grows by nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// How many places are put before each dimension.
    pub before: Vec<usize>,
    /// How many places are put after each dimension.
    pub after: Vec<usize>,
    /// The value in them.
    #[serde(with = "super::number")]
    pub value: f32,
}

impl Operator for Pad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("pad", inputs)?;
        if !self.value.is_finite() {
            return Err(Error::shape(
                "pad",
                "a finite value",
                self.value.to_string(),
            ));
        }
        let grown = |axis: usize| match (x.0[axis], self.before[axis], self.after[axis]) {
            (Dim::Size(size), before, after) => {
                size.checked_add(before)?.checked_add(after).map(Dim::Size)
            }
            (symbol, 0, 0) => Some(symbol),
            _ => None,
        };
        let dims = (self.before.len() == x.rank() && self.after.len() == x.rank())
            .then(|| (0..x.rank()).map(grown).collect::<Option<Vec<_>>>())
            .flatten();
        dims.map(Shape).ok_or_else(|| {
            let expected =
                "a number of places before and after each dimension, none at one of open size";
            Error::shape(
                "pad",
                expected,
                format!("{x}, before {:?}, after {:?}", self.before, self.after),
            )
        })
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        for (index, y) in output.iter_mut().enumerate() {
            *y = self
                .source(index, shape, x.shape)
                .map_or(self.value, |place| x.data[place]);
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let x = graph.shape(graph.node(node).inputs[0]).clone();
        let mut flow = upstream;
        for axis in 0..x.rank() {
            if let Some(len) = x
                .size(axis)
                .filter(|_| self.before[axis] + self.after[axis] > 0)
            {
                flow = graph.add(
                    Slice {
                        axis,
                        start: self.before[axis],
                        len,
                    }
                    .into(),
                    &[flow],
                )?;
            }
        }
        Ok(vec![Some(flow)])
    }
}

impl Pad {
    /// Where the value at `index` of the result stands in an input of sizes `from`, unless it is padding.
    fn source(&self, index: usize, to: &[usize], from: &[usize]) -> Option<usize> {
        let (mut rest, mut stride, mut place) = (index, 1, 0);
        for axis in (0..to.len()).rev() {
            let coordinate = (rest % to[axis])
                .checked_sub(self.before[axis])
                .filter(|&i| i < from[axis])?;
            rest /= to[axis];
            place += coordinate * stride;
            stride *= from[axis];
        }
        Some(place)
    }
}
