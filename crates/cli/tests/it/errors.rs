//! What goes wrong is told with place, cause and remedy, and ends with the right status.

use crate::support::{Place, digits_recipe};

#[test]
fn wrong_use_ends_with_2() {
    let place = Place::new();
    place.run(&["train"]).fails(2, &["<RECIPE>"]);
    place
        .run(&["teach", "recipe.toml"])
        .fails(2, &["unrecognized subcommand 'teach'"]);
    place
        .run(&["train", "recipe.toml", "--threads", "0"])
        .fails(2, &["'0'", "--threads"]);
    place
        .run(&["train", "recipe.toml", "--simd", "sse"])
        .fails(2, &["avx2", "--simd"]);
    place.run(&["bench", "everything"]).fails(2, &["cnn_mnist"]);
    place
        .run(&["bench", "mlp", "--seconds", "nan"])
        .fails(2, &["--seconds"]);
}

#[test]
fn recipes_are_checked_before_data_are_read() {
    let place = Place::new();
    let good = digits_recipe(1);
    place.write("typo.toml", good.replace("epochs = 1", "epoch = 1"));
    place
        .run(&["check", "typo.toml"])
        .fails(1, &["`epoch`", "typo.toml:", "did you mean `epochs`"]);
    place
        .run(&["train", "typo.toml"])
        .fails(1, &["`epoch`", "typo.toml:"]);
    place.write("type.toml", good.replace("epochs = 1", "epochs = \"one\""));
    place
        .run(&["check", "type.toml"])
        .fails(1, &["type.toml:", "\"one\""]);
    let shape = good
        .replace("layers = [", "input = [8, 8, 1]\nlayers = [")
        .replace("kernel = 3", "kernel = 9");
    place.write("shape.toml", shape);
    place.run(&["check", "shape.toml"]).fails(1, &["conv2d_1"]);
    place
        .run(&["check", "absent.toml"])
        .fails(1, &["absent.toml", "cannot read"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn defaults_are_printed_and_valid() {
    let place = Place::new();
    place.write("recipe.toml", digits_recipe(1));
    let all = place.run(&["check", "recipe.toml", "--defaults"]).done();
    assert!(all.contains("beta_1") || all.contains("schedule"), "{all}");
    place.write("all.toml", &all);
    assert_eq!(place.run(&["check", "all.toml", "--defaults"]).done(), all);
}

#[test]
fn broken_data_are_named() {
    let place = Place::new();
    let recipe = digits_recipe(1);
    let line = recipe
        .lines()
        .find(|line| line.starts_with("train"))
        .expect("the data");
    place.write("recipe.toml", recipe.replace(line, "train = \"set/some\""));
    place.run(&["train", "recipe.toml"]).fails(1, &["set/some"]);
    let header = |magic: u8, sizes: &[u32]| {
        let mut bytes = vec![0, 0, 8, magic];
        sizes
            .iter()
            .for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes
    };
    let mut images = header(3, &[40, 8, 8]);
    images.extend([7; 100]);
    place.write("set/some-images-idx3-ubyte", images);
    let mut labels = header(1, &[40]);
    labels.extend((0..40).map(|label| label % 10));
    place.write("set/some-labels-idx1-ubyte", labels);
    place
        .run(&["train", "recipe.toml"])
        .fails(1, &["some-images-idx3-ubyte"]);
    place
        .run(&["inspect", "set/some"])
        .fails(1, &["some-images-idx3-ubyte"]);
    place
        .run(&["init", "nowhere", "--output", "new.toml"])
        .fails(1, &["nowhere"]);
}

#[test]
fn bundles_that_are_none_are_refused() {
    let place = Place::new();
    place.write("bundle/jingwei.json", "{}");
    place
        .run(&["predict", "bundle", "x.png"])
        .fails(1, &["jingwei.json"]);
    place
        .run(&["evaluate", "nothing", "x"])
        .fails(1, &["nothing"]);
    place.run(&["serve", "nothing"]).fails(1, &["nothing"]);
    place
        .run(&["inspect", "nothing"])
        .fails(1, &["nothing", "there is no file or folder of this name"]);
    place.write("start.safetensors", "nonsense");
    place
        .run(&["bench", "mlp", "--start", "start.safetensors"])
        .fails(1, &["start.safetensors"]);
    place
        .run(&["bench", "mlp", "--start", "nothing"])
        .fails(1, &["nothing", "cannot be read"]);
}
