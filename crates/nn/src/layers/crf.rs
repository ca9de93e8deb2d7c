//! Tags that depend on their neighbours.

use jingwei_graph::{Dim, Graph, NodeId, Shape, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::{Error, Initializer, Result};

/// A linear-chain conditional random field (Lafferty et al. 2001) over the tags of a sequence: the last layer of a
/// tagger.
///
/// It passes its input on, which counts as the emissions: how well each tag suits each step. What follows from them and
/// from the transitions between tags, the loss of a sequence of tags, the probabilities and the best sequence, is what
/// [`Field`] adds; a training by a recipe does so by itself and needs no other loss.
///
/// # Shapes
/// Input and result `[batch, length, tags]`. Parameters `transitions` `[tags, tags]`, from the tag of the row to that of
/// the column, `start` and `end` `[tags]`, zeros at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crf {}

impl Build for Crf {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        let (length, tags) = builder.steps(x)?;
        let zeros = Initializer::Zeros;
        let transitions = builder.parameter("transitions", &[tags, tags], zeros, true)?;
        let mut rows = vec![transitions];
        for part in ["start", "end"] {
            let row = builder.parameter(part, &[tags], zeros, false)?;
            rows.push(builder.reshape_whole(row, &[1, tags])?);
        }
        let scores = builder.add(ops::Concat { axis: 0 }, &rows)?;
        let mask = match builder.mask(x) {
            Some(mask) => mask,
            None => {
                let one = builder.number(1.0)?;
                let one = builder.reshape_whole(one, &[1, 1])?;
                let shape = Shape(vec![builder.shape(x).0[0], length]);
                let average = false;
                builder.add(ops::BroadcastTo { shape, average }, &[one])?
            }
        };
        builder.set_field(x, Field { scores, mask });
        Ok(x)
    }
}

/// What a conditional random field adds to emissions `[batch, length, tags]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Transitions, starts and ends, `[tags + 2, tags]`.
    pub scores: NodeId,
    /// The steps that count, `[batch, length]`.
    pub mask: NodeId,
}

impl Field {
    /// Adds the negative logarithm of the probability of each sequence of tags `[batch, length]`, `[batch]`.
    ///
    /// # Errors
    /// [`Error::Graph`] if the shapes do not fit.
    pub fn loss(self, graph: &mut Graph, emissions: NodeId, tags: NodeId) -> Result<NodeId> {
        add(
            graph,
            ops::CrfLoss {},
            &[emissions, tags, self.scores, self.mask],
        )
    }

    /// Adds the probability of each tag at each step, of the emissions' shape.
    ///
    /// # Errors
    /// As [`Field::loss`].
    pub fn marginals(self, graph: &mut Graph, emissions: NodeId) -> Result<NodeId> {
        add(
            graph,
            ops::CrfMarginals {},
            &[emissions, self.scores, self.mask],
        )
    }

    /// Adds the most probable tags, `[batch, length]`, 0 at steps that do not count.
    ///
    /// # Errors
    /// As [`Field::loss`].
    pub fn decode(self, graph: &mut Graph, emissions: NodeId) -> Result<NodeId> {
        add(
            graph,
            ops::ViterbiDecode {},
            &[emissions, self.scores, self.mask],
        )
    }

    /// The shape of the tags for emissions.
    #[must_use]
    pub fn tags_shape(emissions: &Shape) -> Shape {
        Shape(emissions.0.iter().take(2).copied().collect::<Vec<Dim>>())
    }
}

fn add(graph: &mut Graph, op: impl Into<jingwei_graph::Op>, inputs: &[NodeId]) -> Result<NodeId> {
    let node = graph.add(op.into(), inputs);
    node.map_err(|error| Error::graph(&"crf".into(), error))
}
