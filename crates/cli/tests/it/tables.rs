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

/// Numbers that are finite in their file, and no longer when they are scaled, or where the model answers.
#[test]
fn numbers_beyond_what_floats_hold() {
    let place = Place::new();
    let row = |row: usize| {
        let (x, y) = (row as f32 * 1e-3, (row % 5) as f32);
        format!("{x},{y},{}\n", x + 100.0 * y)
    };
    let rows: String = (0..120).map(row).collect();
    place.write("table.csv", format!("x,y,price\n{rows}"));
    let recipe = CLASSIFY
        .replace("classification", "regression")
        .replace("\"kind\"", "\"price\"")
        .replace("\"长度\", \"width\"", "\"x\", \"y\"")
        .replace("units = 16, activation = \"relu\"", "units = 1")
        .replace("[model]", "[prepare]\ntarget = \"standardise\"\n[model]");
    place.write("recipe.toml", recipe);
    place.run(&["train", "recipe.toml", "--run", "run"]).done();

    for (name, row, cause) in [
        (
            "scaled.csv",
            "3e38,1,100",
            "`x` is 3e38, which is infinite once it is scaled",
        ),
        (
            "answered.csv",
            "0.01,3e38,100",
            "the model's output `values` is inf",
        ),
    ] {
        place.write(name, format!("x,y,price\n0.01,1,100\n{row}\n0.02,2,200\n"));
        let line = format!("{name}, line 3: ");
        for command in ["predict", "evaluate"] {
            place
                .run(&[command, "run/bundle", name])
                .fails(1, &[&line, cause]);
            let ran = place.run(&[command, "run/bundle", name, "--skip-bad", "--json"]);
            let warning = format!("{line}left out: {cause}");
            assert!(ran.errors.contains(&warning), "{}", ran.errors);
            let lines = json_lines(&ran.done());
            match command {
                "predict" => assert_eq!(lines.len(), 2),
                _ => assert_eq!(lines[0]["rows"], 2),
            }
        }
    }
}
