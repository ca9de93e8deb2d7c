//! Penalties on large weights.

use serde::{Deserialize, Serialize};

/// A penalty added to the loss in training: l1 · Σ|w| + l2 · Σw², as in Keras.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Regularizer {
    /// The factor of the sum of absolute values; 0 by default.
    pub l1: f32,
    /// The factor of the sum of squares; 0 by default.
    pub l2: f32,
}

impl Regularizer {
    /// A penalty on absolute values.
    #[must_use]
    pub fn l1(factor: f32) -> Self {
        Self {
            l1: factor,
            l2: 0.0,
        }
    }

    /// A penalty on squares.
    #[must_use]
    pub fn l2(factor: f32) -> Self {
        Self {
            l1: 0.0,
            l2: factor,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
