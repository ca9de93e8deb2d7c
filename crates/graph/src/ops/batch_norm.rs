//! Batch normalisation (Ioffe & Szegedy 2015).
//!
//! Statistics travel as one tensor `[2, channels]`: row 0 holds the means, row 1 the biased variances, over all
//! dimensions but the last.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Mean and biased variance of each channel.
///
/// It has no gradient of its own: [`BatchNorm`] knows how its statistics depend on its input.
///
/// # Shapes
/// `[…, channels]` to `[2, channels]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchStatistics {}

impl Operator for BatchStatistics {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("batch_statistics", inputs)?;
        Ok(Shape::fixed(&[2, check::channels("batch_statistics", x)?]))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (x, channels) = (inputs[0], shape[1]);
        let rows = (x.data.len() / channels) as f64;
        for channel in 0..channels {
            let values = || {
                x.data
                    .iter()
                    .skip(channel)
                    .step_by(channels)
                    .map(|&value| f64::from(value))
            };
            let mean = values().sum::<f64>() / rows;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / rows;
            output[channel] = mean as f32;
            output[channels + channel] = variance as f32;
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let reason = "batch statistics are differentiated as a part of batch_norm; take reduce with mean elsewhere";
        Err(check::no_gradient(graph, node, reason))
    }
}

/// (x − mean) / √(variance + ε) · γ + β, channel by channel.
///
/// # Shapes
/// x `[…, channels]`, statistics `[2, channels]`, γ and β `[channels]`; the result has x's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Added to the variances.
    pub epsilon: f32,
    /// Whether the statistics are the [`BatchStatistics`] of x, so that the gradient of x flows through them too.
    /// Otherwise they are constants.
    pub batch_statistics: bool,
}

impl Operator for BatchNorm {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, statistics, gamma, beta] = check::inputs("batch_norm", inputs)?;
        check::epsilon("batch_norm", self.epsilon)?;
        let channels = check::channels("batch_norm", x)?;
        let fits = check::is_pair(statistics, channels)
            && check::is_vector(gamma, channels)
            && check::is_vector(beta, channels);
        fits.then(|| x.clone()).ok_or_else(|| {
            let expected =
                format!("statistics [2, {channels}], gamma and beta [{channels}] for {x}");
            Error::shape("batch_norm", expected, check::list(&inputs[1..]))
        })
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let [x, statistics, gamma, beta] = [0, 1, 2, 3].map(|i| inputs[i].data);
        let channels = gamma.len();
        for (index, y) in output.iter_mut().enumerate() {
            let channel = index % channels;
            let normal = (x[index] - statistics[channel])
                * inverse_deviation(statistics, channel, self.epsilon);
            *y = normal * gamma[channel] + beta[channel];
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        dy: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let &[x, statistics, gamma, _] = graph.node(node).inputs.as_slice() else {
            return Ok(Vec::new());
        };
        let &Self {
            epsilon,
            batch_statistics,
        } = self;
        let parameters = graph.add(
            BatchNormGradParameters { epsilon }.into(),
            &[x, statistics, dy],
        )?;
        let by_input = BatchNormGradInput {
            epsilon,
            batch_statistics,
        };
        let operands = [x, statistics, gamma, dy, parameters];
        let dx = needed[0]
            .then(|| graph.add(by_input.into(), &operands))
            .transpose()?;
        let d_gamma = needed[2]
            .then(|| check::row(graph, parameters, 0))
            .transpose()?;
        let d_beta = needed[3]
            .then(|| check::row(graph, parameters, 1))
            .transpose()?;
        Ok(vec![dx, None, d_gamma, d_beta])
    }
}

/// The gradients of [`BatchNorm`] with respect to γ (row 0) and β (row 1).
///
/// # Shapes
/// x and dy `[…, channels]`, statistics `[2, channels]` between them; result `[2, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormGradParameters {
    /// Added to the variances.
    pub epsilon: f32,
}

impl Operator for BatchNormGradParameters {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "batch_norm_grad_parameters";
        let [x, statistics, dy] = check::inputs(OP, inputs)?;
        check::epsilon(OP, self.epsilon)?;
        let channels = check::channels(OP, x)?;
        if !check::is_pair(statistics, channels) || dy != x {
            let expected = format!("statistics [2, {channels}] and a gradient {x}");
            return Err(Error::shape(OP, expected, check::list(&inputs[1..])));
        }
        Ok(Shape::fixed(&[2, channels]))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let [x, statistics, dy] = [0, 1, 2].map(|i| inputs[i].data);
        for channel in 0..shape[1] {
            let (mut d_gamma, mut d_beta) = (0.0f64, 0.0f64);
            for (&x, &dy) in x.iter().zip(dy).skip(channel).step_by(shape[1]) {
                let normal = (x - statistics[channel])
                    * inverse_deviation(statistics, channel, self.epsilon);
                d_gamma += f64::from(normal) * f64::from(dy);
                d_beta += f64::from(dy);
            }
            output[channel] = d_gamma as f32;
            output[shape[1] + channel] = d_beta as f32;
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

/// The gradient of [`BatchNorm`] with respect to x.
///
/// # Shapes
/// x `[…, channels]`, statistics `[2, channels]`, γ `[channels]`, dy like x, and the `[2, channels]` of
/// [`BatchNormGradParameters`]; the result has x's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormGradInput {
    /// Added to the variances.
    pub epsilon: f32,
    /// Whether the statistics depend on x.
    pub batch_statistics: bool,
}

impl Operator for BatchNormGradInput {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "batch_norm_grad_input";
        let [x, statistics, gamma, dy, parameters] = check::inputs(OP, inputs)?;
        check::epsilon(OP, self.epsilon)?;
        let channels = check::channels(OP, x)?;
        let fits = check::is_pair(statistics, channels)
            && check::is_vector(gamma, channels)
            && dy == x
            && check::is_pair(parameters, channels);
        fits.then(|| x.clone()).ok_or_else(|| {
            let expected = format!(
                "statistics [2, {channels}], gamma [{channels}], a gradient {x} and the parameters' gradient [2, {channels}]"
            );
            Error::shape(OP, expected, check::list(&inputs[1..]))
        })
    }

    /// dx = γ / σ · (dy − (dβ + x̂ · dγ) / n), or γ / σ · dy where the statistics are constants.
    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let [x, statistics, gamma, dy, parameters] = [0, 1, 2, 3, 4].map(|i| inputs[i].data);
        let channels = gamma.len();
        let rows = (x.len() / channels) as f32;
        for (index, dx) in output.iter_mut().enumerate() {
            let channel = index % channels;
            let inverse = inverse_deviation(statistics, channel, self.epsilon);
            let mut flow = dy[index];
            if self.batch_statistics {
                let normal = (x[index] - statistics[channel]) * inverse;
                flow -= (parameters[channels + channel] + normal * parameters[channel]) / rows;
            }
            *dx = gamma[channel] * inverse * flow;
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

const SECOND: &str = "the second derivative of batch_norm is not implemented";

fn inverse_deviation(statistics: &[f32], channel: usize, epsilon: f32) -> f32 {
    1.0 / (statistics[statistics.len() / 2 + channel] + epsilon).sqrt()
}
