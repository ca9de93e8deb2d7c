//! Functions of every value.

use jingwei_graph::NodeId;
use jingwei_graph::ops::UnaryKind;
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::named::by_name;
use crate::{Error, Result};

/// A function of every value, as a layer of its own or at the end of another.
///
/// In a recipe a bare name stands for the defaults: `"relu"`, `{ leaky_relu = { negative_slope = 0.1 } }`.
///
/// # Shapes
/// Any; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum Activation {
    /// x itself.
    #[default]
    Linear,
    /// max(x, 0).
    Relu,
    /// x for positive x, slope · x otherwise.
    LeakyRelu(LeakyRelu),
    /// x · Φ(x), the exact form (Hendrycks & Gimpel 2016).
    Gelu,
    /// x · σ(x), also called swish (Elfwing et al. 2017).
    Silu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// eˣ over the sum of all eˣ along the last dimension.
    Softmax,
}

by_name!(Activation, "the name of an activation");

/// The settings of a leaky ReLU (Maas et al. 2013).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeakyRelu {
    /// What negative values are multiplied by, in [0, 1); 0.2 by default.
    pub negative_slope: f32,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        Self {
            negative_slope: 0.2,
        }
    }
}

impl Activation {
    pub(crate) fn is_linear(&self) -> bool {
        *self == Self::Linear
    }
}

impl Build for Activation {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let kind = match *self {
            Self::Linear => return Ok(x),
            Self::Softmax => return builder.softmax(x),
            Self::Relu => UnaryKind::Relu,
            Self::LeakyRelu(LeakyRelu { negative_slope })
                if (0.0..1.0).contains(&negative_slope) =>
            {
                UnaryKind::LeakyRelu(negative_slope)
            }
            Self::LeakyRelu(LeakyRelu { negative_slope }) => {
                return Err(Error::Setting {
                    place: builder.place(),
                    setting: "negative_slope",
                    expected: "at least 0 and less than 1",
                    found: negative_slope.to_string(),
                });
            }
            Self::Gelu => UnaryKind::Gelu,
            Self::Silu => UnaryKind::Silu,
            Self::Sigmoid => UnaryKind::Sigmoid,
            Self::Tanh => UnaryKind::Tanh,
        };
        builder.unary(kind, x)
    }
}
