//! The functions of a network that training and evaluation run.

use jingwei_engine::{Function, Layout, Precision};
use jingwei_graph::{Graph, NodeId, Shape};
use jingwei_nn::losses::{class_weights, mean_loss, total_loss};
use jingwei_nn::{
    Activation, Built, CategoricalCrossEntropy, Field, Loss, Mode, Network, ParameterSpec,
    StateSpec,
};

use super::gradients::differentiate;
use crate::Error;

/// The name of the input that holds what the network should say.
pub const TARGETS: &str = "targets";

/// What a training does with the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// What is minimised, beside the penalties of the layers.
    pub loss: Loss,
    /// A weight for each class; empty for none.
    pub class_weights: Vec<f32>,
    /// Whether training gives a share for each class instead of one class number, as mixup does.
    pub soft_targets: bool,
    /// How exact the products of gradients are; those of predictions and losses are always as exact as can be.
    pub gradient_precision: Precision,
}

impl Objective {
    /// A loss without class weights, on plain targets; gradients in [`Precision::High`].
    #[must_use]
    pub fn new(loss: impl Into<Loss>) -> Self {
        Self {
            loss: loss.into(),
            class_weights: Vec::new(),
            soft_targets: false,
            gradient_precision: Precision::High,
        }
    }

    /// The loss as training needs it.
    fn training_loss(&self) -> Result<Loss, Error> {
        match (self.soft_targets, self.loss) {
            (false, loss) | (true, loss @ Loss::CategoricalCrossEntropy(_)) => Ok(loss),
            (true, Loss::SparseCategoricalCrossEntropy(sparse)) => Ok(CategoricalCrossEntropy {
                label_smoothing: sparse.label_smoothing,
            }
            .into()),
            (true, loss) => Err(Error::Setting {
                name: "augment.mixup".to_owned(),
                reason: format!("the loss `{}` takes no mixed classes", loss.name()),
                remedy: "use `sparse_categorical_cross_entropy`, or leave mixup out".to_owned(),
            }),
        }
    }
}

/// The functions of one network over shared parameters.
#[derive(Debug, Clone)]
pub struct Functions {
    /// Loss and gradients; the outputs are the loss with its penalties, one number, and the network's output.
    pub training: Function,
    /// The outputs are predictions (probabilities for classes) and the loss of each sample, without penalties. A network
    /// that ends in a conditional random field gives as its last output the best tags, `[batch, time]`, too.
    pub evaluation: Function,
    /// The output is predictions; after a conditional random field there are the best tags, too.
    pub inference: Function,
    /// The parameters, in the order of their layout.
    pub parameters: Vec<ParameterSpec>,
    /// The states, in the order of their layout.
    pub states: Vec<StateSpec>,
}

impl Functions {
    /// Builds and differentiates a network of one input and one output, or several outputs of one shape: an ensemble,
    /// whose members each learn by a loss of their own and predict together, by the mean of their outputs.
    ///
    /// # Errors
    /// If layers, loss and class weights do not fit together, with the layer, what it expected and what it found.
    pub fn new(network: &Network, objective: &Objective) -> Result<Self, Error> {
        let mut graph = Graph::new();
        let built = network.build(&mut graph, Mode::Training)?;
        let output = mean_output(&mut graph, &built)?;
        let loss = objective.training_loss()?;
        let (targets, losses) = add_losses(&mut graph, &loss, &built, &built.outputs)?;
        let mut states = built.states;
        let weights = match objective.class_weights.as_slice() {
            [] => None,
            weights => {
                let (node, spec) = class_weights(&mut graph, targets, weights)?;
                states.push(spec);
                Some(node)
            }
        };
        let mean = mean_loss(&mut graph, losses, weights)?;
        let total = total_loss(&mut graph, mean, &built.penalties)?;
        let (parameters, gradients) = differentiate(&mut graph, total, built.parameters)?;
        let (parameter_layout, state_layout) = layouts(&parameters, &states);
        let state_name = |node: NodeId| {
            states
                .iter()
                .find(|state| state.node == node)
                .map(|state| state.name.clone())
        };
        let updates = built
            .updates
            .iter()
            .filter_map(|&(state, value)| Some((state_name(state)?, value)));
        let next = parameter_layout.entries().get(gradients.dense.len());
        let training = Function {
            gradient_len: next.map_or(parameter_layout.len(), |entry| entry.offset),
            gradients: gradients.dense,
            row_gradients: gradients.rows,
            updates: updates.collect(),
            gradient_precision: objective.gradient_precision,
            ..Function::new(graph, vec![total, output], parameter_layout, state_layout)
        };
        let evaluation = without_training(network, &objective.loss, &training, true)?;
        let inference = without_training(network, &objective.loss, &training, false)?;
        Ok(Self {
            training,
            evaluation,
            inference,
            parameters,
            states,
        })
    }

    /// The layout of the parameters that training changes, which come first.
    #[must_use]
    pub fn trained(&self) -> Layout {
        let trained = self
            .parameters
            .iter()
            .filter(|parameter| parameter.trainable);
        layout(trained.map(|parameter| (&parameter.name, &parameter.sizes)))
    }

    /// The tables that are updated by rows ("row-sparse", or lazy: rows that no batch names stay as they are), by name.
    #[must_use]
    pub fn row_sparse(&self) -> Vec<&str> {
        let tables = self.training.row_gradients.iter();
        let mut names: Vec<&str> = tables.map(|table| table.parameter.as_str()).collect();
        names.dedup();
        names
    }

