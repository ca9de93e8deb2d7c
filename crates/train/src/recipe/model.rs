//! `[model]`: the network.

use jingwei_nn::{Activation, Dense, Entry, Error, Layer, Network, zoo};
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
    /// The network for samples of these sizes that gives `outputs` values.
    ///
    /// # Errors
    /// The first layer that does not fit, with what it expected and found.
    pub fn network(&self, sizes: &[usize], outputs: usize) -> Result<Network, Error> {
        let mut network = match &self.zoo {
            Some(zoo) => zoo.network(sizes, outputs)?,
            None => {
                Network::from_entries(Vec::new(), self.layers.clone(), Vec::new()).with_input(sizes)
            }
        };
        if !ends_in(&network, outputs) {
            network = network.followed_by(Entry {
                name: Some("output".to_owned()),
                ..Dense::new(outputs).into()
            });
        }
        network.check()?;
        Ok(network)
    }
}

/// Whether the last layer is a dense one for the outputs, up to a softmax or sigmoid.
fn ends_in(network: &Network, outputs: usize) -> bool {
    let is_last = |function: &Activation| {
        matches!(
            function,
            Activation::Linear | Activation::Softmax | Activation::Sigmoid
        )
    };
    let mut layers = network.layers().iter().rev().map(|entry| &entry.layer);
    let last = layers.next();
    let last = match last {
        Some(Layer::Activation(function)) if is_last(function) => layers.next(),
        last => last,
    };
    matches!(last, Some(Layer::Dense(dense)) if dense.units == outputs && is_last(&dense.activation))
}

impl Zoo {
    fn network(&self, sizes: &[usize], outputs: usize) -> Result<Network, Error> {
        let image = || {
            <[usize; 3]>::try_from(sizes).map_err(|_| Error::Shape {
                place: "model.zoo".to_owned(),
                expected: "images [height, width, channels]".to_owned(),
                found: format!("{sizes:?}"),
            })
        };
        Ok(match self {
            Self::CnnCompact {} => zoo::cnn_compact(image()?, outputs),
            Self::Mlp {} => zoo::mlp(sizes.iter().product(), outputs),
            Self::Resnet(Resnet { depth, width }) => {
                zoo::resnet(image()?, outputs, *depth, *width)?
            }
        })
    }
}
