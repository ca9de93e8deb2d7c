//! Normalisation over the values of one place.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::Result;

/// y = γ · (x − μ) / √(σ² + ε) + β with the mean and biased variance over the last dimension (Ba et al. 2016).
///
/// # Shapes
/// Input `[batch, …, channels]`, result the same. Parameters `gamma`, first ones, and `beta`, first zeros, `[channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerNorm {
    /// ε; 0.001 by default.
    pub epsilon: f32,
}

impl Default for LayerNorm {
    fn default() -> Self {
        Self { epsilon: 1e-3 }
    }
}

impl LayerNorm {
    /// With another ε.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Build for LayerNorm {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.positive("epsilon", self.epsilon)?;
        let channels = builder.channels(x)?;
        let gamma = builder.parameter("gamma", &[channels], crate::Initializer::Ones, false)?;
        let beta = builder.parameter("beta", &[channels], crate::Initializer::Zeros, false)?;
        builder.add(
            ops::LayerNorm {
                epsilon: self.epsilon,
            },
            &[x, gamma, beta],
        )
    }
}
