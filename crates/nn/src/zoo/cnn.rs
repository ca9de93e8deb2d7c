//! Plain convolutional networks.

use crate::{BatchNorm, Conv2d, Initializer, Network, Padding, Sequential};

/// The usual first network for 28 × 28 grey images of 10 classes: two convolutions with pooling, two dense layers.
///
/// ```
/// assert_eq!(jingwei_nn::zoo::cnn_mnist().summary()?.parameters(), 225_034);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[must_use]
pub fn cnn_mnist() -> Network {
    let convolutions = Sequential::new([28, 28, 1])
        .conv2d(32, 3)
        .relu()
        .max_pool2d(2)
        .conv2d(64, 3)
        .relu()
        .max_pool2d(2);
    convolutions.flatten().dense(128).relu().dense(10).into()
}

/// The usual first network for 32 × 32 colour images of 10 classes: three convolutions, two poolings, two dense layers.
///
/// ```
/// assert_eq!(jingwei_nn::zoo::cnn_cifar().summary()?.parameters(), 122_570);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[must_use]
pub fn cnn_cifar() -> Network {
    let convolutions = Sequential::new([32, 32, 3])
        .conv2d(32, 3)
        .relu()
        .max_pool2d(2)
        .conv2d(64, 3)
        .relu()
        .max_pool2d(2);
    convolutions
        .conv2d(64, 3)
        .relu()
        .flatten()
        .dense(64)
        .relu()
        .dense(10)
        .into()
}

/// A small network that does well on small images: four 3 × 3 convolutions with batch normalisation, two poolings and
/// one dense layer, after VGG (Simonyan & Zisserman 2015). 96,554 parameters for 28 × 28 grey images of 10 classes.
///
/// ```
/// assert_eq!(jingwei_nn::zoo::cnn_compact([28, 28, 1], 10).summary()?.parameters(), 96_554);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[must_use]
pub fn cnn_compact(sizes: [usize; 3], classes: usize) -> Network {
    let mut network = Sequential::new(sizes);
    for filters in [32, 64] {
        network = normalised(normalised(network, filters), filters).max_pool2d(2);
    }
    network.flatten().dropout(0.3).dense(classes).into()
}

/// A convolution without bias, which the normalisation after it would take out again, and ReLU.
fn normalised(network: Sequential, filters: usize) -> Sequential {
    let convolution = Conv2d::new(filters, 3)
        .padding(Padding::Same)
        .without_bias();
    let convolution = convolution.kernel_initializer(Initializer::HeNormal);
    network
        .layer(convolution)
        .layer(BatchNorm::default().momentum(0.9))
        .relu()
}
