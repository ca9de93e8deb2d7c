//! Graphs that look valid, with attributes, sizes and values of an attacker's choice.
//!
//! A [`Case`] is made of bytes. Whatever they are, [`Case::run`] ends: the graph is refused, or its plans are, or they run
//! at every SIMD level and give what the reference loops give. The fuzz target `graph_attributes` feeds it, and the tests
//! in `hostile_graphs.rs` do.

mod draft;
mod numbers;
mod run;
mod steps;
mod templates;

use arbitrary::{Arbitrary, Unstructured};
use jingwei_graph::{Dim, Graph, NodeId};

use draft::{Draft, numbers as places};
pub use numbers::mixed;
use numbers::{Edge, Fill};
pub use run::Outcome;

/// A graph with what is asked of it.
#[derive(Debug, Clone, Arbitrary)]
pub struct Case {
    template: templates::Template,
    steps: Vec<steps::Step>,
    changes: Vec<Change>,
    /// Nodes whose values are asked for, besides the last.
    outputs: [u16; 3],
    /// A node that is a gradient, if a parameter has its shape.
    gradient: u16,
    frozen: bool,
    batch: Edge,
    time: Edge,
    fill: Fill,
    seed: u64,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (batch, time) = (self.batch.0, self.time.0);
        writeln!(f, "batch {batch}, time {time}, frozen {}", self.frozen)?;
        let graph = self.graph().unwrap_or_default();
        for (id, node) in graph.nodes().iter().enumerate() {
            let inputs: Vec<u32> = node.inputs.iter().map(|id| id.0).collect();
            writeln!(f, "{id}: {:?} {inputs:?} -> {}", node.op, node.shape)?;
        }
        let outputs = self
            .outputs
            .map(|output| usize::from(output) % graph.nodes().len().max(1));
        write!(
            f,
            "outputs {outputs:?}, gradient {}",
            usize::from(self.gradient) % graph.nodes().len().max(1)
        )
    }
}

/// Something else in the place of what is there.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Change {
    /// Another operand.
    Operand { node: u16, slot: u8, to: u16 },
    /// Another operand of the same shape.
    Alike { node: u16, slot: u8, to: u16 },
    /// Another number among the attributes.
    Attribute { node: u16, place: u8, value: Edge },
    /// Another size of a leaf.
    Size { node: u16, axis: u8, value: Edge },
}

impl Change {
    fn apply(self, draft: &mut Draft) {
        let count = draft.nodes.len();
        let (Self::Operand { node, .. }
        | Self::Alike { node, .. }
        | Self::Attribute { node, .. }
        | Self::Size { node, .. }) = self;
        let Some(node) = usize::from(node).checked_rem(count) else {
            return;
        };
        match self {
            Self::Operand { slot, to, .. } => {
                draft.change(node, |node| {
                    let slot = usize::from(slot).checked_rem(node.inputs.len())?;
                    node.inputs[slot] = NodeId(u32::from(to) % count as u32);
                    Some(())
                });
            }
            Self::Alike { slot, to, .. } => {
                let inputs = &draft.nodes[node].inputs;
                let Some(slot) = usize::from(slot).checked_rem(inputs.len()) else {
                    return;
                };
                let shape = draft.shape(inputs[slot]);
                let alike: Vec<usize> = (0..node)
                    .filter(|&other| draft.nodes[other].shape == *shape)
                    .collect();
                let to = alike[usize::from(to) % alike.len()];
                draft.change(node, |node| {
                    node.inputs[slot] = NodeId(to as u32);
                    Some(())
                });
            }
            Self::Attribute { place, value, .. } => {
                draft.change(node, |node| {
                    let mut op = serde_json::to_value(&node.op).ok()?;
                    let mut places = places(&mut op);
                    let place = usize::from(place).checked_rem(places.len())?;
                    *places[place] = value.0.into();
                    node.op = serde_json::from_value(op).ok()?;
                    Some(())
                });
            }
            Self::Size { axis, value, .. } => {
                draft.change(node, |node| {
                    let axis = usize::from(axis).checked_rem(node.shape.rank())?;
                    node.shape.0[axis] = Dim::Size(value.0);
                    node.op.is_leaf().then_some(())
                });
            }
        }
    }
}

/// More would only be slow.
const MOST_STEPS: usize = 8;

impl Case {
    /// The case that some bytes stand for.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Self::arbitrary_take_rest(Unstructured::new(bytes)).ok()
    }

    /// Loads, plans and runs it.
    ///
    /// # Panics
    /// If the engine gives something else than the reference loops, or panics itself.
    pub fn run(&self) -> Outcome {
        match self.graph() {
            Some(graph) => run::run(self, &graph),
            None => Outcome::Refused,
        }
    }

    fn graph(&self) -> Option<Graph> {
        let mut draft = Draft::of(&self.template.graph()?);
        let (steps, changes) = (self.steps.iter(), self.changes.iter());
        for step in steps.take(MOST_STEPS) {
            step.apply(&mut draft);
        }
        for change in changes.take(MOST_STEPS) {
            change.apply(&mut draft);
        }
        draft.load().filter(|graph| !graph.nodes().is_empty())
    }
}
