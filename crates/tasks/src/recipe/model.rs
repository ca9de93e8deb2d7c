//! `[model]`: the network.

use std::path::Path;

use jingwei_data::prepare::TextPreparation;
use jingwei_graph::{Dim, Shape};
use jingwei_nn::{Activation, Dense, Entry, Error, Layer, Network, Place, Sizes, zoo};
use serde::{Deserialize, Serialize};

/// The layers of the network, or one of the zoo by its name. The output layer follows from the task: unless the last
/// layer already is a dense one with a value for each class (or number to predict), one is added.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecipe {
    /// A network by name, instead of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoo: Option<Zoo>,
    /// The sizes of a sample, such as `[28, 28, 1]`; default those of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Vec<usize>>,
    /// The layers, each a table of its kind and settings, with `name` and `inputs` where they do not follow one another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Entry>,
    /// The names of the layers that answer; by default, the last one does. Several are an ensemble: each learns by a loss
    /// of its own, and the mean of what they give, logits where the task has classes, is the answer. No output layer is
    /// added to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
}

/// What a network must know of the texts that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenIds {
    /// How many there are, padding and unknown included; 0 if samples are no texts.
    pub count: usize,
    /// The first one of a word, where those below are characters; otherwise 0.
    pub first_word: usize,
}

impl TokenIds {
    /// Those of a preparation, if samples are texts.
    #[must_use]
    pub fn of(text: Option<&TextPreparation>) -> Self {
        text.map_or(Self::default(), |text| Self {
            count: text.ids(),
            first_word: text.vocabulary.first_word().unwrap_or_default() as usize,
        })
    }
}

/// A network of the zoo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zoo {
    /// [`zoo::cnn_compact`].
    CnnCompact {},
    /// [`zoo::mlp`].
    Mlp {},
    /// [`zoo::resnet`].
    Resnet(Resnet),
}

/// The settings of a residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resnet {
    /// Layers, 6n + 2; default 8.
    pub depth: usize,
    /// Filters of the first stage; default 16.
    pub width: usize,
}

impl Default for Resnet {
    fn default() -> Self {
        Self {
            depth: 8,
            width: 16,
        }
    }
}

impl ModelRecipe {
    /// Joins the paths of files that layers name to the folder that they begin at.
    pub(crate) fn begin_paths_at(&mut self, folder: &Path) {
        for entry in &mut self.layers {
            if let Layer::Embedding(embedding) = &mut entry.layer {
                let files = [&mut embedding.vectors, &mut embedding.words];
                for file in files.into_iter().flatten() {
                    *file = folder.join(&*file).display().to_string();
                }
            }
        }
    }

    /// The network for samples of these sizes that gives `outputs` values. What layers leave open follows from the token
    /// ids: the size of embeddings, and where words begin.
    ///
    /// # Errors
    /// The first layer that does not fit, with what it expected and found.
    pub fn network(
        &self,
        sizes: &Sizes,
        tokens: TokenIds,
        outputs: usize,
    ) -> Result<Network, Error> {
        let mut network = match &self.zoo {
            Some(zoo) => zoo.network(sizes, outputs)?,
            None => {
                let layers = filled_in(&self.layers, tokens, outputs);
                let named = self.outputs.clone();
                Network::from_entries(Vec::new(), layers, named).with_input(sizes.clone())
            }
        };
        if !self.outputs.is_empty() {
            network.check()?;
            return Ok(network);
        }
        let last = network.layers().last().map(|entry| entry.layer.clone());
        if let Some(Layer::Crf(field)) = last {
            network = network.without_last();
            if !ends_in(&network, outputs) {
                network = network.followed_by(output_layer(outputs));
            }
            network = network.followed_by(field);
        } else if !ends_in(&network, outputs) {
            network = network.followed_by(output_layer(outputs));
        }
        network.check()?;
        Ok(network)
    }

    /// Checks that every layer named as an output gives a value for each class, or number to predict.
    ///
    /// # Errors
    /// The first one that does not.
    pub(super) fn check_outputs(&self, network: &Network, outputs: usize) -> Result<(), Error> {
        for (index, row) in network.summary()?.rows().iter().enumerate() {
            let answers = self.outputs.contains(&row.name);
            let gives = row.output.0.iter().skip(1).next_back();
            if answers && gives != Some(&Dim::Size(outputs)) {
                return Err(Error::Shape {
                    place: Place::Layer {
                        number: index + 1,
                        name: row.name.clone(),
                    },
                    expected: format!("{outputs} values, as it is one of the outputs"),
                    found: row.output.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// The layers with what follows from the data.
fn filled_in(layers: &[Entry], tokens: TokenIds, outputs: usize) -> Vec<Entry> {
    let mut layers = layers.to_vec();
    for entry in &mut layers {
        match &mut entry.layer {
            Layer::Embedding(embedding) if embedding.input_dim == 0 && embedding.ngrams == 1 => {
                embedding.input_dim = tokens.count;
            }
            Layer::TokenFilter(filter) if filter.first_word == 0 => {
                filter.first_word = tokens.first_word;
            }
            Layer::NgramBayes(ngrams) if ngrams.units == 0 => ngrams.units = outputs,
            _ => {}
        }
    }
    layers
}

fn output_layer(outputs: usize) -> Entry {
    Entry {
        name: Some("output".to_owned()),
        ..Dense::new(outputs).into()
    }
}

/// Whether the network gives a value for each output by itself, as a sum of several layers' outputs does.
fn gives(network: &Network, outputs: usize) -> bool {
    let summary = network.summary();
    let last = summary
        .as_ref()
        .ok()
        .and_then(|summary| summary.rows().last());
    last.is_some_and(|row| row.output == Shape::batch_of(&[outputs]))
}

/// Whether the last layer is a dense one for the outputs, up to a softmax or sigmoid.
fn ends_in(network: &Network, outputs: usize) -> bool {
    let is_last = |function: &Activation| {
        matches!(
            function,
            Activation::Linear | Activation::Softmax | Activation::Sigmoid
        )
    };
    if let Some(Layer::Add(_)) = network.layers().last().map(|entry| &entry.layer) {
        return gives(network, outputs);
    }
    let mut layers = network.layers().iter().rev().map(|entry| &entry.layer);
    let last = layers.next();
    let last = match last {
        Some(Layer::Activation(function)) if is_last(function) => layers.next(),
        last => last,
    };
    match last {
        Some(Layer::Dense(dense)) => dense.units == outputs && is_last(&dense.activation),
        Some(Layer::NgramBayes(ngrams)) => ngrams.units == outputs,
        _ => false,
    }
}

impl Zoo {
    fn network(&self, sizes: &Sizes, outputs: usize) -> Result<Network, Error> {
        let known: Vec<usize> = (0..sizes.0.len())
            .filter_map(|axis| match sizes.0[axis] {
                Dim::Size(size) => Some(size),
                Dim::Symbol(_) => None,
            })
            .collect();
        let image = || {
            <[usize; 3]>::try_from(known.as_slice()).map_err(|_| Error::Shape {
                place: "model.zoo".into(),
                expected: "images [height, width, channels]".to_owned(),
                found: sizes.to_string(),
            })
        };
        Ok(match self {
            Self::CnnCompact {} => zoo::cnn_compact(image()?, outputs),
            Self::Mlp {} => zoo::mlp(known.iter().product(), outputs),
            Self::Resnet(Resnet { depth, width }) => {
                zoo::resnet(image()?, outputs, *depth, *width)?
            }
        })
    }
}
