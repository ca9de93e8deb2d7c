//! Functions of one value.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The functions that [`Unary`] applies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnaryKind {
    /// max(x, 0).
    Relu,
    /// x for positive x, slope · x otherwise; the slope lies in [0, 1).
    LeakyRelu(f32),
    /// x · Φ(x), the exact form (Hendrycks & Gimpel 2016).
    Gelu,
    /// x · σ(x), also called swish (Elfwing et al. 2017).
    Silu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// ln(1 + eˣ), without overflow.
    Softplus,
    /// eˣ.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// x².
    Square,
    /// −x.
    Neg,
    /// |x|; its gradient at 0 is 0.
    Abs,
    /// 1 / x.
    Reciprocal,
}

impl UnaryKind {
    /// Refuses a slope that the rules do not hold for.
    fn check(self, op: &'static str) -> Result<()> {
        match self {
            Self::LeakyRelu(slope) => check::within(op, "slope", slope, 0.0..1.0),
            _ => Ok(()),
        }
    }

    /// The function, in plain arithmetic.
    #[must_use]
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Self::Relu => {
                if x > 0.0 || x.is_nan() {
                    x
                } else {
                    0.0
                }
            }
            Self::LeakyRelu(slope) => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            Self::Gelu => x * normal_cdf(x),
            Self::Silu => x * sigmoid(x),
            Self::Sigmoid => sigmoid(x),
            Self::Tanh => x.tanh(),
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Square => x * x,
            Self::Neg => -x,
            Self::Abs => x.abs(),
            Self::Reciprocal => 1.0 / x,
        }
    }

    /// Whether [`UnaryKind::derivative`] is given the result instead of the argument.
    ///
    /// Where both would do, the result is taken: it is what the next operator keeps alive anyway.
    #[must_use]
    pub fn derivative_takes_result(self) -> bool {
        matches!(
            self,
            Self::Relu
                | Self::LeakyRelu(_)
                | Self::Sigmoid
                | Self::Tanh
                | Self::Exp
                | Self::Sqrt
                | Self::Neg
                | Self::Reciprocal
        )
    }

    /// The derivative, from the result y or the argument x as [`UnaryKind::derivative_takes_result`] says.
    #[must_use]
    pub fn derivative(self, v: f32) -> f32 {
        match self {
            Self::Relu => {
                if v > 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
            Self::LeakyRelu(slope) => {
                if v > 0.0 {
                    1.0
                } else {
                    slope
                }
            }
            Self::Gelu => normal_cdf(v) + v * (-0.5 * v * v).exp() * FRAC_1_SQRT_2PI,
            Self::Silu => {
                let s = sigmoid(v);
                s * (1.0 + v * (1.0 - s))
            }
            Self::Sigmoid => v * (1.0 - v),
            Self::Tanh => 1.0 - v * v,
            Self::Softplus => sigmoid(v),
            Self::Exp => v,
            Self::Log => 1.0 / v,
            Self::Sqrt => 0.5 / v,
            Self::Square => 2.0 * v,
            Self::Neg => -1.0,
            Self::Abs => {
                if v > 0.0 {
                    1.0
                } else if v < 0.0 {
                    -1.0
                } else {
                    0.0
                }
            }
            Self::Reciprocal => -v * v,
        }
    }
}

const FRAC_1_SQRT_2PI: f32 = 0.398_942_3;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Φ(x) = erfc(−x/√2) / 2, with the rational approximation of the complementary error function in f64 (Numerical
/// Recipes, `erfc_chebyshev`'s short form; relative error below 1.2e-7).
fn normal_cdf(x: f32) -> f32 {
    let z = -f64::from(x) * std::f64::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z.abs());
    let series = -1.265_512_23
        + t * (1.000_023_68
            + t * (0.374_091_96
                + t * (0.096_784_18
                    + t * (-0.186_288_06
                        + t * (0.278_868_07
                            + t * (-1.135_203_98
                                + t * (1.488_515_87 + t * (-0.822_152_23 + t * 0.170_872_77))))))));
    let erfc = t * (-z * z + series).exp();
    (0.5 * if z >= 0.0 { erfc } else { 2.0 - erfc }) as f32
}

/// A function applied to every value.
///
/// # Shapes
/// Any; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unary {
    /// The function.
    pub kind: UnaryKind,
}

impl Operator for Unary {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("unary", inputs)?;
        self.kind.check("unary")?;
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        for (y, &x) in output.iter_mut().zip(inputs[0].data) {
            *y = self.kind.apply(x);
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let x = graph.node(node).inputs[0];
        let value = if self.kind.derivative_takes_result() {
            node
        } else {
            x
        };
        Ok(vec![Some(graph.add(
            UnaryGrad { kind: self.kind }.into(),
            &[value, upstream],
        )?)])
    }
}

