//! What surrounds an image before a window moves over it.

use serde::{Deserialize, Serialize};

/// What surrounds an image before a window moves over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: the window stays inside.
    #[default]
    Valid,
    /// As much as gives ⌈size / stride⌉ results, half on each side, an odd one at the end, as in Keras.
    Same,
}

impl Padding {
    /// What is added before and after a dimension of `size` for a window that spans `span` values.
    pub(crate) fn amounts(self, size: usize, span: usize, stride: usize) -> [usize; 2] {
        match self {
            Self::Valid => [0, 0],
            Self::Same => {
                let results = size.div_ceil(stride);
                let total = ((results.max(1) - 1) * stride)
                    .saturating_add(span)
                    .saturating_sub(size);
                [total / 2, total - total / 2]
            }
        }
    }
}

/// What surrounds a sequence before a window moves over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SequencePadding {
    /// Nothing: the window stays inside.
    #[default]
    Valid,
    /// As much as gives ⌈length / stride⌉ results, half on each side, an odd one at the end, as in Keras.
    Same,
    /// As much as lets a result see no step after its own, all of it before the sequence.
    Causal,
}

impl SequencePadding {
    /// What surrounds images of height 1, if nothing is said about causes.
    pub(crate) fn of_images(self) -> Padding {
        match self {
            Self::Valid => Padding::Valid,
            Self::Same | Self::Causal => Padding::Same,
        }
    }
}

impl From<Padding> for SequencePadding {
    fn from(padding: Padding) -> Self {
        match padding {
            Padding::Valid => Self::Valid,
            Padding::Same => Self::Same,
        }
    }
}
