//! Convolution of images.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::convolution::Convolution;
use super::{Activation, Build, Builder, Padding, Regularizer, settings};
use crate::{Initializer, Pair, Result};

/// y = f(x * W + b): at every place of an image the same product with the values under a window.
///
/// As in all deep learning, the window is not flipped: what is computed is a cross-correlation.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, result `[batch, rows, columns, filters]`. Parameters `kernel` `[height,
/// width, channels / groups, filters]` and `bias` `[filters]`. With s the window spread by its dilation, `valid` gives
/// ⌊(size − s) / stride⌋ + 1 places in each direction, `same` ⌈size / stride⌉.
///
/// ```
/// use jingwei_nn::{Conv2d, Padding, Sequential};
/// let network = Sequential::new([32, 32, 3]).layer(Conv2d::new(16, 3).stride(2).padding(Padding::Same));
/// assert_eq!(network.summary()?.rows()[0].output.to_string(), "[batch, 16, 16, 16]");
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// The number of outputs at a place.
    pub filters: usize,
    /// The height and width of the window.
    pub kernel: Pair,
    /// How far the window moves; 1 by default.
    #[serde(
        default = "settings::pair_of_ones",
        skip_serializing_if = "settings::is_pair_of_ones"
    )]
    pub stride: Pair,
    /// What surrounds the input; nothing (`valid`) by default.
    #[serde(default, skip_serializing_if = "settings::is_valid")]
    pub padding: Padding,
    /// The distance between neighbouring values of the window; 1 by default.
    #[serde(
        default = "settings::pair_of_ones",
        skip_serializing_if = "settings::is_pair_of_ones"
    )]
    pub dilation: Pair,
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

impl Conv2d {
    /// A layer of `filters` outputs at a place with the defaults.
    #[must_use]
    pub fn new(filters: usize, kernel: impl Into<Pair>) -> Self {
        Self {
            filters,
            kernel: kernel.into(),
            stride: Pair::from(1),
            padding: Padding::Valid,
            dilation: Pair::from(1),
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
    pub fn stride(mut self, stride: impl Into<Pair>) -> Self {
        self.stride = stride.into();
        self
    }

    /// With another padding.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// With a spread window.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<Pair>) -> Self {
        self.dilation = dilation.into();
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

impl Build for Conv2d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let image = builder.image(x)?;
        let convolution = Convolution {
            kernel: self.kernel.sizes(),
            stride: self.stride.sizes(),
            dilation: self.dilation.sizes(),
            padding: self.padding,
            causal: false,
            groups: self.groups,
            filters: self.filters,
        };
        let sizes = convolution.kernel_sizes(builder, x, image)?;
        let kernel = builder.kernel(&sizes, self.kernel_initializer, self.kernel_regularizer)?;
        let y = convolution.build(builder, x, image, kernel)?;
        let y = if self.use_bias {
            builder.bias(y, self.filters, self.bias_initializer)?
        } else {
            y
        };
        self.activation.build(builder, &[y])
    }
}
