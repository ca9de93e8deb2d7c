//! Layers, one file each: settings with Keras's names and defaults, and the graph that they stand for.
//!
//! The same types are written in a recipe (`{ conv2d = { filters = 32, kernel = 3 } }`) and used from Rust
//! (`Conv2d::new(32, 3)`). A layer with one input takes one; [`Add`] and [`Concat`] take two or more.

mod activation;
mod add;
mod avg_pool1d;
mod avg_pool2d;
mod batch_norm;
mod concat;
mod conv1d;
mod conv2d;
mod convolution;
mod crf;
mod dense;
mod dropout;
mod embedding;
mod flatten;
mod global_avg_pool1d;
mod global_avg_pool2d;
mod global_max_pool1d;
mod global_max_pool2d;
mod gru;
mod heads;
mod layer_norm;
mod lstm;
mod max_pool1d;
mod max_pool2d;
mod multi_head_attention;
mod ngram_bayes;
mod padding;
mod pooling;
mod positional_embedding;
mod recurrent;
mod regularizer;
mod reshape;
mod rms_norm;
mod settings;
mod simple_rnn;
mod sinusoidal_positions;
mod spatial_dropout1d;
mod token_filter;
mod transformer;

use jingwei_graph::NodeId;
use serde::de::MapAccess;
use serde::{Deserialize, Serialize, Serializer};

pub use activation::{Activation, LeakyRelu};
pub use add::Add;
pub use avg_pool1d::AvgPool1d;
pub use avg_pool2d::AvgPool2d;
pub use batch_norm::BatchNorm;
pub use concat::Concat;
pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use crf::{Crf, Field};
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use global_avg_pool1d::GlobalAvgPool1d;
pub use global_avg_pool2d::GlobalAvgPool2d;
pub use global_max_pool1d::GlobalMaxPool1d;
pub use global_max_pool2d::GlobalMaxPool2d;
pub use gru::Gru;
pub use layer_norm::LayerNorm;
pub use lstm::Lstm;
pub use max_pool1d::MaxPool1d;
pub use max_pool2d::MaxPool2d;
pub use multi_head_attention::MultiHeadAttention;
pub use ngram_bayes::NgramBayes;
pub use padding::{Padding, SequencePadding};
pub use positional_embedding::PositionalEmbedding;
pub use recurrent::Merge;
pub use regularizer::Regularizer;
pub use reshape::Reshape;
pub use rms_norm::RmsNorm;
pub use simple_rnn::SimpleRnn;
pub use sinusoidal_positions::SinusoidalPositions;
pub use spatial_dropout1d::SpatialDropout1d;
pub use token_filter::{TokenFilter, TokenKind};
pub use transformer::{TransformerDecoder, TransformerEncoder};

use crate::Result;
use crate::build::Builder;

/// Adds the graph that a layer stands for.
pub(crate) trait Build {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId>;
}

macro_rules! layers {
    ($($name:ident $text:literal),* $(,)?) => {
        /// One layer of any kind.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each variant's type of the same name is documented")]
        pub enum Layer {
            $($name($name)),*
        }

        impl Layer {
            /// The names of all kinds of layers.
            pub const KINDS: &[&str] = &[$($text),*];

            /// The name of the kind, such as `conv2d`.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $text),*
                }
            }

            pub(crate) fn rules(&self) -> &dyn Build {
                match self {
                    $(Self::$name(layer) => layer),*
                }
            }

            /// Writes the settings without the kind.
            pub(crate) fn serialize_settings<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(layer) => layer.serialize(serializer)),*
                }
            }

            /// Reads the settings of a layer of a kind, or `None` if there is no such kind.
            pub(crate) fn read<'de, A: MapAccess<'de>>(kind: &str, map: &mut A) -> std::result::Result<Option<Self>, A::Error> {
                match kind {
                    $($text => map.next_value().map(|layer| Some(Self::$name(layer))),)*
                    _ => Ok(None),
                }
            }
        }

        $(impl From<$name> for Layer {
            fn from(layer: $name) -> Self {
                Self::$name(layer)
            }
        })*
    };
}

layers! {
    Dense "dense",
    Conv1d "conv1d",
    Conv2d "conv2d",
    MaxPool1d "max_pool1d",
    MaxPool2d "max_pool2d",
    AvgPool1d "avg_pool1d",
    AvgPool2d "avg_pool2d",
    GlobalMaxPool1d "global_max_pool1d",
    GlobalMaxPool2d "global_max_pool2d",
    GlobalAvgPool1d "global_avg_pool1d",
    GlobalAvgPool2d "global_avg_pool2d",
    Flatten "flatten",
    Reshape "reshape",
    Dropout "dropout",
    BatchNorm "batch_norm",
    LayerNorm "layer_norm",
    RmsNorm "rms_norm",
    MultiHeadAttention "multi_head_attention",
    TransformerEncoder "transformer_encoder",
    TransformerDecoder "transformer_decoder",
    PositionalEmbedding "positional_embedding",
    SinusoidalPositions "sinusoidal_positions",
    Activation "activation",
    Add "add",
    Concat "concat",
    Embedding "embedding",
    NgramBayes "ngram_bayes",
    TokenFilter "token_filter",
    SpatialDropout1d "spatial_dropout1d",
    Crf "crf",
    SimpleRnn "simple_rnn",
    Lstm "lstm",
    Gru "gru",
}
