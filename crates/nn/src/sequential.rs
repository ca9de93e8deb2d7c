//! Layers one after another.

use crate::layers::{
    Activation, AvgPool1d, AvgPool2d, BatchNorm, Conv1d, Conv2d, Dense, Dropout, Embedding,
    Flatten, GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d, Gru, LayerNorm,
    Lstm, MaxPool1d, MaxPool2d, MultiHeadAttention, PositionalEmbedding, Reshape, RmsNorm,
    SimpleRnn, SinusoidalPositions, SpatialDropout1d, TransformerDecoder, TransformerEncoder,
};
use crate::{Entry, Layer, Network, Pair, Result, Sizes, Summary};

/// A network whose layers follow one another.
///
/// Each method adds a layer with its defaults; [`Sequential::layer`] adds one with other settings.
///
/// ```
/// use jingwei_nn::Sequential;
/// let network = Sequential::new([28, 28, 1])
///     .conv2d(32, 3).relu().max_pool2d(2)
///     .conv2d(64, 3).relu().max_pool2d(2)
///     .flatten().dense(128).relu().dense(10);
/// assert_eq!(network.summary()?.parameters(), 225_034);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sequential {
    network: Network,
}

impl Sequential {
    /// No layers yet, for samples of these sizes.
    #[must_use]
    pub fn new(sizes: impl Into<Sizes>) -> Self {
        Self {
            network: Network::new().with_input(sizes),
        }
    }

    /// Adds a layer with its settings.
    #[must_use]
    pub fn layer(self, layer: impl Into<Layer>) -> Self {
        Self {
            network: self.network.followed_by(Entry::from(layer.into())),
        }
    }

    /// Adds a layer with a name of its own.
    #[must_use]
    pub fn named(self, name: impl Into<String>, layer: impl Into<Layer>) -> Self {
        let entry = Entry {
            name: Some(name.into()),
            ..Entry::from(layer.into())
        };
        Self {
            network: self.network.followed_by(entry),
        }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// A table of the layers with their shapes and parameters.
    ///
    /// # Errors
    /// As [`Network::check`].
    pub fn summary(&self) -> Result<Summary> {
        self.network.summary()
    }
}

impl From<Sequential> for Network {
    fn from(sequential: Sequential) -> Self {
        sequential.network
    }
}

macro_rules! shorthands {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) => $layer:expr;)*) => {
        /// A layer a method.
        impl Sequential {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(self, $($argument: $type),*) -> Self {
                self.layer($layer)
            })*
        }
    };
}

shorthands! {
    /// Adds [`Dense`].
    dense(units: usize) => Dense::new(units);
    /// Adds [`Conv1d`].
    conv1d(filters: usize, kernel: usize) => Conv1d::new(filters, kernel);
    /// Adds [`Conv2d`].
    conv2d(filters: usize, kernel: impl Into<Pair>) => Conv2d::new(filters, kernel);
    /// Adds [`MaxPool1d`].
    max_pool1d(size: usize) => MaxPool1d::new(size);
    /// Adds [`MaxPool2d`].
    max_pool2d(size: impl Into<Pair>) => MaxPool2d::new(size);
    /// Adds [`AvgPool1d`].
    avg_pool1d(size: usize) => AvgPool1d::new(size);
    /// Adds [`AvgPool2d`].
    avg_pool2d(size: impl Into<Pair>) => AvgPool2d::new(size);
    /// Adds [`GlobalMaxPool1d`].
    global_max_pool1d() => GlobalMaxPool1d {};
    /// Adds [`GlobalMaxPool2d`].
    global_max_pool2d() => GlobalMaxPool2d {};
    /// Adds [`GlobalAvgPool1d`].
    global_avg_pool1d() => GlobalAvgPool1d {};
    /// Adds [`GlobalAvgPool2d`].
    global_avg_pool2d() => GlobalAvgPool2d {};
    /// Adds [`Flatten`].
    flatten() => Flatten {};
    /// Adds [`Reshape`].
    reshape(sizes: impl Into<Vec<usize>>) => Reshape::new(sizes);
    /// Adds [`Dropout`].
    dropout(rate: f32) => Dropout::new(rate);
    /// Adds [`SpatialDropout1d`].
    spatial_dropout1d(rate: f32) => SpatialDropout1d::new(rate);
    /// Adds [`Embedding`] of `input_dim` rows.
    embedding(input_dim: usize, units: usize) => Embedding::new(input_dim, units);
    /// Adds [`SimpleRnn`], which gives its last state.
    simple_rnn(units: usize) => SimpleRnn::new(units);
    /// Adds [`Lstm`], which gives its last state.
    lstm(units: usize) => Lstm::new(units);
    /// Adds [`Gru`], which gives its last state.
    gru(units: usize) => Gru::new(units);
    /// Adds [`BatchNorm`].
    batch_norm() => BatchNorm::default();
    /// Adds [`MultiHeadAttention`].
    multi_head_attention(num_heads: usize, key_dim: usize) => MultiHeadAttention::new(num_heads, key_dim);
    /// Adds [`TransformerEncoder`].
    transformer_encoder(num_heads: usize, intermediate_dim: usize) => TransformerEncoder::new(num_heads, intermediate_dim);
    /// Adds [`TransformerDecoder`].
    transformer_decoder(num_heads: usize, intermediate_dim: usize) => TransformerDecoder::new(num_heads, intermediate_dim);
    /// Adds [`PositionalEmbedding`].
    positional_embedding(max_length: usize) => PositionalEmbedding::new(max_length);
    /// Adds [`SinusoidalPositions`].
    sinusoidal_positions() => SinusoidalPositions::default();
    /// Adds [`RmsNorm`].
    rms_norm() => RmsNorm::default();
    /// Adds [`LayerNorm`].
    layer_norm() => LayerNorm::default();
    /// Adds an [`Activation`].
    activation(activation: Activation) => activation;
    /// Adds [`Activation::Relu`].
    relu() => Activation::Relu;
    /// Adds [`Activation::LeakyRelu`] with its default slope.
    leaky_relu() => Activation::LeakyRelu(crate::layers::LeakyRelu::default());
    /// Adds [`Activation::Gelu`].
    gelu() => Activation::Gelu;
    /// Adds [`Activation::Silu`].
    silu() => Activation::Silu;
    /// Adds [`Activation::Sigmoid`].
    sigmoid() => Activation::Sigmoid;
    /// Adds [`Activation::Tanh`].
    tanh() => Activation::Tanh;
    /// Adds [`Activation::Softmax`].
    softmax() => Activation::Softmax;
}
