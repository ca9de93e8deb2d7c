//! Maximum pooling of sequences.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::pooling::{PoolKind, Pooling};
use super::{Build, Builder, Padding, settings};
use crate::Result;

/// The largest value under a window that moves over a sequence, channel by channel. Padding never wins.
///
/// # Shapes
/// Input `[batch, length, channels]`, result `[batch, places, channels]`: `valid` gives ⌊(size − window) / stride⌋ + 1
/// places, `same` ⌈size / stride⌉.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool1d {
    /// The length of the window; 2 by default.
    #[serde(default = "settings::two")]
    pub size: usize,
    /// How far the window moves; its own size by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// What surrounds the input; nothing (`valid`) by default.
    #[serde(default, skip_serializing_if = "settings::is_valid")]
    pub padding: Padding,
}

impl MaxPool1d {
    /// A window of `size` that moves by its own size.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            size,
            stride: None,
            padding: Padding::Valid,
        }
    }

    /// With another stride.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        self.stride = Some(stride);
        self
    }

    /// With another padding.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
}

impl Default for MaxPool1d {
    fn default() -> Self {
        Self::new(2)
    }
}

impl Build for MaxPool1d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let [length, channels] = builder.sequence(x)?;
        let image = [1, length, channels];
        let flat = builder.reshape(x, image)?;
        let pooling = Pooling {
            kind: PoolKind::Max,
            size: [1, self.size],
            stride: [1, self.stride.unwrap_or(self.size)],
            padding: self.padding,
        };
        let y = pooling.build(builder, flat, image)?;
        builder.without_height(y)
    }
}
