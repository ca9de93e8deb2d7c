//! Cross-entropy of two classes.

use jingwei_graph::NodeId;
use jingwei_graph::ops::UnaryKind;
use serde::{Deserialize, Serialize};

use super::{Build, Context};
use crate::{Activation, Result};

/// −y · ln σ(z) − (1 − y) · ln(1 − σ(z)) from a logit z and a target y in [0, 1], as ln(1 + eᶻ) − z · y, which
/// overflows for no z; the mean over a sample's values, each a question of its own.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BinaryCrossEntropy {
    /// ε, in [0, 1): targets become (1 − ε) · y + ε / 2; 0 by default.
    pub label_smoothing: f32,
}

impl BinaryCrossEntropy {
    /// From logits, without smoothing.
    #[must_use]
    pub fn from_logits() -> Self {
        Self::default()
    }

    /// With smoothed targets.
    #[must_use]
    pub fn label_smoothing(mut self, smoothing: f32) -> Self {
        self.label_smoothing = smoothing;
        self
    }
}

impl Build for BinaryCrossEntropy {
    fn build(&self, context: &mut Context<'_>, output: NodeId, targets: NodeId) -> Result<NodeId> {
        let smoothing = self.label_smoothing;
        context.check_smoothing(smoothing)?;
        let targets = context.same_shape(output, targets)?;
        let values = context.with(|graph| {
            let targets = if smoothing > 0.0 {
                let kept = graph.scale(targets, 1.0 - smoothing)?;
                let half = graph.constant(smoothing / 2.0);
                graph.add_values(kept, half)?
            } else {
                targets
            };
            let softplus = graph.unary(UnaryKind::Softplus, output)?;
            let product = graph.multiply(output, targets)?;
            graph.subtract(softplus, product)
        })?;
        context.mean_of_sample(values)
    }

    fn output_activation(&self) -> Activation {
        Activation::Sigmoid
    }
}
