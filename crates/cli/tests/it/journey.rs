//! From data to predictions, as the README tells it.

use crate::support::{Place, digits, digits_recipe, json_lines, picture};

#[test]
fn digits_go_all_the_way() {
    let place = Place::new();
    place.write("recipe.toml", digits_recipe(8));
    assert!(
        place
            .run(&["check", "recipe.toml"])
            .done()
            .contains("recipe.toml is fine: image classification")
    );
    let estimate = place.run(&["estimate", "recipe.toml", "--json"]).json();
    assert_eq!(estimate["samples"], 1294);
    assert!(
        estimate["step_seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0)
    );

    let text = place.run(&["train", "recipe.toml"]).done();
    assert!(text.contains("finished after 8 epochs"), "{text}");
    assert!(text.contains("runs/recipe/bundle"), "{text}");
    assert_eq!(
        text.lines()
            .filter(|line| line
                .trim_start()
                .starts_with(|first: char| first.is_ascii_digit()))
            .count(),
        9
    );
    assert!(
        place
            .read("runs/recipe/bundle/report.html")
            .starts_with("<!DOCTYPE html>")
    );
    assert_eq!(
        json_lines(&place.read("runs/recipe/history.jsonl")).len(),
        8
    );
    let again = place.run(&["train", "recipe.toml"]).done();
    assert!(again.contains("this run had finished before"), "{again}");

    let bundle = "runs/recipe/bundle";
    let measured = place.run(&["evaluate", bundle, &digits(), "--json"]).json();
    assert_eq!(measured["rows"], 1797);
    assert!(
        measured["accuracy"]
            .as_f64()
            .is_some_and(|accuracy| accuracy > 0.9),
        "{measured}"
    );
    assert_eq!(measured["confusion"].as_array().map(Vec::len), Some(10));
    let table = place.run(&["evaluate", bundle, &digits()]).done();
    assert!(
        table.contains("balanced accuracy") && table.contains("most confused:"),
        "{table}"
    );

    let predictions = place
        .run(&["predict", bundle, &digits(), "--format", "json"])
        .done();
    let predictions = json_lines(&predictions);
    assert_eq!(predictions.len(), 1797);
    let sum: f64 = predictions[0]["probabilities"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.1.as_f64())
        .sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");

    let layers = place
        .run(&["inspect", bundle, "--svg", "network.svg"])
        .done();
    assert!(
        layers.contains("conv2d_1") && layers.contains("6 × 6 × 8"),
        "{layers}"
    );
    assert!(place.read("network.svg").starts_with("<svg"));
    assert_eq!(
        place.run(&["inspect", "recipe.toml"]).done(),
        layers.split_once("\n\n").expect("two tables").1
    );
    assert!(
        place
            .run(&["inspect", &digits()])
            .done()
            .contains("1,797 samples of 8 × 8 × 1 in 10 classes")
    );
}

#[test]
fn what_init_writes_can_be_checked_and_trained() {
    let place = Place::new();
    for number in 0..12 {
        place.write(&format!("pictures/猫/{number}.png"), picture(0, number));
        place.write(
            &format!("pictures/dog, \"big\"/{number}.png"),
            picture(1, number),
        );
    }
    place.run(&["init", "pictures"]).done();
    let recipe = place.read("recipe.toml");
    assert!(recipe.contains("train = \"pictures\"\n"), "{recipe}");
    place
        .run(&["init", "pictures"])
        .fails(1, &["recipe.toml", "already there", "--output"]);
    assert_eq!(place.read("recipe.toml"), recipe);
    place.run(&["check", "recipe.toml"]).done();
    place.write("short.toml", recipe.replace("epochs = 60", "epochs = 6"));
    place.run(&["train", "short.toml", "--run", "run"]).done();

    let table = place.run(&["predict", "run/bundle", "pictures"]).done();
    assert_eq!(table.lines().count(), 25);
    let csv = place
        .run(&["predict", "run/bundle", "pictures", "--format", "csv"])
        .done();
    let mut reader = csv.lines();
    assert_eq!(
        reader.next(),
        Some("record,prediction,probability,\"probability dog, \"\"big\"\"\",probability 猫")
    );
    assert!(
        reader
            .next()
            .is_some_and(|row| row.starts_with("\"pictures/dog, \"\"big\"\"/0.png\",")),
        "{csv}"
    );

    place.write("pictures/猫/broken.png", "no picture at all");
    place
        .run(&["predict", "run/bundle", "pictures"])
        .fails(1, &["broken.png"]);
    let skipped = place.run(&["predict", "run/bundle", "pictures", "--skip-bad"]);
    assert!(
        skipped.errors.contains("warning: ") && skipped.errors.contains("broken.png"),
        "{}",
        skipped.errors
    );
    assert_eq!(skipped.done().lines().count(), 25);
    place
        .run(&["evaluate", "run/bundle", "pictures", "--skip-bad"])
        .done();
}

#[test]
fn threads_do_not_change_the_weights() {
    let place = Place::new();
    place.write("recipe.toml", digits_recipe(1));
    let train = |run: &str, threads: &str| {
        place
            .run(&[
                "train",
                "recipe.toml",
                "--run",
                run,
                "--threads",
                threads,
                "--json",
            ])
            .json()["weights_hash"]
            .clone()
    };
    let one = train("one", "1");
    assert_eq!(one, train("three", "3"));
    let other = place
        .run(&[
            "train",
            "recipe.toml",
            "--run",
            "other",
            "--seed",
            "7",
            "--json",
        ])
        .json();
    assert_ne!(one, other["weights_hash"]);
}
