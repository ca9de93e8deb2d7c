//! Root mean square normalisation (Zhang and Sennrich 2019) over the last dimension.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// x / √(mean(x²) + ε) · γ, with the mean over each row.
///
/// # Shapes
/// x `[…, channels]`, γ `[channels]`; the result has x's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmsNorm {
    /// Added to the means of squares.
    pub epsilon: f32,
}

impl Operator for RmsNorm {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, gamma] = check::inputs("rms_norm", inputs)?;
        check::epsilon("rms_norm", self.epsilon)?;
        let channels = check::channels("rms_norm", x)?;
        if !check::is_vector(gamma, channels) {
            let expected = format!("gamma [{channels}] for {x}");
            return Err(Error::shape("rms_norm", expected, gamma.to_string()));
        }
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let (x, gamma) = (inputs[0].data, inputs[1].data);
        let channels = gamma.len();
        for (x, y) in x
            .chunks_exact(channels)
            .zip(output.chunks_exact_mut(channels))
        {
            let inverse = inverse(x, self.epsilon);
            for ((y, &x), &gamma) in y.iter_mut().zip(x).zip(gamma) {
                *y = (f64::from(x) * inverse) as f32 * gamma;
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        dy: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, gamma) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let epsilon = self.epsilon;
        let dx = needed[0]
            .then(|| graph.add(RmsNormGradInput { epsilon }.into(), &[x, gamma, dy]))
            .transpose()?;
        let d_gamma = needed[1]
            .then(|| graph.add(RmsNormGradScale { epsilon }.into(), &[x, dy]))
            .transpose()?;
        Ok(vec![dx, d_gamma])
    }
}

/// The gradient of [`RmsNorm`] with respect to x.
///
/// # Shapes
/// x and dy `[…, channels]`, γ `[channels]` between them; the result has x's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmsNormGradInput {
    /// Added to the means of squares.
    pub epsilon: f32,
}

impl Operator for RmsNormGradInput {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "rms_norm_grad_input";
        let [x, gamma, dy] = check::inputs(OP, inputs)?;
        check::epsilon(OP, self.epsilon)?;
        let channels = check::channels(OP, x)?;
        if !check::is_vector(gamma, channels) || dy != x {
            let expected = format!("gamma [{channels}] and a gradient {x}");
            return Err(Error::shape(OP, expected, check::list(&inputs[1..])));
        }
        Ok(x.clone())
    }

    /// With h = γ · dy, r = 1 / √(mean(x²) + ε) and x̂ = r · x: dx = (h − x̂ · mean(h · x̂)) · r.
    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let [x, gamma, dy] = [0, 1, 2].map(|i| inputs[i].data);
        let channels = gamma.len();
        for (row, dx) in output.chunks_exact_mut(channels).enumerate() {
            let (x, dy) = (
                &x[row * channels..][..channels],
                &dy[row * channels..][..channels],
            );
            let inverse = inverse(x, self.epsilon);
            let flow = |channel: usize| f64::from(gamma[channel]) * f64::from(dy[channel]);
            let normal = |channel: usize| f64::from(x[channel]) * inverse;
            let along: f64 = (0..channels).map(|c| flow(c) * normal(c)).sum();
            for (channel, dx) in dx.iter_mut().enumerate() {
                let across = normal(channel) * along / channels as f64;
                *dx = ((flow(channel) - across) * inverse) as f32;
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(check::no_gradient(graph, node, SECOND))
    }
}

/// The gradient of [`RmsNorm`] with respect to γ.
///
/// # Shapes
/// x and dy `[…, channels]`; result `[channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmsNormGradScale {
    /// Added to the means of squares.
    pub epsilon: f32,
}

impl Operator for RmsNormGradScale {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "rms_norm_grad_scale";
        let [x, dy] = check::inputs(OP, inputs)?;
        check::epsilon(OP, self.epsilon)?;
        let channels = check::channels(OP, x)?;
        if dy != x {
            return Err(Error::shape(OP, format!("a gradient {x}"), dy.to_string()));
        }
        Ok(Shape::fixed(&[channels]))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (x, dy, channels) = (inputs[0].data, inputs[1].data, shape[0]);
        let mut sums = vec![0.0f64; channels];
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            let inverse = inverse(x, self.epsilon);
            for ((sum, &x), &dy) in sums.iter_mut().zip(x).zip(dy) {
                *sum += f64::from(x) * inverse * f64::from(dy);
            }
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
        Err(check::no_gradient(graph, node, SECOND))
    }
}

const SECOND: &str = "the second derivative of rms_norm is not implemented";

/// 1 / √(mean(x²) + ε) of a row.
fn inverse(row: &[f32], epsilon: f32) -> f64 {
    let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    1.0 / (squares / row.len() as f64 + f64::from(epsilon)).sqrt()
}
