//! Mean squared error.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Build, Context};
use crate::Result;

/// The mean of (ŷ − y)² over a sample's values, for regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanSquaredError {}

impl Build for MeanSquaredError {
    fn build(&self, context: &mut Context<'_>, output: NodeId, targets: NodeId) -> Result<NodeId> {
        let targets = context.same_shape(output, targets)?;
        let squares = context.with(|graph| {
            let error = graph.subtract(output, targets)?;
            graph.square(error)
        })?;
        context.mean_of_sample(squares)
    }
}
