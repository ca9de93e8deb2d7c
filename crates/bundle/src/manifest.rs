//! `jingwei.json`: everything that gives the numbers their meaning.

use std::path::Path;

use jingwei_data::Preparation;
use jingwei_data::texts::Scheme;
use jingwei_engine::Layout;
use jingwei_graph::{Dim, Graph, NodeId};
use serde::{Deserialize, Serialize};

use crate::{Error, Limits, Result, seal};

/// The name of the format, as it stands in every manifest.
pub const FORMAT: &str = "jingwei-bundle";
/// The version of the format that this library writes, and the latest that it reads.
pub const VERSION: u32 = 1;

/// The content of `jingwei.json` behind its digest, which [`crate::seal()`] puts in front.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The version of the library that wrote the bundle.
    pub library: String,
    /// What the model is for, as in the recipe, such as `image-classification`.
    pub task: String,
    /// What the graph reads, in the order of its nodes.
    pub inputs: Vec<InputEntry>,
    /// What the graph gives, the main output first.
    pub outputs: Vec<OutputEntry>,
    /// The tensors that training changed.
    pub parameters: Vec<TensorEntry>,
    /// The tensors that training gathered, such as running statistics.
    pub states: Vec<TensorEntry>,
    /// From raw records to inputs; absent if the model reads prepared numbers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
    /// How files are read that hold the same kind of records; absent if nobody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// The predictions that prove that the model works as it did when it was made.
    pub recorded: Recorded,
    /// `model.safetensors`.
    pub weights: WeightsEntry,
    /// How good the model is, in any form; nothing is computed from it.
    pub metrics: serde_json::Value,
    /// The computation, with a symbol for the batch size.
    pub graph: Graph,
}

/// Where in files records and answers stand, as in the training.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reading {
    /// The column that holds the class, or those of the numbers to predict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<String>,
    /// The column of a table, or the key of a JSON line, that holds the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The character between several labels of one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<char>,
    /// How tags mark spans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
}

/// An input of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputEntry {
    /// Its name.
    pub name: String,
    /// The sizes of one sample; one of them may be `"time"`, the length of a sequence.
    pub shape: Vec<Dim>,
}

/// An output of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputEntry {
    /// Its name.
    pub name: String,
    /// The place of the node that computes it.
    pub node: NodeId,
    /// The sizes for one sample; one of them may be `"time"`.
    pub shape: Vec<Dim>,
    /// What the values are.
    pub kind: OutputKind,
}

macro_rules! sample_sizes {
    ($($entry:ty),*) => {
        $(impl $entry {
            /// The sizes of one sample, of sequences of length `time` if it is one.
            #[must_use]
            pub fn sizes(&self, time: usize) -> Vec<usize> {
                let size = |dim: &Dim| match dim {
                    Dim::Size(size) => *size,
                    Dim::Symbol(_) => time,
                };
                self.shape.iter().map(size).collect()
            }

            /// The number of values of one sample; of a sequence, that of one step.
            #[must_use]
            pub fn len(&self) -> usize {
                self.sizes(1).iter().product()
            }

            /// Whether there are no values.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether a sample is a sequence of any length.
            #[must_use]
            pub fn is_sequence(&self) -> bool {
                self.shape.iter().any(|dim| matches!(dim, Dim::Symbol(_)))
            }
        })*
    };
}

sample_sizes!(InputEntry, OutputEntry);

/// What the values of an output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// A probability for each class; a single value is the probability of the second of two classes.
    Probabilities,
    /// A probability for each of several classes that do not exclude each other.
    Labels,
    /// The number of a tag for each step of a sequence, or a probability for each tag and step.
    Tags,
    /// Numbers, on the scale that the preparation gives to targets.
    Values,
}

/// A tensor of `model.safetensors`, always of 32-bit floats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorEntry {
    /// Its name, unique in the bundle.
    pub name: String,
    /// The sizes, outermost first.
    pub shape: Vec<usize>,
}

impl TensorEntry {
    /// The number of bytes, if it can be counted.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let count = |product: u64, &size: &usize| product.checked_mul(size as u64);
        self.shape.iter().try_fold(4, count)
    }

    /// The tensors of a layout.
    pub(crate) fn list(layout: &Layout) -> Vec<Self> {
        let entry = |entry: &jingwei_engine::Entry| Self {
            name: entry.name.clone(),
            shape: entry.sizes.clone(),
        };
        layout.entries().iter().map(entry).collect()
    }
}

/// How the recorded predictions were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The number of samples, which is also the batch size.
    pub samples: usize,
    /// The length of the sequences, padding included; 0 if samples are no sequences.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub time: usize,
    /// The SIMD level.
    pub level: String,
    /// The raw records that the recorded samples were prepared from; absent if only prepared numbers are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordedRecords>,
}

/// The raw records behind recorded samples, which were made up from what the preparation learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedRecords {
    /// Pixels or columns, in the tensor `recorded/raw`.
    Numbers,
    /// Texts, one a sample.
    Texts(Vec<RecordedText>),
}

/// A recorded text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedText {
    /// As people write it.
    Text(String),
    /// In tokens, with a line feed between them.
    Tokens(String),
}

fn is_zero(time: &usize) -> bool {
    *time == 0
}

/// What `model.safetensors` must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsEntry {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// [`crate::weights_hash`] of the parameters.
    pub parameters_sha256: String,
}

/// The fields that every version of the format has.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u64,
    #[serde(default)]
    library: String,
}

impl Manifest {
    /// Reads and checks a manifest; `path` names it in messages.
    pub(crate) fn parse(bytes: Vec<u8>, path: &Path, limits: &Limits) -> Result<Self> {
        let header: Header = serde_json::from_slice(&bytes)
            .map_err(|error| Error::refused(path, format!("is no manifest: {error}")))?;
        if header.format != FORMAT {
            let cause = format!("states the format `{:.64}`, not `{FORMAT}`", header.format);
            return Err(Error::refused(path, cause));
        }
        if header.version > u64::from(VERSION) {
            return Err(Error::Newer {
                path: path.to_owned(),
                found: header.version,
                library: header.library,
                known: VERSION,
            });
        }
        let bytes = seal::open(bytes).map_err(|cause| Error::refused(path, cause))?;
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| Error::refused(path, error))?;
        manifest
            .check(limits)
            .map_err(|cause| Error::refused(path, cause))?;
        Ok(manifest)
    }
}
