//! Random zeros for whole channels of a sequence.

use jingwei_graph::{Dim, NodeId, Shape, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder, Dropout};
use crate::{Mode, Result};

/// In training, each channel of a sequence is zero at every step with probability `rate`, and the others are divided by
/// 1 − rate; at inference nothing happens (Tompson et al. 2015).
///
/// # Shapes
/// Input `[batch, length, channels]`; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpatialDropout1d {
    /// The share of channels that become zero, in [0, 1).
    pub rate: f32,
}

impl SpatialDropout1d {
    /// A share of channels that become zero.
    #[must_use]
    pub fn new(rate: f32) -> Self {
        Self { rate }
    }
}

impl Build for SpatialDropout1d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let (_, channels) = builder.steps(x)?;
        if builder.mode() == Mode::Inference {
            Dropout::new(self.rate).check(builder)?;
            return Ok(x);
        }
        let one = builder.number(1.0)?;
        let one = builder.reshape_whole(one, &[1, 1, 1])?;
        let shape = Shape(vec![builder.shape(x).0[0], Dim::Size(1), channels.into()]);
        let average = false;
        let ones = builder.add(ops::BroadcastTo { shape, average }, &[one])?;
        let kept = Dropout::new(self.rate).build(builder, &[ones])?;
        let kind = ops::BinaryKind::Mul;
        builder.add(ops::Binary { kind }, &[x, kept])
    }
}
