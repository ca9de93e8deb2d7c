//! Jingwei trains neural networks on ordinary processors, and gives the same result every time.
//!
//! ```no_run
//! use jingwei::prelude::*;
//!
//! let train = jingwei::read("data/fashion-mnist/train")?;
//! let test = jingwei::read("data/fashion-mnist/t10k")?;
//! let mut model = Sequential::new([28, 28, 1])
//!     .conv2d(32, 3).relu().max_pool2d(2)
//!     .conv2d(64, 3).relu().max_pool2d(2)
//!     .flatten().dense(128).relu().dense(10)
//!     .compile(Adam::new(1e-3), SparseCategoricalCrossEntropy::from_logits(), [Accuracy])?;
//! let history = model.fit(&train, Fit::new().epochs(10).batch_size(64))?;
//! println!("{}", model.evaluate(&test)?);
//! let probabilities = model.predict(&test)?; // &self, from many threads at once
//! model.save("mnist.bundle")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crates behind it, in the order in which data travels: [`data`] reads, cuts and prepares; [`graph`] holds what is
//! computed, and differentiates it; [`engine`] lowers it to fused kernels ([`kernels`]) in planned memory; [`nn`] has
//! layers, losses, optimisers; [`train`] fits; [`tasks`] goes all the way from a recipe to a report; [`bundle`] keeps the
//! result.

pub use jingwei_bundle as bundle;
pub use jingwei_data as data;
pub use jingwei_engine as engine;
pub use jingwei_graph as graph;
pub use jingwei_kernels as kernels;
pub use jingwei_nn as nn;
pub use jingwei_tasks as tasks;
pub use jingwei_train as train;

pub use jingwei_train::{Error, load};

use std::path::Path;
use std::sync::Arc;

use data::csv::CsvTarget;
use data::source::{ReadOptions, read as read_source};
use data::split::{SplitOptions, by_fraction};
use data::texts::ReadOptions as TextReadOptions;
use data::{Dataset, Features, Limits, Targets, TextColumn};

/// What programs use most.
///
/// ```
/// use jingwei::prelude::*;
/// let network = Sequential::new([30]).dense(128).relu().dense(64).relu().dense(2);
/// assert_eq!(network.summary()?.parameters(), 12_354);
/// # Ok::<(), jingwei::nn::Error>(())
/// ```
pub mod prelude {
    pub use jingwei_data::prepare::{PrepareOptions, TextOptions};
    pub use jingwei_data::split::{self, SplitOptions};
    pub use jingwei_data::{Augment, Dataset, Features, Targets};
    pub use jingwei_engine::{Level, Precision, Runtime};
    pub use jingwei_metrics::Metric::{self, Accuracy, LogLoss, Mae, Mse, R2, Rmse};
    pub use jingwei_nn::{
        Activation, Adam, AdamW, AvgPool2d, BatchNorm, BinaryCrossEntropy, CategoricalCrossEntropy,
        Clip, Conv1d, Conv2d, Crf, Dense, Dropout, Embedding, Flatten, GlobalAvgPool1d,
        GlobalMaxPool1d, Gru, Huber, Initializer, LayerNorm, Lstm, MaxPool2d, MeanAbsoluteError,
        MeanSquaredError, MultiHeadAttention, Network, Padding, RmsNorm, RmsProp, Schedule,
        SequencePadding, Sequential, Sgd, SimpleRnn, SparseCategoricalCrossEntropy, TIME,
        TransformerDecoder, TransformerEncoder, zoo,
    };
    pub use jingwei_train::fit::{EarlyStopping, Monitor, Observer};
    pub use jingwei_train::{Compile, Fit, History, Model, Outputs, Scores, load};
}

/// Reads pictures with their classes: a folder of class folders of pictures of one size, a pair of IDX files by the
/// beginning of their names, or CIFAR-10's binary files.
///
/// # Errors
/// If the files are missing or not what they should be; with file and record.
pub fn read(path: impl AsRef<Path>) -> Result<Dataset, Error> {
    let path = path.as_ref();
    let size = match data::inspect::inspect(path, &Limits::default())?
        .shape
        .as_deref()
    {
        Some(&[height, width, channels]) => Some(data::image::Size {
            height,
            width,
            channels,
        }),
        _ => None,
    };
    Ok(read_source(
        path,
        &ReadOptions {
            size,
            ..ReadOptions::default()
        },
        &Limits::default(),
    )?)
}

