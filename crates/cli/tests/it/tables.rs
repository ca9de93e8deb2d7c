//! Tables of numbers, with classes and with numbers to predict.

use std::fmt::Write;

use crate::support::{Place, json_lines};

/// Two columns that tell the class, and a number that follows from them.
fn table(rows: usize, with_targets: bool) -> String {
    let mut text = "长度,width".to_owned() + if with_targets { ",price,kind\n" } else { "\n" };
    for row in 0..rows {
        let class = row % 2;
        let (length, width) = (
            class as f32 * 4.0 + (row % 7) as f32 * 0.1,
            (row % 5) as f32,
        );
        write!(text, "{length},{width}").expect("text");
        if with_targets {
            write!(text, ",{},{}", 3.0 * length + width, ["短", "long"][class]).expect("text");
        }
        text.push('\n');
    }
    text
}

const CLASSIFY: &str = r#"
task = "tabular-classification"
[data]
train = "table.csv"
target = "kind"
columns = ["长度", "width"]
[model]
layers = [{ dense = { units = 16, activation = "relu" } }]
[train]
epochs = 20
batch_size = 16
optimizer = { adam = { learning_rate = 0.01 } }
"#;

#[test]
fn classes_of_a_table() {
    let place = Place::new();
    place.write("table.csv", table(120, true));
    place.write("new.csv", table(4, false));
    place.write("recipe.toml", CLASSIFY);
    place.run(&["train", "recipe.toml", "--run", "run"]).done();
    let measured = place
        .run(&["evaluate", "run/bundle", "table.csv", "--json"])
        .json();
    assert_eq!(measured["accuracy"], 1.0);
    place
        .run(&["evaluate", "run/bundle", "table.csv", "--target", "sort"])
        .fails(1, &["table.csv", "`sort`"]);
    let text = place
        .run(&["predict", "run/bundle", "new.csv", "--json"])
        .done();
    let kinds: Vec<_> = json_lines(&text)
        .iter()
        .map(|line| line["prediction"].clone())
        .collect();
    assert_eq!(kinds, ["短", "long", "短", "long"]);
    place.write("narrow.csv", "长度\n1\n");
    place
        .run(&["predict", "run/bundle", "narrow.csv"])
        .fails(1, &["narrow.csv", "`width`"]);
    place.write("gap.csv", "长度,width\n1,2\n,3\n");
    place
        .run(&["predict", "run/bundle", "gap.csv"])
        .fails(1, &["gap.csv, line 3", "`长度`", "missing"]);
    assert!(
        place
            .run(&["inspect", "table.csv"])
            .done()
            .contains("120 samples")
    );
}

#[test]
fn numbers_of_a_table() {
    let place = Place::new();
    place.write("table.csv", table(120, true));
    let recipe = CLASSIFY
        .replace("classification", "regression")
        .replace("\"kind\"", "\"price\"");
    place.write(
        "recipe.toml",
        recipe.replace("[model]", "[prepare]\ntarget = \"standardise\"\n[model]"),
    );
    place.run(&["train", "recipe.toml", "--run", "run"]).done();
    let measured = place
        .run(&["evaluate", "run/bundle", "table.csv", "--json"])
        .json();
    assert!(
        measured["r2"].as_f64().is_some_and(|r2| r2 > 0.9),
        "{measured}"
    );
    let csv = place
        .run(&["predict", "run/bundle", "table.csv", "--format", "csv"])
        .done();
    assert!(
        csv.starts_with("record,price\n\"table.csv, line 2\","),
        "{csv}"
    );
}