    /// The values of a prediction: the number of classes or of targets.
    #[must_use]
    pub fn width(&self) -> usize {
        let shape = self.inference.graph.shape(self.inference.outputs[0]);
        shape
            .0
            .get(1..)
            .and_then(|rest| Shape(rest.to_vec()).len())
            .unwrap_or(1)
    }
}

/// The network without the softmax or sigmoid at its end that the loss already contains.
///
/// # Errors
/// [`Error::Setting`] if it ends in the other one.
pub fn for_loss(mut network: Network, loss: &Loss) -> Result<Network, Error> {
    let expected = loss.output_activation();
    if expected == Activation::Linear {
        return Ok(network);
    }
    let taken = network.take_output_activations()?;
    let is_fine = |found: &Activation| *found == expected || *found == Activation::Linear;
    match taken.iter().all(is_fine) {
        true => Ok(network),
        false => Err(Error::Setting {
            name: "model.layers".to_owned(),
            reason: format!(
                "the network ends in {:?}, the loss `{}` in {expected:?}",
                taken[0],
                loss.name()
            ),
            remedy: "leave the function at the end out; the loss adds its own".to_owned(),
        }),
    }
}

/// The output, or the mean of an ensemble's outputs.
fn mean_output(graph: &mut Graph, built: &Built) -> Result<NodeId, Error> {
    let [first, others @ ..] = built.outputs.as_slice() else {
        return Err(of_outputs("the network has none", "name a layer"));
    };
    if others.is_empty() {
        return Ok(*first);
    }
    if built.fields.iter().any(Option::is_some) {
        let cause = "conditional random fields decide on whole sequences and have no mean";
        return Err(of_outputs(cause, "leave one output"));
    }
    let shape = graph.shape(*first);
    if let Some(other) = others.iter().find(|&&other| graph.shape(other) != shape) {
        let cause = format!(
            "the members of an ensemble give values of one shape, and these give {shape} and {}",
            graph.shape(*other)
        );
        return Err(of_outputs(cause, "end each member in as many units"));
    }
    mean_of(graph, &built.outputs)
}

/// The mean of values of one shape.
fn mean_of(graph: &mut Graph, values: &[NodeId]) -> Result<NodeId, Error> {
    let mean = |graph: &mut Graph| {
        let (first, others) = (values[0], &values[1..]);
        if others.is_empty() {
            return Ok(first);
        }
        let sum = others
            .iter()
            .try_fold(first, |sum, &value| graph.add_values(sum, value))?;
        graph.scale(sum, 1.0 / values.len() as f32)
    };
    mean(graph).map_err(|source| {
        let place = jingwei_nn::Place::Outputs;
        jingwei_nn::Error::Graph { place, source }.into()
    })
}

/// The setting that names the layers that answer.
pub const OUTPUTS: &str = "model.outputs";

fn of_outputs(cause: impl Into<String>, remedy: &str) -> Error {
    Error::Setting {
        name: OUTPUTS.to_owned(),
        reason: cause.into(),
        remedy: remedy.to_owned(),
    }
}

fn layouts(parameters: &[ParameterSpec], states: &[StateSpec]) -> (Layout, Layout) {
    (
        layout(parameters.iter().map(|spec| (&spec.name, &spec.sizes))),
        layout(states.iter().map(|spec| (&spec.name, &spec.sizes))),
    )
}

fn layout<'s>(tensors: impl Iterator<Item = (&'s String, &'s Vec<usize>)>) -> Layout {
    Layout::new(tensors.map(|(name, sizes)| (name.clone(), sizes.clone())))
}

/// Adds the targets and the loss of every sample, of several outputs the mean of theirs. A conditional random field at the
/// end brings its own loss, that of the whole sequence of tags; of other sequences, the steps that are padding do not
/// count.
fn add_losses(
    graph: &mut Graph,
    loss: &Loss,
    built: &Built,
    outputs: &[NodeId],
) -> Result<(NodeId, NodeId), Error> {
    if let Some(field) = built.fields.first().copied().flatten() {
        let shape = Field::tags_shape(graph.shape(outputs[0]));
        let targets = graph.input(TARGETS, shape);
        return Ok((targets, field.loss(graph, outputs[0], targets)?));
    }
    let shape = loss.target_shape(graph.shape(outputs[0]));
    let targets = graph.input(TARGETS, shape);
    let mut losses = Vec::with_capacity(outputs.len());
    for (&output, &mask) in outputs.iter().zip(&built.masks) {
        losses.push(loss.build_masked(graph, output, targets, mask)?);
    }
    Ok((targets, mean_of(graph, &losses)?))
}

/// Predictions by the parameters and states of training, and their losses if asked for.
fn without_training(
    network: &Network,
    loss: &Loss,
    training: &Function,
    with_losses: bool,
) -> Result<Function, Error> {
    let mut graph = Graph::new();
    let built = network.build(&mut graph, Mode::Inference)?;
    let output = mean_output(&mut graph, &built)?;
    let field = built.fields.first().copied().flatten();
    let predictions = match field {
        Some(field) => field.marginals(&mut graph, output)?,
        None => loss.predictions(&mut graph, output)?,
    };
    let mut outputs = vec![predictions];
    if with_losses {
        let (_, losses) = add_losses(&mut graph, loss, &built, &[output])?;
        outputs.push(losses);
    }
    if let Some(field) = field {
        outputs.push(field.decode(&mut graph, output)?);
    }
    Ok(Function::new(
        graph,
        outputs,
        training.parameters.clone(),
        training.states.clone(),
    ))
}
