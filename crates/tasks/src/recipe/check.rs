//! What serde cannot check: ranges, what fits together, and the shapes of all layers.

use std::path::Path;

use jingwei_data::prepare::Tokenizer;
use jingwei_nn::{Clip, Layer, Loss, Place, Sizes, Updater};
use jingwei_train::fit::{Functions, MOST_SIZE, OUTPUTS, Objective, for_loss};

use super::bounds::check_numbers;
use super::place::{Source, Step};
use super::{Part, Recipe, RecipeError, TokenIds};
use crate::Error;
use crate::task::{Misfit, OutputShape};

/// Checks a recipe; `folder` is where its paths begin.
pub(super) fn check(recipe: &Recipe, source: &Source, folder: Option<&Path>) -> Result<(), Error> {
    let wrong = |error: RecipeError| Error::Recipe(Box::new(error));
    check_numbers(source).map_err(wrong)?;
    check_train(recipe, source).map_err(wrong)?;
    check_data(recipe, source).map_err(wrong)?;
    check_model(recipe, source, folder.unwrap_or(Path::new(""))).map_err(wrong)
}

fn check_train(recipe: &Recipe, source: &Source) -> Result<(), RecipeError> {
    let at = |key: &str, message: String, remedy: &str| {
        Err(source.error_at(
            &[Step::Key("train"), Step::Key(key)],
            message,
            remedy.to_owned(),
        ))
    };
    let train = &recipe.train;
    match (train.epochs, train.batch_size) {
        (0, _) => {
            return at(
                "epochs",
                "no epochs".to_owned(),
                "train for 1 or more, such as 10",
            );
        }
        (_, 0) => {
            return at(
                "batch_size",
                "no samples a step".to_owned(),
                "take 1 or more, such as 64",
            );
        }
        (_, size) if size > MOST_SIZE => {
            let message = format!("{size} samples a step are more than a batch may have");
            let remedy = format!("take at most {MOST_SIZE}, such as 64");
            return at("batch_size", message, &remedy);
        }
        _ => {}
    }
    let options = recipe.fit_options();
    let checks = [
        ("optimizer", train.optimizer.check()),
        ("schedule", options.learning_rate().check()),
        ("clip", train.clip.check()),
        (
            "ema",
            Updater::new(&train.optimizer, Clip::default(), train.ema, &[]).map(|_| ()),
        ),
    ];
    for (key, check) in checks {
        if let Err(error) = check {
            return at(key, error.to_string(), "");
        }
    }
    if let Err(error) = recipe.augment.check() {
        return Err(source.error_at(&[Step::Key("augment")], error.to_string(), String::new()));
    }
    if let Err(Misfit {
        path,
        message,
        remedy,
    }) = recipe.task.check(recipe)
    {
        let path: Vec<Step<'_>> = path.into_iter().map(Step::Key).collect();
        return Err(source.error_at(&path, message, remedy));
    }
    let metrics = recipe.metrics().into_iter();
    let misfit = |metric| recipe.task.check_metric(recipe, metric).err();
    if let Some(error) = metrics.filter_map(misfit).next() {
        return at("metrics", error.to_string(), "");
    }
    check_stopping(recipe, source)?;
    check_loss(recipe, source)
}

fn check_stopping(recipe: &Recipe, source: &Source) -> Result<(), RecipeError> {
    let Some(stopping) = &recipe.train.early_stopping else {
        return Ok(());
    };
    let path = [
        Step::Key("train"),
        Step::Key("early_stopping"),
        Step::Key("monitor"),
    ];
    let monitor = &stopping.monitor;
    if monitor.valid && recipe.data.valid == Part::None {
        let message =
            format!("early stopping watches `{monitor}`, but there is no validation part");
        return Err(source.error_at(
            &path,
            message,
            "set `valid` in [data], or watch train.loss".to_owned(),
        ));
    }
    let measured = recipe
        .metrics()
        .iter()
        .any(|metric| metric.to_string() == monitor.series);
    let in_training = !monitor.valid && (monitor.series == "accuracy" && recipe.task.has_classes());
    if monitor.series == "loss" || (monitor.valid && measured) || in_training {
        return Ok(());
    }
    let message = format!("early stopping watches `{monitor}`, which is not measured");
    let remedy = format!(
        "add `{}` to `metrics` in [train] and watch valid.{}",
        monitor.series, monitor.series
    );
    Err(source.error_at(&path, message, remedy))
}

fn check_loss(recipe: &Recipe, source: &Source) -> Result<(), RecipeError> {
    let Some(loss) = recipe.train.loss else {
        return Ok(());
    };
    let for_classes = matches!(
        loss,
        Loss::SparseCategoricalCrossEntropy(_)
            | Loss::CategoricalCrossEntropy(_)
            | Loss::BinaryCrossEntropy(_)
    );
    let remedy = match (for_classes, recipe.task.has_classes()) {
        (true, false) => "use mse, mae or huber",
        (false, true) => "use sparse_categorical_cross_entropy",
        _ => return Ok(()),
    };
    let message = format!(
        "the loss `{}` does not fit the task {}",
        loss.name(),
        recipe.task.words()
    );
    Err(source.error_at(
        &[Step::Key("train"), Step::Key("loss")],
        message,
        remedy.to_owned(),
    ))
}

fn check_data(recipe: &Recipe, source: &Source) -> Result<(), RecipeError> {
    for (key, part) in [("valid", &recipe.data.valid), ("test", &recipe.data.test)] {
        let Part::Held(held) = part else { continue };
        if !(held.fraction > 0.0 && held.fraction < 1.0) {
            let path = [Step::Key("data"), Step::Key(key), Step::Key("fraction")];
            let message = format!("a share of {} is not above 0 and below 1", held.fraction);
            return Err(source.error_at(
                &path,
                message,
                format!("hold back a share such as 0.1, or set `{key} = false`"),
            ));
        }
    }
    Ok(())
}

