//! Stochastic gradient descent.

use jingwei_kernels::optimiser::Rule;
use serde::{Deserialize, Serialize};

use super::{Range, Settings};
use crate::Result;

/// Stochastic gradient descent: v ← μ · v + g, then w ← w − η · v, or with Nesterov's look-ahead w ← w − η · (g + μ · v)
/// (Sutskever et al. 2013).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// η; 0.01 by default.
    pub learning_rate: f32,
    /// μ, in [0, 1); 0 by default, which needs no memory.
    pub momentum: f32,
    /// Whether to look ahead; false by default.
    pub nesterov: bool,
    /// How strongly weights are drawn towards zero; 0 by default.
    pub weight_decay: f32,
    /// Whether the decay stands apart from the gradient; false by default.
    pub decoupled: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            decoupled: false,
        }
    }
}

impl Sgd {
    /// With momentum.
    #[must_use]
    pub fn momentum(mut self, momentum: f32) -> Self {
        self.momentum = momentum;
        self
    }

    /// With Nesterov's look-ahead.
    #[must_use]
    pub fn nesterov(mut self) -> Self {
        self.nesterov = true;
        self
    }
}

impl Settings for Sgd {
    fn rule(&self) -> Rule {
        Rule::Sgd {
            momentum: self.momentum,
            nesterov: self.nesterov,
        }
    }

    fn decoupled(&self) -> bool {
        self.decoupled
    }

    fn check(&self, range: &Range) -> Result<()> {
        range.below_one("momentum", self.momentum)?;
        let looks_ahead = "greater than 0 for Nesterov's look-ahead";
        range.require(
            !self.nesterov || self.momentum > 0.0,
            "momentum",
            looks_ahead,
            self.momentum,
        )
    }
}
