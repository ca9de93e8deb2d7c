//! Measuring the training step and the predictions of known networks.
//!
//! 1. [`Workload`] names a network, its batch and its data;
//! 2. [`start`] takes first weights and batches from a file, so that a peer can start from the same place;
//! 3. [`training`] measures the loop that `jingwei train` runs, and the bare step inside it;
//! 4. [`inference`] measures predictions;
//! 5. [`clock`] takes medians.

pub mod clock;
pub mod inference;
pub mod start;
pub mod training;

use clap::ValueEnum;
use jingwei_nn::{Network, zoo};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Workload {
    /// Dense 128-64-2 on 30 numbers, batches of 32
    Mlp,
    /// Two convolutions and two dense layers on 28 × 28 grey images, batches of 64
    CnnMnist,
    /// Three convolutions and two dense layers on 32 × 32 colour images, batches of 64
    CnnCifar,
    /// Embedding of 20,000 tokens, convolution, maximum over time, on texts of 200 tokens, batches of 32
    Textcnn,
    /// The same with 1,000,000 tokens
    #[value(name = "textcnn_1m")]
    TextcnnMillion,
    /// GPT of 4 layers, 4 heads and 128 channels on 64 tokens, batches of 12
    GptSmall,
    /// GPT of 6 layers, 6 heads and 384 channels on 256 tokens, batches of 16
    #[value(name = "gpt_10m")]
    Gpt10m,
    /// Embedding of 10,000 tokens and an LSTM of 128 on texts of 100 tokens, batches of 32
    Lstm,
}

/// Batches of an epoch.
pub const BATCHES: usize = 20;

impl Workload {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Mlp,
        Self::CnnMnist,
        Self::CnnCifar,
        Self::Textcnn,
        Self::TextcnnMillion,
        Self::GptSmall,
        Self::Gpt10m,
        Self::Lstm,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::CnnMnist => "cnn_mnist",
            Self::CnnCifar => "cnn_cifar",
            Self::Textcnn => "textcnn",
            Self::TextcnnMillion => "textcnn_1m",
            Self::GptSmall => "gpt_small",
            Self::Gpt10m => "gpt_10m",
            Self::Lstm => "lstm",
        }
    }

    /// The network, whose outputs are logits.
    pub fn network(self) -> Network {
        match self {
            Self::Mlp => zoo::mlp(30, 2),
            Self::CnnMnist => zoo::cnn_mnist(),
            Self::CnnCifar => zoo::cnn_cifar(),
            Self::Textcnn => zoo::textcnn(20_000, 200, 2),
            Self::TextcnnMillion => zoo::textcnn(1_000_000, 200, 2),
            Self::GptSmall => gpt(4, 4, 128, 64),
            Self::Gpt10m => gpt(6, 6, 384, 256),
            Self::Lstm => zoo::lstm(10_000, 100, 3),
        }
    }

    /// The number of tokens of texts.
    pub fn vocabulary(self) -> Option<usize> {
        match self {
            Self::Textcnn => Some(20_000),
            Self::TextcnnMillion => Some(1_000_000),
            Self::GptSmall | Self::Gpt10m => Some(CHARACTERS),
            Self::Lstm => Some(10_000),
            _ => None,
        }
    }

    /// The sizes of a sample.
    pub fn sizes(self) -> &'static [usize] {
        match self {
            Self::Mlp => &[30],
            Self::CnnMnist => &[28, 28, 1],
            Self::CnnCifar => &[32, 32, 3],
            Self::Textcnn | Self::TextcnnMillion => &[200],
            Self::GptSmall => &[64],
            Self::Gpt10m => &[256],
            Self::Lstm => &[100],
        }
    }

    /// Numbers of a sample.
    pub fn sample_len(self) -> usize {
        self.sizes().iter().product()
    }

    /// Classes.
    pub fn classes(self) -> usize {
        match self {
            Self::Mlp | Self::Textcnn | Self::TextcnnMillion => 2,
            Self::Lstm => 3,
            Self::CnnMnist | Self::CnnCifar => 10,
            Self::GptSmall | Self::Gpt10m => CHARACTERS,
        }
    }

    /// Samples of a batch.
    pub fn batch(self) -> usize {
        match self {
            Self::Mlp | Self::Textcnn | Self::TextcnnMillion | Self::Lstm => 32,
            Self::CnnMnist | Self::CnnCifar => 64,
            Self::GptSmall => 12,
            Self::Gpt10m => 16,
        }
    }

    /// Whether there is a class for each token of a sample.
    pub fn is_language_model(self) -> bool {
        matches!(self, Self::GptSmall | Self::Gpt10m)
    }

    /// Labels of a sample.
    pub fn labels_len(self) -> usize {
        match self.is_language_model() {
            true => self.sample_len(),
            false => 1,
        }
    }
}

/// Token ids of a language model.
const CHARACTERS: usize = 65;

/// A language model of texts of one length.
fn gpt(layers: usize, heads: usize, width: usize, length: usize) -> Network {
    let sizes = zoo::TransformerSizes {
        vocabulary: CHARACTERS,
        length,
        layers,
        heads,
        width,
    };
    zoo::gpt(sizes).with_input([length])
}
