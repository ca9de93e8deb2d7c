//! Convolution of sequences.

use jingwei_graph::ops::{MaxPool2d, Window};
use jingwei_graph::{Dim, NodeId};
use serde::{Deserialize, Serialize};

use super::convolution::Convolution;
use super::{Activation, Build, Builder, Regularizer, SequencePadding, settings};
use crate::{Initializer, Result};

/// y = f(x * W + b) along a sequence: at every place the same product with the values under a window.
///
/// As in all deep learning, the window is not flipped: what is computed is a cross-correlation. Padding of a sequence
/// counts as zeros; where the length changes, a place counts if a step under its window does.
///
/// # Shapes
/// Input `[batch, length, channels]`, result `[batch, places, filters]`. Parameters `kernel` `[size, channels / groups,
/// filters]` and `bias` `[filters]`. With s the window spread by its dilation, `valid` gives ⌊(length − s) / stride⌋ + 1
/// places, `same` and `causal` ⌈length / stride⌉. Sequences of open length need one of the latter, and stride 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
    /// The number of outputs at a place.
    pub filters: usize,
    /// The length of the window.
    pub kernel: usize,
    /// How far the window moves; 1 by default.
    #[serde(default = "settings::one", skip_serializing_if = "settings::is_one")]
    pub stride: usize,
    /// What surrounds the input; nothing (`valid`) by default.
    #[serde(default, skip_serializing_if = "settings::is_sequence_valid")]
    pub padding: SequencePadding,
    /// The distance between neighbouring values of the window; 1 by default.
    #[serde(default = "settings::one", skip_serializing_if = "settings::is_one")]
    pub dilation: usize,
    /// Into how many parts the channels are divided, each with filters of its own; 1 by default.
    #[serde(default = "settings::one", skip_serializing_if = "settings::is_one")]
    pub groups: usize,
    /// f; linear by default.
    #[serde(default, skip_serializing_if = "Activation::is_linear")]
    pub activation: Activation,
    /// Whether b is there; true by default.
    #[serde(default = "settings::yes", skip_serializing_if = "settings::is_yes")]
    pub use_bias: bool,
    /// The first values of W; Glorot's uniform ones by default.
    #[serde(
        default = "settings::glorot",
        skip_serializing_if = "settings::is_glorot"
    )]
    pub kernel_initializer: Initializer,
    /// The first values of b; zeros by default.
    #[serde(
        default = "settings::zeros",
        skip_serializing_if = "settings::is_zeros"
    )]
    pub bias_initializer: Initializer,
    /// A penalty on W; none by default.
    #[serde(default, skip_serializing_if = "Regularizer::is_none")]
    pub kernel_regularizer: Regularizer,
}

impl Conv1d {
    /// A layer of `filters` outputs at a place with the defaults.
    #[must_use]
    pub fn new(filters: usize, kernel: usize) -> Self {
        Self {
            filters,
            kernel,
            stride: 1,
            padding: SequencePadding::Valid,
            dilation: 1,
            groups: 1,
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: Initializer::GlorotUniform,
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: Regularizer::default(),
        }
    }

    /// With another stride.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// With another padding.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<SequencePadding>) -> Self {
        self.padding = padding.into();
        self
    }

    /// With a spread window.
    #[must_use]
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.dilation = dilation;
        self
    }

    /// With the channels in several parts.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    settings::setters!();
}

impl Conv1d {
    fn convolution(&self) -> Convolution {
        Convolution {
            kernel: [1, self.kernel],
            stride: [1, self.stride],
            dilation: [1, self.dilation],
            padding: self.padding.of_images(),
            causal: self.padding == SequencePadding::Causal,
            groups: self.groups,
            filters: self.filters,
        }
    }

    /// Of an open length, one that stands for any other.
    fn length(&self, builder: &Builder<'_>, x: NodeId, length: Dim) -> Result<usize> {
        match length {
            Dim::Size(length) => Ok(length),
            Dim::Symbol(_) if self.padding != SequencePadding::Valid && self.stride == 1 => Ok(1),
            Dim::Symbol(_) => Err(crate::Error::OpenLength {
                place: builder.place(),
                found: builder.shape(x).to_string(),
            }),
        }
    }

    /// Which places count, if not all do.
    fn places(&self, builder: &mut Builder<'_>, mask: NodeId, y: NodeId) -> Result<()> {
        let ([Dim::Size(steps)], [Dim::Size(places), _]) = (builder.dims(mask), builder.dims(y))
        else {
            return Ok(());
        };
        let (steps, places) = (*steps, *places);
        if steps == places {
            return Ok(());
        }
        let convolution = self.convolution();
        let window = Window {
            size: convolution.span(),
            stride: convolution.stride,
            padding: convolution.amounts([1, steps, 1]),
        };
        let flat = builder.reshape(mask, [1, steps, 1])?;
        let seen = builder.add(MaxPool2d { window }, &[flat])?;
        let seen = builder.reshape(seen, [places])?;
        builder.set_mask(y, seen);
        Ok(())
    }
}

impl Build for Conv1d {
    /// A convolution of images of height 1.
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let (length, channels) = builder.steps(x)?;
        let image = [1, self.length(builder, x, length)?, channels];
        let convolution = self.convolution();
        let sizes = convolution.kernel_sizes(builder, x, image)?;
        let kernel = builder.kernel(
            &sizes[1..],
            self.kernel_initializer,
            self.kernel_regularizer,
        )?;
        let mask = builder.mask(x);
        let x = match mask {
            Some(mask) => builder.masked(x, mask)?,
            None => x,
        };
        let flat = builder.reshape(x, [1.into(), length, channels.into()])?;
        let filter = builder.reshape_whole(kernel, &sizes)?;
        let y = convolution.build(builder, flat, image, filter)?;
        let y = if self.use_bias {
            builder.bias(y, self.filters, self.bias_initializer)?
        } else {
            y
        };
        let y = self.activation.build(builder, &[y])?;
        let y = builder.without_height(y)?;
        if let Some(mask) = mask {
            self.places(builder, mask, y)?;
        }
        Ok(y)
    }
}