/// The derivative of a [`Unary`] times the upstream gradient.
///
/// # Shapes
/// Value (result or argument, as [`UnaryKind::derivative_takes_result`] says) and upstream of the same shape, which is
/// the result's too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnaryGrad {
    /// The function that was applied.
    pub kind: UnaryKind,
}

impl Operator for UnaryGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [value, upstream] = check::inputs("unary_grad", inputs)?;
        self.kind.check("unary_grad")?;
        if value != upstream {
            return Err(Error::shape(
                "unary_grad",
                "2 inputs of one shape",
                check::list(inputs),
            ));
        }
        Ok(value.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        for ((dx, &value), &dy) in output.iter_mut().zip(inputs[0].data).zip(inputs[1].data) {
            *dx = self.kind.derivative(value) * dy;
        }
    }

    /// Linear in the upstream gradient; the second derivative is built from other operators.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (value, dy) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let by_upstream = if needed[1] {
            Some(graph.add(UnaryGrad { kind: self.kind }.into(), &[value, upstream])?)
        } else {
            None
        };
        if !needed[0] {
            return Ok(vec![None, by_upstream]);
        }
        let scaled = graph.multiply(upstream, dy)?;
        Ok(vec![
            second_derivative(self.kind, graph, value, scaled)?,
            by_upstream,
        ])
    }
}

/// Adds `scaled` times the derivative of [`UnaryKind::derivative`], or nothing where that is zero.
fn second_derivative(
    kind: UnaryKind,
    graph: &mut Graph,
    value: NodeId,
    scaled: NodeId,
) -> Result<Option<NodeId>> {
    let flow = match kind {
        UnaryKind::Relu | UnaryKind::LeakyRelu(_) | UnaryKind::Abs | UnaryKind::Neg => {
            return Ok(None);
        }
        UnaryKind::Exp => scaled,
        UnaryKind::Square => graph.scale(scaled, 2.0)?,
        // Both first derivatives are a constant less the square of the result.
        UnaryKind::Tanh | UnaryKind::Reciprocal => {
            let product = graph.multiply(scaled, value)?;
            graph.scale(product, -2.0)?
        }
        UnaryKind::Sigmoid => {
            let slope = affine(graph, value, -2.0, 1.0)?;
            graph.multiply(scaled, slope)?
        }
        UnaryKind::Softplus => {
            let s = graph.sigmoid(value)?;
            graph.add(
                UnaryGrad {
                    kind: UnaryKind::Sigmoid,
                }
                .into(),
                &[s, scaled],
            )?
        }
        UnaryKind::Log => inverse_square(graph, value, scaled)?,
        UnaryKind::Sqrt => {
            let flow = inverse_square(graph, value, scaled)?;
            graph.scale(flow, 0.5)?
        }
        UnaryKind::Silu => silu_curvature(graph, value, scaled)?,
        UnaryKind::Gelu => gelu_curvature(graph, value, scaled)?,
    };
    Ok(Some(flow))
}

/// scaled · −1 / v².
fn inverse_square(graph: &mut Graph, value: NodeId, scaled: NodeId) -> Result<NodeId> {
    let inverse = graph.reciprocal(value)?;
    graph.add(
        UnaryGrad {
            kind: UnaryKind::Reciprocal,
        }
        .into(),
        &[inverse, scaled],
    )
}

/// scaled · σ'(x) · (2 + x · (1 − 2σ(x))).
fn silu_curvature(graph: &mut Graph, x: NodeId, scaled: NodeId) -> Result<NodeId> {
    let s = graph.sigmoid(x)?;
    let slope = graph.add(
        UnaryGrad {
            kind: UnaryKind::Sigmoid,
        }
        .into(),
        &[s, scaled],
    )?;
    let lean = affine(graph, s, -2.0, 1.0)?;
    let lean = graph.multiply(x, lean)?;
    let factor = affine(graph, lean, 1.0, 2.0)?;
    graph.multiply(slope, factor)
}

/// scaled · φ(x) · (2 − x²), with the density φ of the normal distribution.
fn gelu_curvature(graph: &mut Graph, x: NodeId, scaled: NodeId) -> Result<NodeId> {
    let square = graph.square(x)?;
    let exponent = graph.scale(square, -0.5)?;
    let density = graph.exp(exponent)?;
    let factor = affine(graph, square, -FRAC_1_SQRT_2PI, 2.0 * FRAC_1_SQRT_2PI)?;
    let curvature = graph.multiply(density, factor)?;
    graph.multiply(scaled, curvature)
}

/// factor · x + offset.
fn affine(graph: &mut Graph, x: NodeId, factor: f32, offset: f32) -> Result<NodeId> {
    let scaled = graph.scale(x, factor)?;
    let offset = graph.constant(offset);
    graph.add_values(scaled, offset)
}
