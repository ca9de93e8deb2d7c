//! Layers and all other settings as a recipe writes them.

use jingwei_nn::{
    Activation, Adam, Entry, Initializer, Layer, Loss, Network, Optimizer, Pair, Schedule, zoo,
};
use serde::Deserialize;

use crate::support::recipe;

#[derive(Deserialize)]
struct Model {
    layers: Vec<Entry>,
}

#[test]
fn a_list_of_layers_is_a_network() {
    let text = r#"
layers = [
  { conv2d = { filters = 32, kernel = 3, activation = "relu" } },
  { max_pool2d = { size = 2 } },
  { conv2d = { filters = 64, kernel = [3, 3], activation = "relu" } },
  { max_pool2d = {} },
  { flatten = {} },
  { dense = { units = 128, activation = "relu" } },
  { name = "logits", dense = { units = 10 } },
]"#;
    let Model { layers } = toml::from_str(text).expect("a recipe");
    let network = Network::from_entries(Vec::new(), layers, Vec::new()).with_input([28, 28, 1]);
    let summary = network.summary().expect("a network that fits");
    assert_eq!(summary.parameters(), 225_034);
    let names: Vec<_> = summary.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "conv2d_1",
            "max_pool2d_1",
            "conv2d_2",
            "max_pool2d_2",
            "flatten_1",
            "dense_1",
            "logits"
        ]
    );
}

#[test]
fn names_and_inputs_connect_layers() {
    let text = r#"
layers = [
  { name = "stem", inputs = "image", conv2d = { filters = 4, kernel = 3, padding = "same" } },
  { conv2d = { filters = 4, kernel = 1 } },
  { inputs = ["stem", "conv2d_1"], add = {} },
  { global_max_pool2d = {} },
  { inputs = ["global_max_pool2d_1", "row"], concat = {} },
]
inputs = [{ name = "image", sizes = [5, 5, 1] }, { name = "row", sizes = [3] }]
"#;
    let network: Network = toml::from_str(text).expect("a recipe");
    assert_eq!(
        network.summary().expect("a network that fits").rows()[4]
            .output
            .to_string(),
        "[batch, 7]"
    );
    let wrong = text.replace("\"stem\", \"conv2d_1\"", "\"stem\", \"conv2d_3\"");
    let network: Network = toml::from_str(&wrong).expect("a recipe");
    let message = "layer 3 `add_1`: no input or earlier layer is named `conv2d_3`; \
                   there are `image`, `row`, `stem`, `conv2d_1`";
    assert_eq!(
        network.check().expect_err("no such name").to_string(),
        message
    );
}

#[test]
fn networks_survive_being_written_and_read() {
    let networks = [
        zoo::cnn_mnist(),
        zoo::cnn_compact([28, 28, 1], 10),
        zoo::resnet([32, 32, 3], 10, 8, 16).expect("a depth"),
    ];
    for network in networks {
        let json = serde_json::to_string(&network).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Network>(&json).expect("JSON"),
            network
        );
        let toml = toml::to_string(&network).expect("TOML");
        assert_eq!(toml::from_str::<Network>(&toml).expect("TOML"), network);
    }
    let layer = Layer::from(jingwei_nn::Dense::new(3));
    assert_eq!(
        serde_json::to_string(&layer).expect("JSON"),
        r#"{"dense":{"units":3}}"#,
        "defaults are left out"
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let place = |text: &str, line: &str, message: &str| {
        let error = toml::from_str::<Model>(text)
            .err()
            .expect("a mistake")
            .to_string();
        assert!(error.contains(line) && error.contains(message), "{error}");
    };
    place(
        "layers = [\n  { conv2 = { filters = 3 } },\n]",
        "line 2, column 5",
        "unknown field `conv2`, expected one of `dense`",
    );
    place(
        "layers = [\n  { dense = { units = 3 } },\n  { dense = { unit = 3 } },\n]",
        "line 3, column 15",
        "unknown field `unit`, expected one of `units`",
    );
    place(
        "layers = [\n  { dense = { units = \"many\" } },\n]",
        "line 2, column 23",
        "expected usize",
    );
    place(
        "layers = [\n  { conv2d = { filters = 3, kernel = \"3\" } },\n]",
        "line 2, column 38",
        "expected a whole number, or a list of two: height and width",
    );
    place(
        "layers = [\n  { conv2d = { filters = 3, kernel = [3, 3, 3] } },\n]",
        "line 2, column 38",
        "invalid length 3",
    );
    place(
        "layers = [\n  { conv2d = { filters = 3 } },\n]",
        "line 2, column 14",
        "missing field `kernel`",
    );
    place(
        "layers = [\n  { dense = { units = 3, activation = \"rely\" } },\n]",
        "line 2, column 39",
        "unknown variant `rely`, expected one of `linear`, `relu`",
    );
    place(
        "layers = [\n  { flatten = {}, dense = { units = 3 } },\n]",
        "line 2",
        "one layer an entry, but there are `dense` and `flatten`; write two entries",
    );
    place(
        "layers = [\n  { name = \"a\" },\n]",
        "line 2",
        "a layer is missing",
    );
    place(
        "layers = [\n  3,\n]",
        "line 2, column 3",
        "a table of one layer",
    );
}

#[test]
fn a_bare_name_stands_for_the_defaults() {
    assert_eq!(recipe::<Optimizer>("'adam'"), Ok(Adam::default().into()));
    assert_eq!(
        recipe::<Optimizer>("{ adam = { learning_rate = 0.01 } }"),
        Ok(Adam::new(0.01).into())
    );
    assert_eq!(
        recipe::<Activation>("'leaky_relu'"),
        Ok(Activation::LeakyRelu(Default::default()))
    );
    assert_eq!(
        recipe::<Initializer>("'he_normal'"),
        Ok(Initializer::HeNormal)
    );
    assert_eq!(
        recipe::<Schedule>("'cosine'"),
        Ok(Schedule::Cosine(Default::default()))
    );
    assert_eq!(recipe::<Pair>("5"), Ok(Pair::from(5)));
    assert!(recipe::<Pair>("-5").is_err_and(|error| error.contains("expected a whole number")));
    assert_eq!(
        recipe::<Loss>("'mean_squared_error'").map(|loss| loss.name()),
        Ok("mse")
    );
    assert!(
        recipe::<Optimizer>("'adan'")
            .is_err_and(|error| error.contains("unknown variant `adan`, expected one of `sgd`"))
    );
    assert!(
        recipe::<Optimizer>("{ adam = { beta1 = 0.9 } }")
            .is_err_and(|error| error.contains("unknown field `beta1`"))
    );
    let written = serde_json::to_string(&Optimizer::from(Adam::default())).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Optimizer>(&written).expect("JSON"),
        Adam::default().into()
    );
}
