//! Random zeros against overfitting.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::{Error, Mode, Result};

/// In training, each value is zero with probability `rate`, and the others are divided by 1 − rate; at inference
/// nothing happens (Srivastava et al. 2014).
///
/// # Shapes
/// Any; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The share of values that become zero, in [0, 1).
    pub rate: f32,
}

impl Dropout {
    /// A share of values that become zero.
    #[must_use]
    pub fn new(rate: f32) -> Self {
        Self { rate }
    }

    pub(super) fn check(self, builder: &Builder<'_>) -> Result<()> {
        self.check_setting(builder, "rate")
    }

    pub(super) fn check_setting(self, builder: &Builder<'_>, setting: &'static str) -> Result<()> {
        match (0.0..1.0).contains(&self.rate) {
            true => Ok(()),
            false => Err(Error::Setting {
                place: builder.place(),
                setting,
                expected: "at least 0 and less than 1",
                found: self.rate.to_string(),
            }),
        }
    }
}

impl Build for Dropout {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let Self { rate } = *self;
        self.check(builder)?;
        if builder.mode() == Mode::Inference || rate == 0.0 {
            return Ok(x);
        }
        let stream = builder.stream();
        builder.add(ops::Dropout { rate, stream }, &[x])
    }
}
