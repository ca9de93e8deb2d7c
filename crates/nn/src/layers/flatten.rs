//! One dimension from many.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::Result;

/// All values of a sample in one row.
///
/// # Shapes
/// Input `[batch, …]`, result `[batch, values]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Build for Flatten {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let values = builder.count(&builder.sample(x)?)?;
        builder.reshape(x, [values])
    }
}
