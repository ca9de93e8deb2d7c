//! RMSprop.

use jingwei_kernels::optimiser::Rule;
use serde::{Deserialize, Serialize};

use super::{Range, Settings};
use crate::Result;

/// s ← ρ · s + (1 − ρ) · g², then w ← w − η · g / (√s + ε), or the same through a momentum (Tieleman & Hinton 2012).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RmsProp {
    /// η; 0.001 by default.
    pub learning_rate: f32,
    /// ρ, in [0, 1); 0.9 by default.
    pub rho: f32,
    /// Momentum, in [0, 1); 0 by default.
    pub momentum: f32,
    /// ε; 1e-7 by default.
    pub epsilon: f32,
    /// How strongly weights are drawn towards zero; 0 by default.
    pub weight_decay: f32,
    /// Whether the decay stands apart from the gradient; false by default.
    pub decoupled: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            rho: 0.9,
            momentum: 0.0,
            epsilon: 1e-7,
            weight_decay: 0.0,
            decoupled: false,
        }
    }
}

impl Settings for RmsProp {
    fn rule(&self) -> Rule {
        Rule::RmsProp {
            rho: self.rho,
            epsilon: self.epsilon,
            momentum: self.momentum,
        }
    }

    fn decoupled(&self) -> bool {
        self.decoupled
    }

    fn check(&self, range: &Range) -> Result<()> {
        range.below_one("rho", self.rho)?;
        range.below_one("momentum", self.momentum)?;
        range.at_least_zero("epsilon", self.epsilon)
    }
}
