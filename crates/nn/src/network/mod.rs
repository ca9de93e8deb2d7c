//! Layers connected to a network.

mod resolve;

use jingwei_graph::{Graph, NodeId};
use serde::{Deserialize, Serialize};

use resolve::place;

use crate::build::Builder;
use crate::layers::{Activation, Add, Concat};
use crate::{Built, Entry, Error, Layer, Mode, Result, Sizes, Summary};

/// A value that flows through a [`Network`]: an input, or what a layer makes of its own inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(usize);

/// What a layer takes: one value or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(Vec<Value>);

impl From<Value> for Values {
    fn from(value: Value) -> Self {
        Self(vec![value])
    }
}

impl<const N: usize> From<[Value; N]> for Values {
    fn from(values: [Value; N]) -> Self {
        Self(values.to_vec())
    }
}

impl From<&[Value]> for Values {
    fn from(values: &[Value]) -> Self {
        Self(values.to_vec())
    }
}

impl From<Vec<Value>> for Values {
    fn from(values: Vec<Value>) -> Self {
        Self(values)
    }
}

/// An input of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Unique in the network.
    pub name: String,
    /// The sizes of a sample, without the batch.
    pub sizes: Sizes,
}

/// Named layers, each of which takes inputs of the network or earlier layers.
///
/// What does not fit together is reported by [`Network::check`], [`Network::summary`] and [`Network::build`], with the
/// layer, what it expected and what it found; the methods that add layers never fail.
///
/// ```
/// use jingwei_nn::{Activation, Conv2d, Dense, Flatten, Network, Padding};
/// let mut network = Network::new();
/// let image = network.input([8, 8, 3]);
/// let conv = || Conv2d::new(16, 3).padding(Padding::Same);
/// let stem = network.layer(image, conv().activation(Activation::Relu));
/// let branch = network.layer(stem, conv());
/// let sum = network.sum([stem, branch]);
/// let flat = network.layer(sum, Flatten {});
/// let logits = network.layer(flat, Dense::new(10));
/// network.output(logits);
/// assert_eq!(network.summary()?.parameters(), 448 + 2320 + 10250);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The inputs; a recipe may leave them out, as they follow from its data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<InputSpec>,
    /// The layers, each after those that it takes.
    layers: Vec<Entry>,
    /// The names of the outputs; if there are none, the last layer is the output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<String>,
}

/// Adding layers from Rust.
impl Network {
    /// A network without layers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input of samples of these sizes, named `input`, the next ones `input_2` and so on.
    pub fn input(&mut self, sizes: impl Into<Sizes>) -> Value {
        let name = match self.inputs.len() {
            0 => "input".to_owned(),
            count => format!("input_{}", count + 1),
        };
        self.named_input(name, sizes)
    }

    /// Adds an input with a name. Inputs come before layers.
    ///
    /// # Panics
    /// If the network already has layers.
    pub fn named_input(&mut self, name: impl Into<String>, sizes: impl Into<Sizes>) -> Value {
        assert!(
            self.layers.is_empty(),
            "add all inputs of a network before its first layer"
        );
        self.inputs.push(InputSpec {
            name: name.into(),
            sizes: sizes.into(),
        });
        Value(self.inputs.len() - 1)
    }

    /// Adds a layer.
    pub fn layer(&mut self, inputs: impl Into<Values>, layer: impl Into<Layer>) -> Value {
        let layer = layer.into();
        let taken: Vec<String> = (0..self.count())
            .map(|index| self.name_of(Value(index)))
            .collect();
        let name = (1..)
            .map(|number| format!("{}_{number}", layer.kind()))
            .find(|name| !taken.contains(name));
        self.named_layer(name.unwrap_or_default(), inputs, layer)
    }

    /// Adds a layer with a name.
    pub fn named_layer(
        &mut self,
        name: impl Into<String>,
        inputs: impl Into<Values>,
        layer: impl Into<Layer>,
    ) -> Value {
        let inputs = inputs
            .into()
            .0
            .into_iter()
            .map(|value| self.name_of(value))
            .collect();
        self.layers.push(Entry {
            name: Some(name.into()),
            inputs,
            layer: layer.into(),
        });
        Value(self.count() - 1)
    }

    /// Adds the sum of values of one shape.
    pub fn sum(&mut self, inputs: impl Into<Values>) -> Value {
        self.layer(inputs, Add {})
    }

    /// Adds values side by side along the last dimension.
    pub fn concat(&mut self, inputs: impl Into<Values>) -> Value {
        self.layer(inputs, Concat::default())
    }

    /// Makes a value an output. Without any, the last layer is the output.
    pub fn output(&mut self, value: Value) {
        let name = self.name_of(value);
        self.outputs.push(name);
    }

    fn count(&self) -> usize {
        self.inputs.len() + self.layers.len()
    }

    fn name_of(&self, value: Value) -> String {
        match value.0.checked_sub(self.inputs.len()) {
            None => self.inputs[value.0].name.clone(),
            Some(index) => self
                .layers
                .get(index)
                .and_then(|entry| entry.name.clone())
                .unwrap_or_default(),
        }
    }
}

/// Taking a network apart.
impl Network {
    /// A network from a list of layers, as a recipe holds it.
    #[must_use]
    pub fn from_entries(inputs: Vec<InputSpec>, layers: Vec<Entry>, outputs: Vec<String>) -> Self {
        Self {
            inputs,
            layers,
            outputs,
        }
    }

