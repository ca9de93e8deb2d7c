//! Cross-entropy against the number of a class.

use jingwei_graph::{NodeId, Shape, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Context};
use crate::{Activation, Error, Result};

/// −ln softmax(z)ₖ from logits z and the number k of the right class.
///
/// # Shapes
/// Logits `[batch, …, classes]`, targets `[batch, …]` of whole numbers from 0; where there is a class for each step of a
/// sequence, the loss of a sample is the mean over its steps.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseCategoricalCrossEntropy {
    /// ε, in [0, 1): the right class counts 1 − ε + ε / classes, every other ε / classes (Szegedy et al. 2016); 0 by
    /// default.
    pub label_smoothing: f32,
}

impl SparseCategoricalCrossEntropy {
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

impl Build for SparseCategoricalCrossEntropy {
    fn build(&self, context: &mut Context<'_>, output: NodeId, targets: NodeId) -> Result<NodeId> {
        context.check_smoothing(self.label_smoothing)?;
        let (logits, labels) = (context.graph.shape(output), context.graph.shape(targets));
        let rows = logits.rank().saturating_sub(1);
        if rows == 0 || labels.0 != logits.0[..rows] {
            let expected = "logits [batch, …, classes] and class numbers [batch, …]".to_owned();
            let found = format!("logits {logits} and targets {labels}");
            return Err(Error::Shape {
                place: context.place.clone(),
                expected,
                found,
            });
        }
        let op = ops::SparseCrossEntropy {
            label_smoothing: self.label_smoothing,
        };
        let losses = context.with(|graph| graph.add(op.into(), &[output, targets]))?;
        context.mean_of_sample(losses)
    }

    fn output_activation(&self) -> Activation {
        Activation::Softmax
    }

    fn target_shape(&self, output: &Shape) -> Shape {
        let rows = output.rank().saturating_sub(1);
        Shape(output.0.iter().take(rows.max(1)).copied().collect())
    }
}
