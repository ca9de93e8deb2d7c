//! Rotary position embedding (Su et al. 2021).

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Each pair of channels turned by an angle that grows with the position: channels c and c + depth / 2 at position t by
/// t · base^(−2c / depth), so that products of two turned vectors depend on their distance alone.
///
/// # Shapes
/// `[batch, time, heads, depth]` with an even depth; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotaryEmbedding {
    /// The longest wavelength over 2π, 10,000 in most networks.
    pub base: f32,
    /// Turned the other way round, as gradients are.
    pub inverse: bool,
}

impl RotaryEmbedding {
    /// (cos, sin) of the angle at a position, for each pair of channels.
    #[must_use]
    pub fn angles(&self, position: usize, depth: usize) -> Vec<(f32, f32)> {
        let angle = |pair: usize| {
            let power = -2.0 * pair as f64 / depth as f64;
            let angle = position as f64 * f64::from(self.base).powf(power);
            let sin = if self.inverse {
                -angle.sin()
            } else {
                angle.sin()
            };
            (angle.cos() as f32, sin as f32)
        };
        (0..depth / 2).map(angle).collect()
    }
}

impl Operator for RotaryEmbedding {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "rotary_embedding";
        let [x] = check::inputs(OP, inputs)?;
        check::base(OP, self.base)?;
        let even = x.size(3).is_some_and(|depth| depth > 0 && depth % 2 == 0);
        if x.rank() != 4 || x.size(2).is_none_or(|heads| heads == 0) || !even {
            let expected = "[batch, time, heads, depth] with an even depth";
            return Err(Error::shape(OP, expected, x.to_string()));
        }
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (time, heads, depth) = (shape[1], shape[2], shape[3]);
        let half = depth / 2;
        let rows = inputs[0].data.chunks_exact(heads * depth);
        for (row, (x, y)) in rows.zip(output.chunks_exact_mut(heads * depth)).enumerate() {
            let angles = self.angles(row % time, depth);
            for (x, y) in x.chunks_exact(depth).zip(y.chunks_exact_mut(depth)) {
                for (pair, (cos, sin)) in angles.iter().enumerate() {
                    let (a, b) = (x[pair], x[pair + half]);
                    y[pair] = a * cos - b * sin;
                    y[pair + half] = b * cos + a * sin;
                }
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let inverse = Self {
            inverse: !self.inverse,
            ..*self
        };
        Ok(vec![Some(graph.add(inverse.into(), &[dy])?)])
    }
}
