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
        let count = |sizes: &[usize]| {
            sizes
                .iter()
                .try_fold(1usize, |product, &size| product.checked_mul(size))
        };
        let values = count(&builder.sample(x)?);
        if values != count(&self.sizes) {
            let needed = count(&self.sizes).map_or("fewer".to_owned(), |count| count.to_string());
            return Err(builder.expected(
                format!("{needed} values a sample for the sizes {:?}", self.sizes),
                x,
            ));
        }
        builder.reshape(x, &self.sizes)
    }
}