    /// The same layers with other inputs, for a recipe that leaves them to its data.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Vec<InputSpec>) -> Self {
        self.inputs = inputs;
        self
    }

    /// The same layers with one input of samples of these sizes, named `input`.
    #[must_use]
    pub fn with_input(self, sizes: impl Into<Sizes>) -> Self {
        self.with_inputs(vec![InputSpec {
            name: "input".to_owned(),
            sizes: sizes.into(),
        }])
    }

    /// Adds a layer after the last, for example the output layer that follows from the task.
    #[must_use]
    pub fn followed_by(mut self, entry: impl Into<Entry>) -> Self {
        self.layers.push(entry.into());
        self
    }

    /// Takes the last layer off.
    #[must_use]
    pub fn without_last(mut self) -> Self {
        self.layers.pop();
        self
    }

    /// The inputs.
    #[must_use]
    pub fn inputs(&self) -> &[InputSpec] {
        &self.inputs
    }

    /// The layers, in order.
    #[must_use]
    pub fn layers(&self) -> &[Entry] {
        &self.layers
    }

    /// Takes the softmax or sigmoid off the end of every output, and returns what was there, an output each.
    ///
    /// The losses take logits, the values before these functions; predictions need the functions again.
    ///
    /// # Errors
    /// As [`Network::check`] where names are wrong.
    pub fn take_output_activations(&mut self) -> Result<Vec<Activation>> {
        let outputs = self.resolve()?.outputs;
        let mut taken = vec![Activation::Linear; outputs.len()];
        for (activation, output) in taken.iter_mut().zip(outputs) {
            let Some(index) = output.checked_sub(self.inputs.len()) else {
                continue;
            };
            let last = match &mut self.layers[index].layer {
                Layer::Dense(layer) => &mut layer.activation,
                Layer::Conv1d(layer) => &mut layer.activation,
                Layer::Conv2d(layer) => &mut layer.activation,
                Layer::Activation(activation) => activation,
                _ => continue,
            };
            if matches!(last, Activation::Softmax | Activation::Sigmoid) {
                *activation = std::mem::take(last);
            }
        }
        Ok(taken)
    }
}

/// Building the graph.
impl Network {
    /// Checks that everything fits together.
    ///
    /// # Errors
    /// The first layer that does not fit, with what it expected and found.
    pub fn check(&self) -> Result<()> {
        self.build(&mut Graph::new(), Mode::Training).map(|_| ())
    }

    /// A table of the layers with their shapes and parameters.
    ///
    /// # Errors
    /// As [`Network::check`].
    pub fn summary(&self) -> Result<Summary> {
        Summary::of(self)
    }

    /// Adds the network to a graph, inputs included.
    ///
    /// The outputs are what the last layers give: logits, where the losses are to take them. A parameter or state that
    /// the graph already has by the same name and sizes is shared.
    ///
    /// # Errors
    /// As [`Network::check`].
    pub fn build(&self, graph: &mut Graph, mode: Mode) -> Result<Built> {
        self.build_each(graph, mode, None, |_, _| ())
    }

    /// Adds the network to a graph on values that are already there, for example what another network gives.
    ///
    /// # Errors
    /// As [`Network::check`], and where there are not as many values as the network has inputs.
    pub fn build_on(&self, graph: &mut Graph, mode: Mode, inputs: &[NodeId]) -> Result<Built> {
        self.build_each(graph, mode, Some(inputs), |_, _| ())
    }

    /// Builds and shows each layer's result and all that was built so far.
    pub(crate) fn build_each(
        &self,
        graph: &mut Graph,
        mode: Mode,
        inputs: Option<&[NodeId]>,
        mut seen: impl FnMut(&Builder<'_>, NodeId),
    ) -> Result<Built> {
        let resolved = self.resolve()?;
        let mut builder = Builder::new(graph, mode);
        let mut values = self.add_inputs(&mut builder, inputs)?;
        for (index, entry) in self.layers.iter().enumerate() {
            let name = &resolved.names[index];
            builder.enter(name, place(index, name));
            let operands: Vec<NodeId> = resolved.inputs[index]
                .iter()
                .map(|&input| values[input])
                .collect();
            let value = entry.layer.rules().build(&mut builder, &operands)?;
            builder.pass_mask(&operands, value);
            seen(&builder, value);
            values.push(value);
        }
        builder.leave();
        builder.built.masks = resolved
            .outputs
            .iter()
            .map(|&output| builder.mask(values[output]))
            .collect();
        builder.built.fields = resolved
            .outputs
            .iter()
            .map(|&output| builder.field(values[output]))
            .collect();
        builder.built.outputs = resolved
            .outputs
            .iter()
            .map(|&output| values[output])
            .collect();
        Ok(builder.built)
    }

    fn add_inputs(
        &self,
        builder: &mut Builder<'_>,
        given: Option<&[NodeId]>,
    ) -> Result<Vec<NodeId>> {
        let Some(given) = given else {
            return Ok(self
                .inputs
                .iter()
                .map(|input| builder.input(&input.name, &input.sizes))
                .collect());
        };
        let place = || "the network".into();
        if given.len() != self.inputs.len() {
            let (expected, found) = (
                format!("{} inputs", self.inputs.len()),
                given.len().to_string(),
            );
            return Err(Error::Shape {
                place: place(),
                expected,
                found,
            });
        }
        for (input, &node) in self.inputs.iter().zip(given) {
            let shape = input.sizes.batch();
            if builder.shape(node).0.get(1..) != shape.0.get(1..) {
                let (expected, found) = (
                    format!("`{}` of the shape {shape}", input.name),
                    builder.shape(node).to_string(),
                );
                return Err(Error::Shape {
                    place: place(),
                    expected,
                    found,
                });
            }
            builder.built.inputs.push((input.name.clone(), node));
        }
        Ok(given.to_vec())
    }
}
