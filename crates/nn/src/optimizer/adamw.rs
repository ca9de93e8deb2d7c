//! AdamW.

use jingwei_kernels::optimiser::Rule;
use serde::{Deserialize, Serialize};

use super::{Range, Settings};
use crate::Result;

/// [`Adam`](super::Adam) with decoupled weight decay (Loshchilov & Hutter 2019).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamW {
    /// η; 0.001 by default.
    pub learning_rate: f32,
    /// β₁, in [0, 1); 0.9 by default.
    pub beta_1: f32,
    /// β₂, in [0, 1); 0.999 by default.
    pub beta_2: f32,
    /// ε; 1e-7 by default.
    pub epsilon: f32,
    /// How strongly weights are drawn towards zero, times the learning rate at each step; 0.004 by default.
    pub weight_decay: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.004,
        }
    }
}

impl Settings for AdamW {
    fn rule(&self) -> Rule {
        Rule::Adam {
            beta1: self.beta_1,
            beta2: self.beta_2,
            epsilon: self.epsilon,
        }
    }

    fn decoupled(&self) -> bool {
        true
    }

    fn check(&self, range: &Range) -> Result<()> {
        range.below_one("beta_1", self.beta_1)?;
        range.below_one("beta_2", self.beta_2)?;
        range.at_least_zero("epsilon", self.epsilon)
    }
}
