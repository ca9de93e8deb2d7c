//! The same values under other dimensions.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::Result;

/// The values of a sample, in the same order, under other dimensions.
///
/// # Shapes
/// Input `[batch, …]`, result `[batch, sizes…]` with the same product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// The dimensions of a sample.
    pub sizes: Vec<usize>,
}

impl Reshape {
    /// Samples of these dimensions.
    #[must_use]
    pub fn new(sizes: impl Into<Vec<usize>>) -> Self {
        Self {
            sizes: sizes.into(),
        }
    }
}

impl Build for Reshape {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let values = builder.count(&builder.sample(x)?)?;
        let needed = builder.count(&self.sizes)?;
        if values != needed {
            return Err(builder.expected(
                format!("{needed} values a sample for the sizes {:?}", self.sizes),
                x,
            ));
        }
        builder.reshape(x, self.sizes.as_slice())
    }
}
