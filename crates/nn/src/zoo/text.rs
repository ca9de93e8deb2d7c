//! Networks for texts.

use crate::{Embedding, Network, Sequential};

/// The usual convolutional network for texts of `length` tokens of a `vocabulary` (Kim 2014): vectors of 128 values, 128
/// filters of 5 tokens, the maximum over time, one dense layer.
///
/// ```
/// assert_eq!(jingwei_nn::zoo::textcnn(20_000, 200, 2).summary()?.parameters(), 2_642_306);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[must_use]
pub fn textcnn(vocabulary: usize, length: usize, classes: usize) -> Network {
    Sequential::new([length])
        .layer(Embedding::new(vocabulary, 128).mask_zero(false))
        .conv1d(128, 5)
        .relu()
        .global_max_pool1d()
        .dense(classes)
        .into()
}

/// The usual recurrent network for texts of `length` tokens of a `vocabulary`: vectors of 128 values, an LSTM of 128
/// units, one dense layer on its last state.
///
/// ```
/// assert_eq!(jingwei_nn::zoo::lstm(10_000, 100, 3).summary()?.parameters(), 1_411_971);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[must_use]
pub fn lstm(vocabulary: usize, length: usize, classes: usize) -> Network {
    Sequential::new([length])
        .layer(Embedding::new(vocabulary, 128).mask_zero(false))
        .lstm(128)
        .dense(classes)
        .into()
}
