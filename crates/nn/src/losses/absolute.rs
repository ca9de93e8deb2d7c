//! Mean absolute error.

use jingwei_graph::NodeId;
use jingwei_graph::ops::UnaryKind;
use serde::{Deserialize, Serialize};

use super::{Build, Context};
use crate::Result;

/// The mean of |ŷ − y| over a sample's values, for regression with outliers; its gradient at 0 is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanAbsoluteError {}

impl Build for MeanAbsoluteError {
    fn build(&self, context: &mut Context<'_>, output: NodeId, targets: NodeId) -> Result<NodeId> {
        let targets = context.same_shape(output, targets)?;
        let sizes = context.with(|graph| {
            let error = graph.subtract(output, targets)?;
            graph.unary(UnaryKind::Abs, error)
        })?;
        context.mean_of_sample(sizes)
    }
}
