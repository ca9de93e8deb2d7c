//! Layer normalisation (Ba et al. 2016) over the last dimension.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// (x − mean) / √(variance + ε) · γ + β, with the mean and the biased variance of each row.
///
/// # Shapes
/// x `[…, channels]`, γ and β `[channels]`; the result has x's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Added to the variances.
    pub epsilon: f32,
}

impl Operator for LayerNorm {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, gamma, beta] = check::inputs("layer_norm", inputs)?;
        check::epsilon("layer_norm", self.epsilon)?;
        let channels = check::channels("layer_norm", x)?;
        if !check::is_vector(gamma, channels) || !check::is_vector(beta, channels) {
            let expected = format!("gamma and beta [{channels}] for {x}");
            return Err(Error::shape(
                "layer_norm",
                expected,
                check::list(&inputs[1..]),
            ));
        }
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let [x, gamma, beta] = [0, 1, 2].map(|i| inputs[i].data);
        for (x, y) in x
            .chunks_exact(gamma.len())
            .zip(output.chunks_exact_mut(gamma.len()))
        {
            let (normal, _) = normalise(x, self.epsilon);
            for (channel, y) in y.iter_mut().enumerate() {
                *y = normal[channel] as f32 * gamma[channel] + beta[channel];
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
            .then(|| graph.add(LayerNormGradInput { epsilon }.into(), &[x, gamma, dy]))
            .transpose()?;
        if !needed[1] && !needed[2] {
            return Ok(vec![dx, None, None]);
        }
        let parameters = graph.add(LayerNormGradParameters { epsilon }.into(), &[x, dy])?;
        let d_gamma = needed[1]
            .then(|| check::row(graph, parameters, 0))
            .transpose()?;
        let d_beta = needed[2]
            .then(|| check::row(graph, parameters, 1))
            .transpose()?;
        Ok(vec![dx, d_gamma, d_beta])
    }
}

/// The gradient of [`LayerNorm`] with respect to x.
///
/// # Shapes
/// x and dy `[…, channels]`, γ `[channels]` between them; the result has x's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNormGradInput {
    /// Added to the variances.
    pub epsilon: f32,
}

impl Operator for LayerNormGradInput {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "layer_norm_grad_input";
        let [x, gamma, dy] = check::inputs(OP, inputs)?;
        check::epsilon(OP, self.epsilon)?;
        let channels = check::channels(OP, x)?;
        if !check::is_vector(gamma, channels) || dy != x {
            let expected = format!("gamma [{channels}] and a gradient {x}");
            return Err(Error::shape(OP, expected, check::list(&inputs[1..])));
        }
        Ok(x.clone())
    }

    /// With h = γ · dy: dx = (h − mean(h) − x̂ · mean(h · x̂)) / σ.
    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let [x, gamma, dy] = [0, 1, 2].map(|i| inputs[i].data);
        let channels = gamma.len();
        for (row, dx) in output.chunks_exact_mut(channels).enumerate() {
            let range = row * channels..(row + 1) * channels;
            let (normal, inverse) = normalise(&x[range.clone()], self.epsilon);
            let flow: Vec<f64> = gamma
                .iter()
                .zip(&dy[range])
                .map(|(&gamma, &dy)| f64::from(gamma) * f64::from(dy))
                .collect();
            let mean = flow.iter().sum::<f64>() / channels as f64;
            let along = flow.iter().zip(&normal).map(|(h, x)| h * x).sum::<f64>() / channels as f64;
            for (channel, dx) in dx.iter_mut().enumerate() {
                *dx = ((flow[channel] - mean - normal[channel] * along) * inverse) as f32;
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

/// The gradients of [`LayerNorm`] with respect to γ (row 0) and β (row 1).
///
/// # Shapes
/// x and dy `[…, channels]`; result `[2, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNormGradParameters {
    /// Added to the variances.
    pub epsilon: f32,
}

impl Operator for LayerNormGradParameters {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "layer_norm_grad_parameters";
        let [x, dy] = check::inputs(OP, inputs)?;
        check::epsilon(OP, self.epsilon)?;
        let channels = check::channels(OP, x)?;
        if dy != x {
            return Err(Error::shape(OP, format!("a gradient {x}"), dy.to_string()));
        }
        Ok(Shape::fixed(&[2, channels]))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (x, dy, channels) = (inputs[0].data, inputs[1].data, shape[1]);
        let mut sums = vec![0.0f64; 2 * channels];
        for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
            let (normal, _) = normalise(x, self.epsilon);
            for (channel, &dy) in dy.iter().enumerate() {
                sums[channel] += normal[channel] * f64::from(dy);
                sums[channels + channel] += f64::from(dy);
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

const SECOND: &str = "the second derivative of layer_norm is not implemented";

/// A row less its mean over its deviation, and the inverse of the deviation.
fn normalise(row: &[f32], epsilon: f32) -> (Vec<f64>, f64) {
    let count = row.len() as f64;
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = row
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / count;
    let inverse = 1.0 / (variance + f64::from(epsilon)).sqrt();
    (
        row.iter()
            .map(|&x| (f64::from(x) - mean) * inverse)
            .collect(),
        inverse,
    )
}
