//! Residual networks for small images.

use crate::{
    Activation, BatchNorm, Conv2d, Dense, Error, GlobalAvgPool2d, Initializer, Network, Padding,
    Result, Value,
};

/// The residual network of He et al. 2016 for small images, of 6n + 2 layers (8, 14, 20, 32 …): a convolution, three
/// stages of n blocks with `width`, 2 · `width` and 4 · `width` filters, the mean over the image and a dense layer.
///
/// Where the size or the number of filters changes, the shortcut is a 1 × 1 convolution. The authors' width is 16.
///
/// # Errors
/// [`Error::Setting`] for a depth that is not 6n + 2.
///
/// ```
/// use jingwei_nn::zoo::resnet;
/// assert_eq!(resnet([32, 32, 3], 10, 8, 16)?.summary()?.parameters(), 78_042);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
pub fn resnet(sizes: [usize; 3], classes: usize, depth: usize, width: usize) -> Result<Network> {
    let blocks = depth.saturating_sub(2) / 6;
    if blocks == 0 || depth != 6 * blocks + 2 {
        let (place, expected) = ("resnet".to_owned(), "6n + 2, such as 8, 14 or 20");
        return Err(Error::Setting {
            place: place.into(),
            setting: "depth",
            expected,
            found: depth.to_string(),
        });
    }
    let mut network = Network::new();
    let image = network.input(sizes);
    let stem = normalised(&mut network, image, width, 3, 1);
    let mut value = network.layer(stem, Activation::Relu);
    for stage in 0..3 {
        for block in 0..blocks {
            let halves = stage > 0 && block == 0;
            value = residual(
                &mut network,
                value,
                width.saturating_mul(1 << stage),
                if halves { 2 } else { 1 },
            );
        }
    }
    let pooled = network.layer(value, GlobalAvgPool2d {});
    let logits = network.layer(pooled, Dense::new(classes));
    network.output(logits);
    Ok(network)
}

/// Two convolutions beside a shortcut.
fn residual(network: &mut Network, x: Value, filters: usize, stride: usize) -> Value {
    let first = normalised(network, x, filters, 3, stride);
    let first = network.layer(first, Activation::Relu);
    let second = normalised(network, first, filters, 3, 1);
    let shortcut = if stride == 1 {
        x
    } else {
        normalised(network, x, filters, 1, stride)
    };
    let sum = network.sum([second, shortcut]);
    network.layer(sum, Activation::Relu)
}

fn normalised(
    network: &mut Network,
    x: Value,
    filters: usize,
    kernel: usize,
    stride: usize,
) -> Value {
    let convolution = Conv2d::new(filters, kernel)
        .stride(stride)
        .padding(Padding::Same)
        .without_bias();
    let x = network.layer(x, convolution.kernel_initializer(Initializer::HeNormal));
    network.layer(x, BatchNorm::default().momentum(0.9))
}
