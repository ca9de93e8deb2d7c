//! What encoder and decoder blocks of Transformers have in common.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::heads::{Heads, drop};
use super::{Activation, Build, Builder, settings};
use crate::{Error, Initializer, Result};

macro_rules! block {
    ($(#[$doc:meta])* $name:ident, causal = $causal:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The units of the first of the two dense layers.
            pub intermediate_dim: usize,
            /// The number of heads, a divisor of the channels.
            pub num_heads: usize,
            /// The share of values that become zero in training, after each attention and after the dense layers; 0 by
            /// default.
            #[serde(default, skip_serializing_if = "settings::is_nothing")]
            pub dropout: f32,
            /// The function between the dense layers; ReLU by default.
            #[serde(default = "relu", skip_serializing_if = "is_relu")]
            pub activation: Activation,
            /// The ε of the normalisations; 0.00001 by default.
            #[serde(default = "epsilon", skip_serializing_if = "is_epsilon")]
            pub layer_norm_epsilon: f32,
            /// Whether what goes into attention and dense layers is normalised (Xiong et al. 2020), and not their sums
            /// with it; false by default.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub normalize_first: bool,
            /// Whether queries and keys are turned by their positions (Su et al. 2021); false by default.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub rotary: bool,
            /// The number of heads of keys and values, a divisor of `num_heads`, which by default it is.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub num_kv_heads: Option<usize>,
            /// The first values of kernels; Glorot's by default.
            #[serde(default = "settings::glorot", skip_serializing_if = "settings::is_glorot")]
            pub kernel_initializer: Initializer,
            /// The first values of biases; zeros by default.
            #[serde(default = "settings::zeros", skip_serializing_if = "settings::is_zeros")]
            pub bias_initializer: Initializer,
        }

        impl $name {
            /// A block of so many heads and units between the dense layers, with the defaults.
            #[must_use]
            pub fn new(num_heads: usize, intermediate_dim: usize) -> Self {
                Self {
                    intermediate_dim,
                    num_heads,
                    dropout: 0.0,
                    activation: relu(),
                    layer_norm_epsilon: epsilon(),
                    normalize_first: false,
                    rotary: false,
                    num_kv_heads: None,
                    kernel_initializer: Initializer::GlorotUniform,
                    bias_initializer: Initializer::Zeros,
                }
            }

            /// With another function between the dense layers.
            #[must_use]
            pub fn activation(mut self, activation: Activation) -> Self {
                self.activation = activation;
                self
            }

            /// With random zeros in training.
            #[must_use]
            pub fn dropout(mut self, rate: f32) -> Self {
                self.dropout = rate;
                self
            }

            /// Normalised before attention and dense layers.
            #[must_use]
            pub fn normalize_first(mut self) -> Self {
                self.normalize_first = true;
                self
            }

            /// Queries and keys are turned by their positions.
            #[must_use]
            pub fn rotary(mut self) -> Self {
                self.rotary = true;
                self
            }

            fn block(&self) -> Block {
                Block {
                    intermediate_dim: self.intermediate_dim,
                    num_heads: self.num_heads,
                    num_kv_heads: self.num_kv_heads.unwrap_or(self.num_heads),
                    dropout: self.dropout,
                    activation: self.activation,
                    epsilon: self.layer_norm_epsilon,
                    normalize_first: self.normalize_first,
                    rotary: self.rotary,
                    causal: $causal,
                    kernel_initializer: self.kernel_initializer,
                    bias_initializer: self.bias_initializer,
                }
            }
        }
    };
}

block! {
    /// A block of self-attention and two dense layers, each with a residual connection and a normalisation (Vaswani et
    /// al. 2017); every step sees all others.
    ///
    /// # Shapes
    /// Input `[batch, time, channels]`, result the same. Parameters `attention/…` as those of
    /// [`MultiHeadAttention`](super::MultiHeadAttention), `attention_norm/gamma`, `…/beta`, `up/kernel`, `up/bias`,
    /// `down/kernel`, `down/bias`, `feed_forward_norm/gamma`, `…/beta`.
    ///
    /// ```
    /// use jingwei_nn::{Sequential, TransformerEncoder};
    /// let network = Sequential::new([64, 128]).layer(TransformerEncoder::new(4, 512));
    /// assert_eq!(network.summary()?.parameters(), 198_272);
    /// # Ok::<(), jingwei_nn::Error>(())
    /// ```
    TransformerEncoder, causal = false
}

block! {
    /// A block like [`TransformerEncoder`] in which no step sees what comes after it; with a second input, the
    /// encoder's result, it looks at that too before the dense layers.
    ///
    /// # Shapes
    /// Input `[batch, time, channels]`, and `[batch, source, …]` if there is a second; result as the first. Parameters
    /// as those of the encoder, and `cross_attention/…` and `cross_attention_norm/…`.
    TransformerDecoder, causal = true
}

