//! An LSTM that reads texts word by word, and tells their class.
//!
//! `cargo run --release -p jingwei --example text_lstm -- examples/zh_reviews/zh_reviews.csv label`

use jingwei::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage =
        "give a table with a column `text`, and the name of the column that holds the class";
    let (path, class) = arguments.next().zip(arguments.next()).ok_or(usage)?;
    let texts = jingwei::read_texts(path, &class)?;
    let (train, test) = jingwei::split(&texts, 0.2, 0)?;
    let mut model = Sequential::new([TIME])
        .embedding(20_000, 16)
        .lstm(32)
        .dense(train.class_names().len())
        .compile(
            Adam::new(1e-3),
            SparseCategoricalCrossEntropy::from_logits(),
            [Accuracy],
        )?;
    let prepare = PrepareOptions {
        text: TextOptions {
            max_length: Some(100), // words; there are jieba's 20,000 most frequent ones
            ..TextOptions::default()
        },
        ..PrepareOptions::default()
    };
    let fit = Fit::new().epochs(4).batch_size(64).prepare(prepare);
    print!("{}", model.fit(&train, fit)?);
    println!("{}", model.evaluate(&test)?);

    let own = [
        "房间很干净，服务员也热情，下次还来",
        "屏幕坏了，客服一直不理人",
    ];
    let outputs = model.predict(&jingwei::texts(own)?)?;
    for (text, class) in own.iter().zip(outputs.classes()) {
        println!("{text}: {}", train.class_names()[class]);
    }
    model.save("text_lstm.bundle")?;
    Ok(())
}
