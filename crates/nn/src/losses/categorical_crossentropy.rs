//! Cross-entropy against a distribution over classes.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Context};
use crate::{Activation, Error, Result};

/// −Σ t · ln softmax(z) from logits z and target probabilities t, one a class.
///
/// # Shapes
/// Logits and targets `[batch, classes]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CategoricalCrossEntropy {
    /// ε, in [0, 1): targets become (1 − ε) · t + ε / classes (Szegedy et al. 2016); 0 by default.
    pub label_smoothing: f32,
}

impl CategoricalCrossEntropy {
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

impl Build for CategoricalCrossEntropy {
    fn build(&self, context: &mut Context<'_>, output: NodeId, targets: NodeId) -> Result<NodeId> {
        context.check_smoothing(self.label_smoothing)?;
        let (logits, given) = (
            context.graph.shape(output).clone(),
            context.graph.shape(targets),
        );
        if logits.rank() < 2 || &logits != given {
            let expected = "logits [batch, …, classes] and targets of the same shape".to_owned();
            let found = format!("logits {logits} and targets {given}");
            return Err(Error::Shape {
                place: context.place.clone(),
                expected,
                found,
            });
        }
        let op = ops::SoftCrossEntropy {
            label_smoothing: self.label_smoothing,
        };
        let losses = context.with(|graph| graph.add(op.into(), &[output, targets]))?;
        context.mean_of_sample(losses)
    }

    fn output_activation(&self) -> Activation {
        Activation::Softmax
    }
}
