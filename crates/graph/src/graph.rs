//! Nodes, and how a graph grows.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::limits::MOST_DIMENSIONS;
use crate::reference::live;
use crate::{Error, Op, Result, Shape, ops};

/// A node's place in its graph. Inputs always have smaller numbers than the nodes that use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The place as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operator applied to earlier nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The operands, in the operator's order.
    pub inputs: Vec<NodeId>,
    /// The shape of the result.
    pub shape: Shape,
    /// The layer that the node belongs to, for messages; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
}

impl Node {
    /// What messages call the node: its layer, or its operator outside any layer.
    #[must_use]
    pub fn place(&self) -> &str {
        match &*self.layer {
            "" => self.op.name(),
            layer => layer,
        }
    }
}

/// A list of nodes in SSA form.
///
/// ```
/// use jingwei_graph::{Graph, Shape};
/// let mut graph = Graph::new();
/// let x = graph.input("x", Shape::batch_of(&[3]));
/// let w = graph.parameter("w", &[3, 2]);
/// let y = graph.matmul(x, w)?;
/// assert_eq!(graph.shape(y).to_string(), "[batch, 2]");
/// # Ok::<(), jingwei_graph::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    nodes: Vec<Node>,
    #[serde(skip)]
    layer: String,
}

impl Graph {
    /// A graph without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All nodes, inputs before their users.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node.
    ///
    /// # Panics
    /// If the node is not of this graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The shape of a node's result.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.node(id).shape
    }

    /// The places of all nodes, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// Names the layer that nodes added from now on belong to; error messages tell it.
    pub fn set_layer(&mut self, name: impl Into<String>) {
        self.layer = name.into();
    }

    /// The layer that nodes added now belong to.
    #[must_use]
    pub fn layer(&self) -> &str {
        &self.layer
    }

    /// Adds an operator after checking that its inputs fit.
    ///
    /// # Errors
    /// [`Error::Shape`], with the layer, what the operator expects and what it was given.
    ///
    /// # Panics
    /// If an input is not of this graph.
    pub fn add(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId> {
        let shape = self
            .result_shape(&op, inputs)
            .map_err(|error| locate(error, &self.layer, op.name()))?;
        Ok(self.push(op, inputs.to_vec(), shape))
    }

    /// Adds values given anew at each run.
    pub fn input(&mut self, name: impl Into<String>, shape: Shape) -> NodeId {
        self.push(
            Op::Input(ops::Input { name: name.into() }),
            Vec::new(),
            shape,
        )
    }

    /// Adds values that training changes.
    pub fn parameter(&mut self, name: impl Into<String>, sizes: &[usize]) -> NodeId {
        self.push(
            Op::Parameter(ops::Parameter { name: name.into() }),
            Vec::new(),
            Shape::fixed(sizes),
        )
    }

    /// Adds values that live from run to run and are changed by no gradient, such as running statistics.
    pub fn state(&mut self, name: impl Into<String>, sizes: &[usize]) -> NodeId {
        self.push(
            Op::State(ops::State { name: name.into() }),
            Vec::new(),
            Shape::fixed(sizes),
        )
    }

    /// Adds one number.
    pub fn constant(&mut self, value: f32) -> NodeId {
        self.push(
            Op::Constant(ops::Constant { value }),
            Vec::new(),
            Shape::scalar(),
        )
    }

    pub(crate) fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Shape) -> NodeId {
        let id =
            NodeId(u32::try_from(self.nodes.len()).expect("a graph has fewer than 2^32 nodes"));
        self.nodes.push(Node {
            op,
            inputs,
            shape,
            layer: self.layer.clone(),
        });
        id
    }

    pub(crate) fn push_node(&mut self, node: Node) -> NodeId {
        let id =
            NodeId(u32::try_from(self.nodes.len()).expect("a graph has fewer than 2^32 nodes"));
        self.nodes.push(node);
        id
    }

    /// The first node that `wanted` neither holds nor depends on.
    ///
    /// # Panics
    /// If a wanted node is not of this graph.
    #[must_use]
    pub fn first_unused(&self, wanted: &[NodeId]) -> Option<NodeId> {
        let live = live(self, wanted);
        self.ids().find(|id| !live[id.index()])
    }

    /// Checks a graph that came from outside: every input earlier than its user, every shape what its operator says,
    /// every leaf named once, every size and attribute within its [limits](crate::limits).
    ///
    /// # Errors
    /// [`Error::Invalid`] with the first node that is wrong.
    pub fn validate(&self) -> Result<()> {
        let mut names = HashSet::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let checked = self
                .check_node(index, node)
                .and_then(|()| match node.op.leaf_name() {
                    Some(name) if !names.insert(name) => {
                        Err(format!("the name `{name}` is taken by an earlier node"))
                    }
                    _ => Ok(()),
                });
            checked.map_err(|reason| Error::Invalid {
                node: index,
                reason,
            })?;
        }
        Ok(())
    }

    /// The shape of what an operator makes of nodes, all within the limits.
    fn result_shape(&self, op: &Op, inputs: &[NodeId]) -> Result<Shape> {
        let shapes: Vec<&Shape> = inputs.iter().map(|&id| self.shape(id)).collect();
        let bounded = |shape: &Shape| match shape.is_bounded() {
            true => Ok(()),
            false => Err(Error::shape(op.name(), LIMITS, shape.to_string())),
        };
        shapes.iter().try_for_each(|shape| bounded(shape))?;
        let shape = op.operator().shape(&shapes)?;
        bounded(&shape)?;
        Ok(shape)
    }

    fn check_node(&self, index: usize, node: &Node) -> std::result::Result<(), String> {
        if let Some(bad) = node.inputs.iter().find(|id| id.index() >= index) {
            return Err(format!(
                "uses node {}, which does not come before it",
                bad.0
            ));
        }
        if node.shape.rank() > MOST_DIMENSIONS {
            return Err(format!(
                "has {} dimensions, but {MOST_DIMENSIONS} are the most",
                node.shape.rank()
            ));
        }
        if !node.shape.is_addressable() {
            return Err(format!(
                "has more values than memory can hold: {}",
                node.shape
            ));
        }
        let name = node.op.name();
        if node.op.is_leaf() {
            return match &node.op {
                _ if !node.inputs.is_empty() => Err(format!("{name} takes no inputs")),
                Op::Constant(_) if node.shape.rank() > 0 => {
                    Err(format!("{name} is one number, but has {}", node.shape))
                }
                Op::Constant(constant) if !constant.value.is_finite() => {
                    Err(format!("{name} is {}, not a finite number", constant.value))
                }
                Op::Parameter(_) | Op::State(_) if node.shape.sizes().is_none() => {
                    Err(format!("{name} needs known sizes, but has {}", node.shape))
                }
                _ => Ok(()),
            };
        }
        let shape = self
            .result_shape(&node.op, &node.inputs)
            .map_err(|error| locate(error, &node.layer, name).to_string())?;
        if shape != node.shape {
            return Err(format!(
                "{name} gives {shape}, but {} is stated",
                node.shape
            ));
        }
        Ok(())
    }
}

/// The limits of [tensors](crate::limits), in a message.
const LIMITS: &str = "tensors of at most 16 dimensions and 2^34 values";

/// Fills in the layer of a shape error.
fn locate(error: Error, layer: &str, op_name: &'static str) -> Error {
    match error {
        Error::Shape {
            op,
            expected,
            found,
            ..
        } => {
            let layer = if layer.is_empty() { op_name } else { layer }.to_owned();
            Error::Shape {
                layer,
                op,
                expected,
                found,
            }
        }
        other => other,
    }
}
