//! The sum of several layers.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::Result;

/// The sum of two inputs or more, value by value, as in a residual block (He et al. 2016).
///
/// # Shapes
/// Inputs of one shape; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {}

impl Build for Add {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let (first, rest) = builder.several(inputs)?;
        let mut sum = first;
        for &input in rest {
            if builder.shape(input) != builder.shape(first) {
                let expected = format!(
                    "inputs of one shape, the first of which is {}",
                    builder.shape(first)
                );
                return Err(builder.expected(expected, input));
            }
            sum = builder.sum(sum, input)?;
        }
        Ok(sum)
    }
}