impl Build for TransformerEncoder {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        self.block().build(builder, x, None)
    }
}

impl Build for TransformerDecoder {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        match *inputs {
            [x] => self.block().build(builder, x, None),
            [x, encoded] => self.block().build(builder, x, Some(encoded)),
            _ => Err(builder.wrong("one input or two", format!("{} inputs", inputs.len()))),
        }
    }
}

fn relu() -> Activation {
    Activation::Relu
}

fn is_relu(activation: &Activation) -> bool {
    *activation == Activation::Relu
}

fn epsilon() -> f32 {
    1e-5
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_epsilon(value: &f32) -> bool {
    *value == epsilon()
}

struct Block {
    intermediate_dim: usize,
    num_heads: usize,
    num_kv_heads: usize,
    dropout: f32,
    activation: Activation,
    epsilon: f32,
    normalize_first: bool,
    rotary: bool,
    causal: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
}

impl Block {
    fn build(
        &self,
        builder: &mut Builder<'_>,
        x: NodeId,
        encoded: Option<NodeId>,
    ) -> Result<NodeId> {
        builder.at_least_one("intermediate_dim", self.intermediate_dim)?;
        builder.at_least_one("num_heads", self.num_heads)?;
        builder.positive("layer_norm_epsilon", self.epsilon)?;
        let mask = builder.mask(x);
        let x = self.residual(builder, "attention", x, mask, |block, builder, x| {
            block.attend(builder, "attention/", x, None)
        })?;
        let x = match encoded {
            None => x,
            Some(_) => {
                self.residual(builder, "cross_attention", x, mask, |block, builder, x| {
                    block.attend(builder, "cross_attention/", x, encoded)
                })?
            }
        };
        self.residual(builder, "feed_forward", x, mask, Self::feed_forward)
    }

    /// x plus what `inner` makes of it, normalised before or after.
    fn residual(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        x: NodeId,
        mask: Option<NodeId>,
        inner: impl Fn(&Self, &mut Builder<'_>, NodeId) -> Result<NodeId>,
    ) -> Result<NodeId> {
        let with_mask = |builder: &mut Builder<'_>, x| {
            if let Some(mask) = mask {
                builder.set_mask(x, mask);
            }
        };
        let inside = match self.normalize_first {
            true => self.normalise(builder, part, x)?,
            false => x,
        };
        with_mask(builder, inside);
        let y = inner(self, builder, inside)?;
        let y = drop(builder, part, y, self.dropout)?;
        let y = builder.sum(x, y)?;
        let y = match self.normalize_first {
            true => y,
            false => self.normalise(builder, part, y)?,
        };
        with_mask(builder, y);
        Ok(y)
    }

    fn attend(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        x: NodeId,
        encoded: Option<NodeId>,
    ) -> Result<NodeId> {
        let channels = builder.channels(x)?;
        if !channels.is_multiple_of(self.num_heads) {
            return Err(Error::Setting {
                place: builder.place(),
                setting: "num_heads",
                expected: "a divisor of the number of channels",
                found: format!("{} for {channels} channels", self.num_heads),
            });
        }
        let heads = Heads {
            part,
            num_heads: self.num_heads,
            num_kv_heads: self.num_kv_heads,
            key_dim: channels / self.num_heads,
            causal: self.causal && encoded.is_none(),
            rotary: self.rotary && encoded.is_none(),
            use_bias: true,
            kernel_initializer: self.kernel_initializer,
            bias_initializer: self.bias_initializer,
        };
        heads.build(builder, x, encoded)
    }

    fn feed_forward(&self, builder: &mut Builder<'_>, x: NodeId) -> Result<NodeId> {
        let channels = builder.channels(x)?;
        let y = self.dense(builder, "up", x, self.intermediate_dim)?;
        let y = self.activation.build(builder, &[y])?;
        self.dense(builder, "down", y, channels)
    }

    fn dense(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        x: NodeId,
        units: usize,
    ) -> Result<NodeId> {
        let rows = builder.channels(x)?;
        let kernel = format!("{part}/kernel");
        let kernel = builder.parameter(&kernel, &[rows, units], self.kernel_initializer, true)?;
        let y = builder.matmul(x, kernel)?;
        let bias = format!("{part}/bias");
        let bias = builder.parameter(&bias, &[units], self.bias_initializer, false)?;
        builder.sum(y, bias)
    }

    fn normalise(&self, builder: &mut Builder<'_>, part: &str, x: NodeId) -> Result<NodeId> {
        let channels = builder.channels(x)?;
        let mut parameter = |name, initializer| {
            let name = format!("{part}_norm/{name}");
            builder.parameter(&name, &[channels], initializer, false)
        };
        let gamma = parameter("gamma", Initializer::Ones)?;
        let beta = parameter("beta", Initializer::Zeros)?;
        let epsilon = self.epsilon;
        builder.add(ops::LayerNorm { epsilon }, &[x, gamma, beta])
    }
}
