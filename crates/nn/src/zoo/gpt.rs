//! Transformers for language.

use crate::{
    Activation, Dense, Embedding, LayerNorm, Network, PositionalEmbedding, Sequential,
    TransformerDecoder, TransformerEncoder,
};

/// The sizes of a Transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransformerSizes {
    /// Token ids.
    pub vocabulary: usize,
    /// The most tokens of a text.
    pub length: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads of a block.
    pub heads: usize,
    /// Channels of a token; the dense layers of a block have four times as many between them.
    pub width: usize,
}

/// A language model after GPT-2 (Radford et al. 2019): learned positions, blocks that normalise first, GELU, and logits
/// of the next token for each, by a matrix of their own. Every id is a token, 0 too.
///
/// ```
/// use jingwei_nn::zoo::{TransformerSizes, gpt};
/// let sizes = TransformerSizes { vocabulary: 65, length: 256, layers: 6, heads: 6, width: 384 };
/// assert_eq!(gpt(sizes).summary()?.parameters(), 10_795_776);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[must_use]
pub fn gpt(sizes: TransformerSizes) -> Network {
    let TransformerSizes {
        vocabulary,
        length,
        layers,
        heads,
        width,
    } = sizes;
    let mut network = Sequential::new([crate::TIME])
        .layer(Embedding::new(vocabulary, width).mask_zero(false))
        .layer(PositionalEmbedding::new(length));
    for _ in 0..layers {
        let block =
            TransformerDecoder::new(heads, width.saturating_mul(4)).activation(Activation::Gelu);
        network = network.layer(block.normalize_first());
    }
    network
        .layer(LayerNorm::default().epsilon(1e-5))
        .layer(Dense::new(vocabulary).without_bias())
        .into()
}

/// An encoder of texts after BERT (Devlin et al. 2019): learned positions, blocks that normalise last, GELU; the vectors
/// of a text's tokens, padding (id 0) left out, for a layer that joins them or tags each.
#[must_use]
pub fn encoder(sizes: TransformerSizes) -> Network {
    let TransformerSizes {
        vocabulary,
        length,
        layers,
        heads,
        width,
    } = sizes;
    let mut network = Sequential::new([crate::TIME])
        .layer(Embedding::new(vocabulary, width))
        .layer(PositionalEmbedding::new(length))
        .layer(LayerNorm::default().epsilon(1e-5));
    for _ in 0..layers {
        let block =
            TransformerEncoder::new(heads, width.saturating_mul(4)).activation(Activation::Gelu);
        network = network.layer(block);
    }
    network.into()
}
