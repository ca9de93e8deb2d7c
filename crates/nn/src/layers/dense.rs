//! A fully connected layer.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Activation, Build, Builder, Regularizer, settings};
use crate::{Initializer, Result};

/// y = f(x · W + b), with one row of W for each input and one column for each unit.
///
/// # Shapes
/// Input `[batch, …, inputs]`, result `[batch, …, units]`; at every place of a sequence or an image the same product. Parameters `kernel`
/// `[inputs, units]` and `bias` `[units]`.
///
/// ```
/// use jingwei_nn::{Activation, Dense, Sequential};
/// let network = Sequential::new([30]).layer(Dense::new(128).activation(Activation::Relu)).dense(2);
/// assert_eq!(network.summary()?.parameters(), 30 * 128 + 128 + 128 * 2 + 2);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// The number of outputs.
    pub units: usize,
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

impl Dense {
    /// A layer of `units` outputs with the defaults.
    #[must_use]
    pub fn new(units: usize) -> Self {
        Self {
            units,
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: Initializer::GlorotUniform,
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: Regularizer::default(),
        }
    }

    settings::setters!();
}

impl Build for Dense {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.at_least_one("units", self.units)?;
        let features = builder.channels(x)?;
        let kernel = builder.kernel(
            &[features, self.units],
            self.kernel_initializer,
            self.kernel_regularizer,
        )?;
        let y = builder.matmul(x, kernel)?;
        let y = if self.use_bias {
            builder.bias(y, self.units, self.bias_initializer)?
        } else {
            y
        };
        self.activation.build(builder, &[y])
    }
}
