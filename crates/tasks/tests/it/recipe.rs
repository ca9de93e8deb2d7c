//! Recipes: what they may say, and what is told when they are wrong.

use jingwei_engine::Precision;
use jingwei_tasks::recipe::{ClassWeights, Part, Recipe, TokenIds};
use proptest::prelude::*;

const GOOD: &str = r#"task = "image-classification"

[data]
train = "train"
test  = "t10k"
valid = { fraction = 0.2 }
classes = ["a", "b", "c"]
image = { height = 28, width = 28, channels = 1 }

[augment]
shift = 0.1

[model]
layers = [
  { conv2d = { filters = 8, kernel = 3, activation = "relu" } },
  { name = "pool", max_pool2d = { size = 2 } },
  { inputs = ["pool"], flatten = {} },
  { dense = { units = 16, activation = "relu" } },
]

[train]
epochs = 3
optimizer = { adamw = { learning_rate = 1e-3 } }
schedule = "cosine"
class_weights = "balanced"
early_stopping = { monitor = "valid.accuracy", patience = 2 }
gradient_precision = "highest"
"#;

const NO_TEXT: TokenIds = TokenIds {
    count: 0,
    first_word: 0,
};

/// The error of the good recipe with `from` replaced by `to`.
fn error(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recipe.toml");
    std::fs::write(&path, GOOD.replace(from, to)).unwrap();
    let error = Recipe::load(&path).unwrap_err().to_string();
    error.replace(&path.display().to_string(), "recipe.toml")
}

#[test]
fn a_good_recipe_is_read() {
    let recipe = Recipe::parse(GOOD, "recipe.toml").unwrap();
    assert_eq!(recipe.task.name(), "image-classification");
    assert_eq!(recipe.data.test, Part::Path("t10k".to_owned()));
    assert_eq!((recipe.train.epochs, recipe.train.batch_size), (3, 64));
    assert_eq!(recipe.train.class_weights, ClassWeights::Balanced);
    assert_eq!(recipe.train.gradient_precision, Precision::Highest);
    let network = recipe.model.network(&[28, 28, 1].into(), NO_TEXT, 3);
    let network = network.unwrap();
    assert_eq!(
        network
            .summary()
            .unwrap()
            .rows()
            .last()
            .unwrap()
            .output
            .to_string(),
        "[batch, 3]"
    );
}

#[test]
fn every_default_can_be_printed_and_read_back() {
    let recipe = Recipe::parse(GOOD, "recipe.toml").unwrap();
    let text = recipe.to_toml_with_defaults().unwrap();
    for key in [
        "batch_size = 64",
        "beta_1",
        "on_bad = \"stop\"",
        "worst_images = 24",
        "stratify = true",
    ] {
        assert!(text.contains(key), "{key} is not in\n{text}");
    }
    let again = Recipe::parse(&text, "defaults.toml").unwrap();
    assert_eq!(again.to_toml_with_defaults().unwrap(), text);
    assert_eq!(again, recipe);
}

