//! Many classes and absurd sizes.

use std::fmt::Write;

use crate::support::{Place, digits, digits_recipe, json_lines, picture};

/// A table of so many classes, three rows each.
fn table(classes: usize) -> String {
    let mut text = "a,b,y\n".to_owned();
    for row in 0..classes * 3 {
        writeln!(text, "{},{}.5,c{}", row % classes, row % 7, row % classes).expect("text");
    }
    text
}

const RECIPE: &str = r#"
task = "tabular-classification"
[data]
train = "table.csv"
target = "y"
valid = { fraction = 0.1 }
test = { fraction = 0.1 }
[model]
layers = [{ dense = { units = 4, activation = "relu" } }]
[train]
epochs = 1
batch_size = 256
"#;

#[test]
fn many_classes_go_all_the_way() {
    let place = Place::new();
    place.write("table.csv", table(1_500));
    place.write("new.csv", "a,b\n1,2.5\n30,4.5\n");
    place.write("recipe.toml", RECIPE);
    place.run(&["check", "recipe.toml"]).done();
    place.run(&["train", "recipe.toml", "--run", "run"]).done();
    let measured = place
        .run(&["evaluate", "run/bundle", "table.csv", "--json"])
        .json();
    assert_eq!(measured["rows"], 4_500);
    assert!(measured["confusion"].is_null());
    let cells = measured["confusion_cells"].as_array().expect("cells");
    assert!((1..=4_500).contains(&cells.len()), "{}", cells.len());

    let lines = place
        .run(&["predict", "run/bundle", "new.csv", "--format", "json"])
        .done();
    for line in json_lines(&lines) {
        let most = line["probabilities"].as_object().expect("classes");
        assert_eq!(most.len(), 10, "{line}");
        let first = line["prediction"].as_str().expect("a class");
        assert_eq!(most[first], line["probability"]);
    }
    let csv = place
        .run(&["predict", "run/bundle", "new.csv", "--format", "csv"])
        .done();
    assert!(
        csv.starts_with("record,prediction,probability,next\n") && csv.len() < 2_000,
        "{csv}"
    );
    let table = place.run(&["predict", "run/bundle", "new.csv"]).done();
    assert_eq!(table.lines().count(), 3, "{table}");
}

#[test]
fn what_no_machine_can_hold_is_refused_by_all_commands() {
    let place = Place::new();
    let recipe = digits_recipe(1);
    for units in ["1000000000000", "2000000000"] {
        place.write(
            "huge.toml",
            recipe.replace("units = 32", &format!("units = {units}")),
        );
        for command in ["check", "estimate", "train"] {
            place.run(&[command, "huge.toml"]).fails(1, &[units]);
        }
    }
    assert!(!place.path("runs").exists() || !place.path("runs/huge/history.jsonl").exists());
    place.write("recipe.toml", recipe);
    for command in ["check", "estimate", "train"] {
        place
            .run(&[command, "recipe.toml", "--max-memory", "100kB"])
            .fails(1, &["the limit is 100 kB", "--max-memory"]);
    }
    place
        .run(&["check", "recipe.toml", "--max-memory", "much"])
        .fails(2, &["--max-memory", "500MB"]);
    let fine = place
        .run(&["check", "recipe.toml", "--max-memory", "1GB"])
        .done();
    assert!(fine.contains("of memory"), "{fine}");
}

#[test]
fn one_class_is_refused_at_once() {
    let place = Place::new();
    let rows: String = (0..60)
        .map(|row| format!("{row}.5,{},ok\n", row % 7))
        .collect();
    place.write("t.csv", format!("a,b,y\n{rows}"));
    let texts: String = (0..60)
        .map(|row| format!("room {row} was clean,pos\n"))
        .collect();
    place.write("texts.csv", format!("text,label\n{texts}"));
    for number in 0..8 {
        place.write(&format!("photos/red/{number}.png"), picture(0, number));
    }
    for (data, class) in [("t.csv", "ok"), ("texts.csv", "pos"), ("photos", "red")] {
        let only = format!("only one class ({class})");
        place
            .run(&["init", data])
            .fails(1, &[&only, "at least two"]);
        assert!(!place.path("recipe.toml").exists());
    }
    place.write("recipe.toml", RECIPE.replace("table.csv", "t.csv"));
    for command in ["check", "estimate", "train"] {
        place
            .run(&[command, "recipe.toml"])
            .fails(1, &["only one class (ok)", "at least two"]);
    }
}

#[test]
fn data_that_are_not_there_are_not_looked_at() {
    let place = Place::new();
    let recipe = digits_recipe(1).replace(&format!("{:?}", digits()), "\"nowhere/set\"");
    place.write("recipe.toml", recipe);
    let fine = place.run(&["check", "recipe.toml"]).done();
    assert!(
        fine.contains("is fine") && fine.contains("not read"),
        "{fine}"
    );
}
