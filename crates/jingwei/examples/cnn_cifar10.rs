//! A network of three convolutions for 32 × 32 colour images: CIFAR-10 in its original binary format.
//!
//! `cargo run --release -p jingwei --example cnn_cifar10 -- data/cifar-10-batches-bin`

use jingwei::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("give the folder of data_batch_1.bin and so on")?;
    let train = jingwei::read(&folder)?;
    let test = jingwei::read(format!("{folder}/test_batch.bin"))?;
    let mut model = Sequential::new([32, 32, 3])
        .conv2d(32, 3)
        .relu()
        .max_pool2d(2)
        .conv2d(64, 3)
        .relu()
        .max_pool2d(2)
        .conv2d(64, 3)
        .relu()
        .flatten()
        .dense(64)
        .relu()
        .dense(10)
        .compile(
            Adam::new(1e-3),
            SparseCategoricalCrossEntropy::from_logits(),
            [Accuracy],
        )?;
    print!(
        "{}",
        model.fit(&train, Fit::new().epochs(10).batch_size(64))?
    );
    println!("{}", model.evaluate(&test)?);
    model.save("cnn_cifar10.bundle")?;
    Ok(())
}
