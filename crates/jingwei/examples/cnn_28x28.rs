//! The usual first network for 28 × 28 grey images: MNIST, Fashion-MNIST.
//!
//! `cargo run --release -p jingwei --example cnn_28x28 -- data/fashion-mnist`

use jingwei::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("give the folder of the four IDX files")?;
    let train = jingwei::read(format!("{folder}/train"))?;
    let test = jingwei::read(format!("{folder}/t10k"))?;
    let mut model = Sequential::new([28, 28, 1])
        .conv2d(32, 3)
        .relu()
        .max_pool2d(2)
        .conv2d(64, 3)
        .relu()
        .max_pool2d(2)
        .flatten()
        .dense(128)
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
    model.save("cnn_28x28.bundle")?;
    Ok(())
}
