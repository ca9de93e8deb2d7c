//! Positions as waves.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::Result;

/// Adds to each step of a sequence sines and cosines of its position, of a frequency for each pair of channels (Vaswani
/// et al. 2017).
///
/// # Shapes
/// Input `[batch, time, channels]`, result the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SinusoidalPositions {
    /// The longest wavelength over 2π; 10,000 by default.
    pub max_wavelength: f32,
}

impl Default for SinusoidalPositions {
    fn default() -> Self {
        Self {
            max_wavelength: 10_000.0,
        }
    }
}

impl Build for SinusoidalPositions {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.positive("max_wavelength", self.max_wavelength)?;
        builder.steps(x)?;
        let base = self.max_wavelength;
        builder.add(ops::AddSinusoids { base }, &[x])
    }
}
