//! Learned positions.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder, settings};
use crate::{Initializer, Result};

/// Adds to each step of a sequence the row of a table that its position names.
///
/// # Shapes
/// Input `[batch, time, channels]` of at most `max_length` steps, result the same. Parameter `embeddings`
/// `[max_length, channels]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionalEmbedding {
    /// The most steps that a sequence may have; Keras calls it `sequence_length`.
    #[serde(alias = "sequence_length")]
    pub max_length: usize,
    /// The first values of the table; Glorot's by default.
    #[serde(
        default = "settings::glorot",
        skip_serializing_if = "settings::is_glorot"
    )]
    pub initializer: Initializer,
}

impl PositionalEmbedding {
    /// Positions of sequences of at most so many steps.
    #[must_use]
    pub fn new(max_length: usize) -> Self {
        Self {
            max_length,
            initializer: Initializer::GlorotUniform,
        }
    }

    /// With other first values.
    #[must_use]
    pub fn initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }
}

impl Build for PositionalEmbedding {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.at_least_one("max_length", self.max_length)?;
        self.initializer.check(&builder.place(), "initializer")?;
        let (_, channels) = builder.steps(x)?;
        let sizes = [self.max_length, channels];
        let table = builder.parameter("embeddings", &sizes, self.initializer, true)?;
        builder.add(ops::AddPositions {}, &[x, table])
    }
}
