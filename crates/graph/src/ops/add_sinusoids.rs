//! Sinusoidal positions (Vaswani et al. 2017).

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// x plus, at position t, sin(t · base^(−c / channels)) in even channels c and the cosine of the same angle in the odd
/// channel after each.
///
/// # Shapes
/// `[batch, time, channels]`; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddSinusoids {
    /// The longest wavelength over 2π, 10,000 in most networks.
    pub base: f32,
}

impl AddSinusoids {
    /// What is added at a position.
    #[must_use]
    pub fn row(&self, position: usize, channels: usize) -> Vec<f32> {
        let value = |channel: usize| {
            let power = -((channel - channel % 2) as f64) / channels as f64;
            let angle = position as f64 * f64::from(self.base).powf(power);
            (if channel.is_multiple_of(2) {
                angle.sin()
            } else {
                angle.cos()
            }) as f32
        };
        (0..channels).map(value).collect()
    }
}

impl Operator for AddSinusoids {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "add_sinusoids";
        let [x] = check::inputs(OP, inputs)?;
        check::base(OP, self.base)?;
        if x.rank() != 3 || x.size(2).is_none() {
            let expected = "[batch, time, channels] with a known number of channels";
            return Err(Error::shape(OP, expected, x.to_string()));
        }
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let table: Vec<f32> = (0..shape[1]).flat_map(|t| self.row(t, shape[2])).collect();
        for (place, (y, x)) in output.iter_mut().zip(inputs[0].data).enumerate() {
            *y = x + table[place % table.len()];
        }
    }

    fn gradient(
        &self,
        _: &mut Graph,
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(dy)])
    }
}
