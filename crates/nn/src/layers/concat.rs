//! Several layers side by side.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::{Error, Result};

/// Two inputs or more, one after another along a dimension.
///
/// # Shapes
/// Inputs alike in all dimensions but the chosen one, whose sizes add up in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Concat {
    /// The dimension, counted from the batch's, which is 0 and cannot be chosen; negative numbers count from the end.
    /// −1, the last, by default.
    pub axis: isize,
}

impl Default for Concat {
    fn default() -> Self {
        Self { axis: -1 }
    }
}

impl Concat {
    /// Along another dimension.
    #[must_use]
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }
}

impl Build for Concat {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let (first, rest) = builder.several(inputs)?;
        let rank = builder.shape(first).rank();
        let axis = if self.axis < 0 {
            rank.checked_add_signed(self.axis)
        } else {
            Some(self.axis.unsigned_abs())
        };
        let Some(axis) = axis.filter(|axis| (1..rank).contains(axis)) else {
            return Err(Error::Setting {
                place: builder.place(),
                setting: "axis",
                expected: "a dimension of the inputs other than the batch's",
                found: self.axis.to_string(),
            });
        };
        let mut outline = builder.shape(first).clone();
        outline.0.remove(axis);
        for &input in rest {
            let mut other = builder.shape(input).clone();
            if other.rank() == rank {
                other.0.remove(axis);
            }
            if other != outline {
                let expected = format!(
                    "inputs that differ in dimension {axis} alone, the first of which is {}",
                    builder.shape(first)
                );
                return Err(builder.expected(expected, input));
            }
        }
        builder.add(ops::Concat { axis }, inputs)
    }
}
