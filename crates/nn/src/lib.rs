//! Neural networks for Jingwei: what is built of layers, how it starts, what it minimises and how it is updated.
//!
//! 1. [`layers`]: settings with Keras's names and defaults, the same types in a recipe and in Rust;
//! 2. [`Sequential`] and [`Network`]: layers one after another, or connected in any way without a loop;
//! 3. [`Network::build`]: nodes of a [`jingwei_graph::Graph`], with a list of parameters, states and penalties;
//! 4. [`Initializer`]: the first values of parameters, a pure function of seed and name;
//! 5. [`Loss`]: one value a sample, from logits, and how they become one number;
//! 6. [`Optimizer`], [`Clip`], [`Average`] and [`Schedule`]: one step of training on flat buffers;
//! 7. [`zoo`]: networks by name.
//!
//! Nothing here needs files, a clock or a network connection.

mod error;

mod build;
mod entry;
pub mod initializer;
pub mod layers;
pub mod losses;
mod named;
mod network;
mod optimizer;
mod pair;
mod random;
pub mod schedule;
mod sequential;
mod sizes;
mod summary;
mod updater;
pub mod zoo;

pub use build::{Built, Mode, ParameterSpec, Prior, StateSpec};
pub use entry::Entry;
pub use error::{Error, Place};
pub use initializer::{Fans, Initializer, Uniform};
pub use layers::{
    Activation, Add, AvgPool1d, AvgPool2d, BatchNorm, Concat, Conv1d, Conv2d, Dense, Dropout,
    Embedding, Flatten, GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d, Gru,
    Layer, LayerNorm, LeakyRelu, Lstm, MaxPool1d, MaxPool2d, Merge, MultiHeadAttention, NgramBayes,
    Padding, PositionalEmbedding, Regularizer, Reshape, RmsNorm, SequencePadding, SimpleRnn,
    SinusoidalPositions, SpatialDropout1d, TokenFilter, TokenKind, TransformerDecoder,
    TransformerEncoder,
};
pub use layers::{Crf, Field};
pub use losses::{
    BinaryCrossEntropy, CategoricalCrossEntropy, Huber, Loss, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossEntropy, class_weights, mean_loss, total_loss,
};
pub use network::{InputSpec, Network, Value, Values};
pub use optimizer::{Adam, AdamW, Optimizer, RmsProp, Sgd};
pub use pair::Pair;
pub use schedule::{Duration, LearningRate, PlateauState, ReduceOnPlateau, Schedule};
pub use sequential::Sequential;
pub use sizes::{Sizes, TIME};
pub use summary::{Summary, SummaryRow};
pub use updater::{Average, Clip, Span, StepScalars, TableSpan, Updater};

/// The result of building a network.
pub type Result<T> = std::result::Result<T, Error>;
