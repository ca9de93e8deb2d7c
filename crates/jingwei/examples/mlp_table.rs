//! A dense network of 128 and 64 units for a table of numbers.
//!
//! `cargo run --release -p jingwei --example mlp_table -- table.csv class`

use jingwei::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "give a table with a header, and the name of the column that holds the class";
    let (path, class) = arguments.next().zip(arguments.next()).ok_or(usage)?;
    let table = jingwei::read_table(path, &class)?;
    let (train, test) = jingwei::split(&table, 0.2, 0)?;
    let network = zoo::mlp(table.features().sample_len(), table.class_names().len());
    let mut model = network.compile(
        Adam::new(1e-3),
        SparseCategoricalCrossEntropy::from_logits(),
        [Accuracy],
    )?;
    print!(
        "{}",
        model.fit(&train, Fit::new().epochs(10).batch_size(32))?
    );
    println!("{}", model.evaluate(&test)?);
    model.save("mlp_table.bundle")?;
    Ok(())
}
