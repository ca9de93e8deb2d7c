//! Attention with several heads.

use jingwei_graph::NodeId;
use serde::{Deserialize, Serialize};

use super::heads::{Heads, drop};
use super::{Build, Builder, settings};
use crate::{Initializer, Result};

/// Every step of a sequence looks at all others, or at those of a second sequence, in several ways at once (Vaswani et
/// al. 2017).
///
/// With one input the sequence looks at itself, with two the first (query) looks at the second (value). Padding of what
/// is looked at does not count.
///
/// # Shapes
/// Input `[batch, time, channels]`, and `[batch, source, …]` if there is a second; result `[batch, time, channels]`.
/// Parameters: for one input `qkv_kernel` `[channels, (num_heads + 2 · num_kv_heads) · key_dim]`, whose columns are those
/// of queries, keys and values; for two `query_kernel` and `kv_kernel`; then `output_kernel`
/// `[num_heads · key_dim, channels]`; and a `…_bias` for each.
///
/// ```
/// use jingwei_nn::{MultiHeadAttention, Sequential};
/// let attention = MultiHeadAttention::new(4, 32).causal();
/// let network = Sequential::new([64, 128]).layer(attention);
/// assert_eq!(network.summary()?.parameters(), (128 + 1) * 384 + (128 + 1) * 128);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiHeadAttention {
    /// The number of heads of the queries.
    pub num_heads: usize,
    /// The number of heads of keys and values, a divisor of `num_heads`, which by default it is (Ainslie et al. 2023).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_kv_heads: Option<usize>,
    /// The channels of a head.
    pub key_dim: usize,
    /// Whether no step sees what comes after it; false by default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub causal: bool,
    /// Whether queries and keys are turned by their positions (Su et al. 2021); false by default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotary: bool,
    /// The share of the result's values that become zero in training; 0 by default.
    #[serde(default, skip_serializing_if = "settings::is_nothing")]
    pub dropout: f32,
    /// Whether there are biases; true by default.
    #[serde(default = "settings::yes", skip_serializing_if = "settings::is_yes")]
    pub use_bias: bool,
    /// The first values of kernels; Glorot's by default.
    #[serde(
        default = "settings::glorot",
        skip_serializing_if = "settings::is_glorot"
    )]
    pub kernel_initializer: Initializer,
    /// The first values of biases; zeros by default.
    #[serde(
        default = "settings::zeros",
        skip_serializing_if = "settings::is_zeros"
    )]
    pub bias_initializer: Initializer,
}

impl MultiHeadAttention {
    /// Attention with so many heads of so many channels.
    #[must_use]
    pub fn new(num_heads: usize, key_dim: usize) -> Self {
        Self {
            num_heads,
            num_kv_heads: None,
            key_dim,
            causal: false,
            rotary: false,
            dropout: 0.0,
            use_bias: true,
            kernel_initializer: Initializer::GlorotUniform,
            bias_initializer: Initializer::Zeros,
        }
    }

    /// With fewer heads of keys and values.
    #[must_use]
    pub fn num_kv_heads(mut self, heads: usize) -> Self {
        self.num_kv_heads = Some(heads);
        self
    }

    /// No step sees what comes after it.
    #[must_use]
    pub fn causal(mut self) -> Self {
        self.causal = true;
        self
    }

    /// Queries and keys are turned by their positions.
    #[must_use]
    pub fn rotary(mut self) -> Self {
        self.rotary = true;
        self
    }

    /// With random zeros in the result.
    #[must_use]
    pub fn dropout(mut self, rate: f32) -> Self {
        self.dropout = rate;
        self
    }

    /// Without biases.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.use_bias = false;
        self
    }
}

impl Build for MultiHeadAttention {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let (query, value) = match *inputs {
            [query] => (query, None),
            [query, value] => (query, Some(value)),
            _ => return Err(builder.wrong("one input or two", format!("{} inputs", inputs.len()))),
        };
        let heads = Heads {
            part: "",
            num_heads: self.num_heads,
            num_kv_heads: self.num_kv_heads.unwrap_or(self.num_heads),
            key_dim: self.key_dim,
            causal: self.causal,
            rotary: self.rotary,
            use_bias: self.use_bias,
            kernel_initializer: self.kernel_initializer,
            bias_initializer: self.bias_initializer,
        };
        let y = heads.build(builder, query, value)?;
        drop(builder, "dropout", y, self.dropout)
    }
}