/// Reads a table of numbers whose column `class` names the class of each row.
///
/// # Errors
/// If the file is missing or not what it should be; with file, line and column.
pub fn read_table(path: impl AsRef<Path>, class: &str) -> Result<Dataset, Error> {
    let options = ReadOptions {
        target: CsvTarget::Class(class.to_owned()),
        ..ReadOptions::default()
    };
    Ok(read_source(path.as_ref(), &options, &Limits::default())?)
}

/// Reads texts with the class of each: a table or JSON Lines with the columns `text` and `class`, or a folder of class
/// folders of text files. The encoding is found out.
///
/// # Errors
/// If the file is missing or not what it should be; with file and line.
pub fn read_texts(path: impl AsRef<Path>, class: &str) -> Result<Dataset, Error> {
    let options = TextReadOptions {
        label: Some(class.to_owned()),
        ..TextReadOptions::default()
    };
    Ok(data::texts::read_texts(path.as_ref(), &options, None)?)
}

/// Texts without classes, to predict from.
///
/// ```
/// let texts = jingwei::texts(["房间很干净", "never again"])?;
/// assert_eq!(texts.len(), 2);
/// # Ok::<(), jingwei::Error>(())
/// ```
///
/// # Errors
/// If there is no text.
pub fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Dataset, Error> {
    let column = TextColumn {
        texts: Arc::new(texts.into_iter().collect()),
        tokenised: false,
    };
    Ok(Dataset::new(Features::Texts(column), Targets::None)?)
}

/// Cuts a dataset into a part to train on and a part of `fraction` to measure on; each class gives its share.
///
/// # Errors
/// If the fraction is not between 0 and 1, or a part would be empty.
///
/// ```
/// use jingwei::prelude::*;
/// let features = Features::Rows { columns: vec!["x".into()], values: (0..10).map(|x| x as f32).collect() };
/// let names = vec!["even".into(), "odd".into()];
/// let targets = Targets::Classes { names, labels: (0..10).map(|x| x % 2).collect() };
/// let (train, test) = jingwei::split(&Dataset::new(features, targets)?, 0.2, 0)?;
/// assert_eq!((train.len(), test.len()), (8, 2));
/// # Ok::<(), jingwei::Error>(())
/// ```
pub fn split(dataset: &Dataset, fraction: f64, seed: u64) -> Result<(Dataset, Dataset), Error> {
    let options = SplitOptions {
        fraction,
        seed,
        ..SplitOptions::default()
    };
    let split = by_fraction(dataset, &dataset.indices(), options)?;
    Ok((part(dataset, &split.train)?, part(dataset, &split.held)?))
}

/// The samples named by `indices` as a dataset of their own.
fn part(dataset: &Dataset, indices: &[usize]) -> Result<Dataset, Error> {
    let len = dataset.features().sample_len();
    let features = match dataset.features() {
        Features::Images {
            height,
            width,
            channels,
            pixels,
        } => Features::Images {
            height: *height,
            width: *width,
            channels: *channels,
            pixels: indices
                .iter()
                .flat_map(|&index| &pixels[index * len..][..len])
                .copied()
                .collect(),
        },
        Features::Rows { columns, values } => Features::Rows {
            columns: columns.clone(),
            values: indices
                .iter()
                .flat_map(|&index| &values[index * len..][..len])
                .copied()
                .collect(),
        },
        Features::Texts(column) => {
            let texts = indices.iter().map(|&index| column.texts.get(index));
            let texts = texts.collect::<Result<Vec<_>, _>>();
            Features::Texts(TextColumn {
                texts: Arc::new(texts.map_err(data::Error::from)?.iter().collect()),
                tokenised: column.tokenised,
            })
        }
    };
    let targets = match dataset.targets() {
        Targets::Classes { names, labels } => Targets::Classes {
            names: names.clone(),
            labels: indices.iter().map(|&index| labels[index]).collect(),
        },
        Targets::Labels { names, labels } => Targets::Labels {
            names: names.clone(),
            labels: labels.chosen(indices),
        },
        Targets::Tags { names, tags } => Targets::Tags {
            names: names.clone(),
            tags: tags.chosen(indices),
        },
        Targets::Values { names, values } => Targets::Values {
            names: names.clone(),
            values: indices
                .iter()
                .flat_map(|&index| &values[index * names.len()..][..names.len()])
                .copied()
                .collect(),
        },
        Targets::None => Targets::None,
    };
    Ok(Dataset::new(features, targets)?)
}