/// Builds the network for samples whose sizes are known without the data.
fn check_model(recipe: &Recipe, source: &Source, folder: &Path) -> Result<(), RecipeError> {
    let model = &recipe.model;
    let key = if model.zoo.is_some() { "zoo" } else { "layers" };
    if model.zoo.is_some() && !model.outputs.is_empty() {
        return Err(source.error_at(
            &[Step::Key("model"), Step::Key("outputs")],
            "networks of the zoo have an output of their own".to_owned(),
            "leave `outputs` out, or write `layers`".to_owned(),
        ));
    }
    if model.zoo.is_some() != model.layers.is_empty() {
        let (message, remedy) = match model.zoo {
            Some(_) => ("both `zoo` and `layers` are given", "keep one of them"),
            None => (
                "the network has no layers",
                "add `layers`, or `zoo` with the name of a network",
            ),
        };
        return Err(source.error_at(
            &[Step::Key("model"), Step::Key(key)],
            message.to_owned(),
            remedy.to_owned(),
        ));
    }
    check_files(recipe, source, folder)?;
    let Some(outline) = Outline::new(recipe, folder) else {
        return Ok(());
    };
    let Outline {
        sizes,
        tokens,
        outputs,
    } = outline;
    network_error(recipe, source, &sizes, tokens, outputs).map_or(Ok(()), Err)
}

/// What a network must know of its data, as far as the recipe and the first bytes of the data tell it.
pub(super) struct Outline {
    pub(super) sizes: Sizes,
    pub(super) tokens: TokenIds,
    pub(super) outputs: usize,
}

impl Outline {
    /// `None` if the sizes of samples are known only from the data.
    pub(super) fn new(recipe: &Recipe, folder: &Path) -> Option<Self> {
        let sizes = recipe.task.sizes(recipe, folder)?;
        let outputs = recipe.task.outputs(recipe);
        let first_word = match recipe.prepare.text.tokenizer {
            Tokenizer::WordsAndCharacters(_) => ANY_VOCABULARY / 2,
            _ => 0,
        };
        let tokens = TokenIds {
            count: ANY_VOCABULARY,
            first_word,
        };
        Some(Self {
            sizes,
            tokens,
            outputs,
        })
    }
}

/// Whether the files that layers name are there.
fn check_files(recipe: &Recipe, source: &Source, folder: &Path) -> Result<(), RecipeError> {
    for (number, entry) in recipe.model.layers.iter().enumerate() {
        let Layer::Embedding(embedding) = &entry.layer else {
            continue;
        };
        for (key, file) in [("vectors", &embedding.vectors), ("words", &embedding.words)] {
            let Some(file) = file.as_ref().filter(|file| !folder.join(file).is_file()) else {
                continue;
            };
            let steps = [
                Step::Key("model"),
                Step::Key("layers"),
                Step::Index(number),
                Step::Key("embedding"),
                Step::Key(key),
            ];
            let message = format!("there is no file {}", folder.join(file).display());
            let remedy = "paths begin at the folder of the recipe".to_owned();
            return Err(source.error_at(&steps, message, remedy));
        }
    }
    Ok(())
}

/// The size of a vocabulary that is not known yet.
const ANY_VOCABULARY: usize = 1000;

/// What is wrong with the shape of the network's output.
fn misshapen(expected: OutputShape, functions: &Functions) -> Option<String> {
    let training = &functions.training;
    let shape = training.graph.shape(*training.outputs.get(1)?);
    let (rank, expected) = expected.expected();
    (shape.rank() != rank)
        .then(|| format!("the network's output: expected {expected}, found {shape}"))
}

/// What is wrong with the network for samples of these sizes, if anything, at its place in the recipe. Whether the named
/// outputs are as many values as `outputs` says is checked where the data have said it.
pub(super) fn network_error(
    recipe: &Recipe,
    source: &Source,
    sizes: &Sizes,
    tokens: TokenIds,
    outputs: usize,
) -> Option<RecipeError> {
    let built = recipe
        .model
        .network(sizes, tokens, outputs)
        .map_err(Error::from);
    let checked = built
        .and_then(|network| Ok(for_loss(network, &recipe.loss())?))
        .and_then(|network| Ok(Functions::new(&network, &Objective::new(recipe.loss()))?));
    let error = match checked {
        Ok(functions) => {
            let message = misshapen(recipe.task.output_shape(), &functions)?;
            let path = [Step::Key("model"), Step::Key("layers")];
            return Some(source.error_at(&path, message, String::new()));
        }
        Err(error) => error,
    };
    let place = match &error {
        Error::Network(error) => error.place(),
        Error::Setting { name, .. } if name == OUTPUTS => Some(&Place::Outputs),
        _ => None,
    };
    let mut path = vec![Step::Key("model")];
    match place {
        Some(Place::Outputs) => path.push(Step::Key("outputs")),
        Some(Place::Layer { number, .. }) => {
            path.extend([Step::Key("layers"), Step::Index(number - 1)]);
        }
        Some(Place::Other(_)) | None => path.push(Step::Key("layers")),
    }
    let remedy = match &error {
        Error::Network(jingwei_nn::Error::OpenLength { .. }) => {
            "set the layer's `padding = \"same\"`, or `length` in [prepare.text], such as 128"
        }
        _ => "",
    };
    Some(source.error_at(&path, error.to_string(), remedy.to_owned()))
}
