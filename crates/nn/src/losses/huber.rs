//! Huber's loss.

use jingwei_graph::NodeId;
use jingwei_graph::ops::{BinaryKind, UnaryKind};
use serde::{Deserialize, Serialize};

use super::{Build, Context};
use crate::Result;

/// With e = ŷ − y the mean over a sample's values of e² / 2 where |e| ≤ δ, and δ · (|e| − δ / 2) beyond (Huber 1964).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Huber {
    /// δ; 1 by default.
    pub delta: f32,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Huber {
    /// With a δ.
    #[must_use]
    pub fn new(delta: f32) -> Self {
        Self { delta }
    }
}

impl Build for Huber {
    /// With a = |e| and q = min(a, δ) both cases are q · (a − q / 2).
    fn build(&self, context: &mut Context<'_>, output: NodeId, targets: NodeId) -> Result<NodeId> {
        let Self { delta } = *self;
        if !(delta > 0.0 && delta.is_finite()) {
            return Err(context.setting("delta", "greater than 0", delta));
        }
        let targets = context.same_shape(output, targets)?;
        let values = context.with(|graph| {
            let error = graph.subtract(output, targets)?;
            let size = graph.unary(UnaryKind::Abs, error)?;
            let bound = graph.constant(delta);
            let quadratic = graph.binary(BinaryKind::Min, size, bound)?;
            let half = graph.scale(quadratic, 0.5)?;
            let rest = graph.subtract(size, half)?;
            graph.multiply(quadratic, rest)
        })?;
        context.mean_of_sample(values)
    }
}
