//! Normalisation by the root mean square of the values of one place.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::{Initializer, Result};

/// y = γ · x / √(mean(x²) + ε) with the mean over the last dimension (Zhang and Sennrich 2019).
///
/// # Shapes
/// Input `[batch, …, channels]`, result the same. Parameter `scale`, first ones, `[channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RmsNorm {
    /// ε; 0.000001 by default.
    pub epsilon: f32,
}

impl Default for RmsNorm {
    fn default() -> Self {
        Self { epsilon: 1e-6 }
    }
}

impl RmsNorm {
    /// With another ε.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }
}

impl Build for RmsNorm {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.positive("epsilon", self.epsilon)?;
        let channels = builder.channels(x)?;
        let scale = builder.parameter("scale", &[channels], Initializer::Ones, false)?;
        let epsilon = self.epsilon;
        builder.add(ops::RmsNorm { epsilon }, &[x, scale])
    }
}
