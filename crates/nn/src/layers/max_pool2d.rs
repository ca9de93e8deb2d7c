//! Maximum pooling of images.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::pooling::{PoolKind, Pooling};
use super::{Build, Builder, Padding, settings};
use crate::{Pair, Result};

/// The largest value under a window that moves over an image, channel by channel. Padding never wins.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, result `[batch, rows, columns, channels]`: `valid` gives ⌊(size − window) / stride⌋ + 1
/// places in each direction, `same` ⌈size / stride⌉.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    /// The height and width of the window; 2 by default.
    #[serde(default = "settings::pair_of_twos")]
    pub size: Pair,
    /// How far the window moves; its own size by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    /// What surrounds the input; nothing (`valid`) by default.
    #[serde(default, skip_serializing_if = "settings::is_valid")]
    pub padding: Padding,
}

impl MaxPool2d {
    /// A window of `size` that moves by its own size.
    #[must_use]
    pub fn new(size: impl Into<Pair>) -> Self {
        Self {
            size: size.into(),
            stride: None,
            padding: Padding::Valid,
        }
    }

    /// With another stride.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<Pair>) -> Self {
        self.stride = Some(stride.into());
        self
    }

    /// With another padding.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
}

impl Default for MaxPool2d {
    fn default() -> Self {
        Self::new(2)
    }
}

impl Build for MaxPool2d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let image = builder.image(x)?;
        let pooling = Pooling {
            kind: PoolKind::Max,
            size: self.size.sizes(),
            stride: self.stride.unwrap_or(self.size).sizes(),
            padding: self.padding,
        };
        pooling.build(builder, x, image)
    }
}
