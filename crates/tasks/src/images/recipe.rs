use jingwei_data::image::Size;
use serde::{Deserialize, Serialize};

/// The size that pictures are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRecipe {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// 1 for grey, 3 for colours.
    pub channels: usize,
}

impl From<ImageRecipe> for Size {
    fn from(image: ImageRecipe) -> Self {
        Self {
            height: image.height,
            width: image.width,
            channels: image.channels,
        }
    }
}