#[test]
fn an_output_layer_that_is_there_is_not_added_again() {
    let text = GOOD.replace(
        "{ dense = { units = 16, activation = \"relu\" } },",
        "{ dense = { units = 3, activation = \"softmax\" } },",
    );
    let network = Recipe::parse(&text, "r")
        .unwrap()
        .model
        .network(&[28, 28, 1].into(), NO_TEXT, 3)
        .unwrap();
    assert_eq!(network.layers().len(), 4);
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest() {
    let text = error("epochs = 3", "epoch = 3");
    let expected = "unknown key `epoch` in [train] at recipe.toml:22:1; did you mean `epochs`?\n   |\n22 | epoch = 3\n   | ^^^^^";
    assert_eq!(text, expected);
    let text = error("filters = 8", "filter = 8");
    assert!(text.starts_with("unknown key `filter` in [model.layers[0].conv2d] at recipe.toml:15:16; did you mean `filters`?"), "{text}");
    let text = error("max_pool2d", "maxpool2d");
    assert!(text.starts_with("unknown key `maxpool2d` in [model.layers[1]] at recipe.toml:16:20; did you mean `max_pool2d`?"), "{text}");
    let text = error("adamw", "adamm");
    assert!(text.contains("did you mean `adam`?"), "{text}");
    let text = error("\"cosine\"", "\"cosin\"");
    assert!(
        text.starts_with("unknown name `cosin` in [train] at recipe.toml:24:12")
            && text.contains("did you mean `cosine`?"),
        "{text}"
    );
    let text = error("\"highest\"", "\"higher\"");
    assert!(
        text.starts_with("unknown name `higher` in [train] at recipe.toml:27:22")
            && text.contains("did you mean `high`?"),
        "{text}"
    );
}

#[test]
fn a_wrong_type_is_told_with_its_place() {
    let text = error("epochs = 3", "epochs = \"three\"");
    assert!(
        text.starts_with(
            "wrong value `\"three\"` at recipe.toml:22:10; expected a whole number of at least 0"
        ),
        "{text}"
    );
    let text = error("fraction = 0.2", "fraction = \"a\"");
    assert!(text.contains("recipe.toml:6:22"), "{text}");
    let text = error("train = \"train\"\n", "");
    assert!(text.starts_with("the key `train` is missing"), "{text}");
    let text = error("task = \"image", "task = image");
    assert!(text.contains("recipe.toml:1:"), "{text}");
}

#[test]
fn layers_that_cannot_work_are_told_with_expected_and_found() {
    let text = error("{ inputs = [\"pool\"], flatten = {} },", "");
    assert!(
        text.contains("recipe.toml:") && text.contains("expected") && text.contains("found"),
        "{text}"
    );
    let text = error("kernel = 3", "kernel = 30");
    assert!(
        text.contains("at least 30 × 30 values for its window") && text.contains("recipe.toml:15:"),
        "{text}"
    );
    let text = error("inputs = [\"pool\"]", "inputs = [\"pol\"]");
    assert!(
        text.contains("no input or earlier layer is named `pol`"),
        "{text}"
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    assert!(error("epochs = 3", "epochs = 0").starts_with("no epochs at recipe.toml:22:1"));
    assert!(error("fraction = 0.2", "fraction = 1.5").contains("above 0 and below 1"));
    assert!(
        error("valid = { fraction = 0.2 }", "valid = false")
            .contains("there is no validation part")
    );
    assert!(error("valid.accuracy", "test.accuracy").contains("the test part steers nothing"));
    assert!(error("valid.accuracy", "valid.f1_macro").contains("add `f1_macro` to `metrics`"));
    assert!(error("shift = 0.1", "shift = 3.0").contains("augment.shift"));
    assert!(error("schedule = \"cosine\"", "loss = \"mse\"").contains("does not fit the task"));
    assert!(error("schedule = \"cosine\"", "metrics = [\"mae\"]").contains("metric"));
    assert!(error("learning_rate = 1e-3", "learning_rate = -1.0").contains("greater than 0"));
    assert!(error("[model]", "[model]\nzoo = { mlp = {} }").contains("both `zoo` and `layers`"));
}

/// The error of a recipe for texts with this tokenizer and these layers.
fn text_error(task: &str, tokenizer: &str, layers: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recipe.toml");
    let text = format!(
        "task = \"{task}\"\n[data]\ntrain = \"texts.csv\"\n[prepare.text]\ntokenizer = {tokenizer}\n[model]\nlayers = [{{ embedding = {{ units = 4 }} }}{layers}]\n"
    );
    std::fs::write(&path, text).unwrap();
    Recipe::load(&path).unwrap_err().to_string()
}

#[test]
fn answers_come_for_texts_or_for_tokens_as_the_task_asks() {
    let word = "{ word = {} }";
    let text = text_error("text-classification", word, "");
    assert!(
        text.contains("expected [batch, values]") && text.contains("recipe.toml:7:"),
        "{text}"
    );
    let text = text_error("sequence-tagging", word, ", { lstm = { units = 4 } }");
    assert!(text.contains("expected [batch, time, tags]"), "{text}");
    let text = text_error("text-classification", "\"word\"", "");
    assert!(text.contains("write { word = {} }"), "{text}");
}

#[test]
fn branches_of_words_need_words_beside_characters() {
    let filter = "{ name = \"words\", inputs = [\"input\"], token_filter = { keep = \"words\" } }";
    let layers = format!("{filter}, {{ ngram_bayes = {{ units = 2 }} }},");
    let classify = "text-classification";
    let found = text_message(classify, "", &layers, "");
    for words in ["recipe.toml:9:", "layer 2 `words`", "words_and_characters"] {
        assert!(found.contains(words), "{words}: {found}");
    }
    let both = "tokenizer = { words_and_characters = {} }";
    let unused = "{ global_avg_pool1d = {} }";
    let found = text_message(classify, both, &format!("{unused}, {layers}"), "");
    assert!(found.contains("does not depend on"), "{found}");
    let joined =
        "{ name = \"a\", global_avg_pool1d = {} }, { name = \"b\", dense = { units = 2 } },";
    let outputs = |names: &str| format!("outputs = {names}\n");
    let layers = format!("{joined} {layers}");
    let named = outputs("[\"b\", \"ngram_bayes_1\"]");
    assert_eq!(text_message(classify, both, &layers, &named), "");
    let found = text_message(classify, both, &layers, &outputs("[\"b\", \"ngrams\"]"));
    assert!(
        found.contains("recipe.toml:11:") && found.contains("`ngrams`"),
        "{found}"
    );
    let found = text_message(
        classify,
        both,
        &layers,
        &outputs("[\"a\", \"b\", \"ngram_bayes_1\"]"),
    );
    assert!(
        found.contains("recipe.toml:11:") && found.contains("[batch, 8] and [batch, 2]"),
        "{found}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a recipe, it is read or refused with a place.
    #[test]
    fn no_text_is_too_strange(at in 0..GOOD.len(), cut in 0usize..30, insert in "\\PC{0,6}|[\\[\\]{}=\"\n]{1,4}") {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{insert}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(error) = Recipe::parse(&text, "recipe.toml") {
            prop_assert!(error.to_string().contains(" at recipe.toml:"), "{}", error);
        }
    }
}

#[test]
fn only_the_function_that_the_loss_contains_is_taken_off_the_end() {
    use jingwei_nn::{Adam, Dense, MeanSquaredError, Sequential, SparseCategoricalCrossEntropy};
    use jingwei_train::Compile;
    let ends_in_sigmoid = || Sequential::new([4]).layer(Dense::new(3)).sigmoid();
    let kept = ends_in_sigmoid()
        .compile(Adam::default(), MeanSquaredError::default(), [])
        .unwrap();
    assert_eq!(kept.summary().unwrap().rows().len(), 2);
    let error = ends_in_sigmoid()
        .compile(
            Adam::default(),
            SparseCategoricalCrossEntropy::from_logits(),
            [],
        )
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("the network ends in Sigmoid, the loss"),
        "{error}"
    );
}

#[test]
fn the_head_of_an_idx_file_is_enough_to_check_the_layers() {
    let folder = tempfile::tempdir().unwrap();
    // Only the heads: reading the data would fail.
    let head = |sizes: &[u32]| {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend([0; 16]);
        bytes
    };
    std::fs::write(
        folder.path().join("train-images-idx3-ubyte"),
        head(&[60_000, 12, 12]),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("train-labels-idx1-ubyte"),
        head(&[60_000]),
    )
    .unwrap();
    let text = GOOD
        .replace("image = { height = 28, width = 28, channels = 1 }\n", "")
        .replace("kernel = 3", "kernel = 13");
    let path = folder.path().join("recipe.toml");
    std::fs::write(&path, text).unwrap();
    let error = Recipe::load(&path).unwrap_err().to_string();
    let expected = "layer 1 `conv2d_1`: expected at least 13 × 13 values for its window, found [batch, 12, 12, 1]";
    assert!(error.starts_with(expected), "{error}");
}

/// The error of a recipe for texts with this task, `[prepare.text]`, layers and rest.
fn text_message(task: &str, prepare: &str, layer: &str, rest: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recipe.toml");
    let recipe = format!(
        "task = \"{task}\"\n[data]\ntrain = \"texts.csv\"\n[prepare.text]\n{prepare}\n[model]\n\
         layers = [\n  {{ embedding = {{ units = 8 }} }},\n  {layer}\n]\n{rest}"
    );
    std::fs::write(&path, recipe).unwrap();
    match Recipe::load(&path) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn recipes_for_texts_are_told_what_to_set_before_data_are_read() {
    let (classify, tag) = ("text-classification", "sequence-tagging");
    let valid = "{ conv1d = { filters = 4, kernel = 5 } }, { global_max_pool1d = {} },";
    let found = text_message(classify, "", valid, "");
    for words in [
        "recipe.toml:9:",
        "layer 2",
        "`padding = \"same\"`",
        "`length` in [prepare.text]",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
    assert_eq!(text_message(classify, "length = 32", valid, ""), "");
    let found = text_message(classify, "length = 3", valid, "");
    assert!(found.contains("layer 2"), "{found}");
    let mean = "{ global_avg_pool1d = {} },";
    assert_eq!(
        text_message(
            classify,
            "",
            mean,
            "[augment]\ndrop = 0.1\nswap = 0.1\nmask = 0.1\n"
        ),
        ""
    );
    assert_eq!(text_message(tag, "", "", "[augment]\nmask = 0.1\n"), "");
    for (task, rest, expected) in [
        (
            tag,
            "[augment]\ndrop = 0.1\n",
            "part tokens from their tags",
        ),
        (
            classify,
            "[augment]\nmask = 1.5\n",
            "1.5 is not between 0 and 1",
        ),
        (classify, "[augment]\nmsak = 0.5\n", "did you mean `mask`"),
        (
            classify,
            "[augment]\nshift = 0.5\n",
            "texts are no pictures",
        ),
    ] {
        let layer = if task == tag { "" } else { mean };
        let found = text_message(task, "", layer, rest);
        assert!(found.contains(expected), "{found}");
    }
    let other = error("shift = 0.1", "drop = 0.1");
    assert!(
        other.contains("changes tokens of texts, and there are none"),
        "{other}"
    );
    let other = error("test  = \"t10k\"", "test = \"t10k\"\nduplicates = \"drop\"");
    assert!(other.contains("looked for among texts alone"), "{other}");
}
