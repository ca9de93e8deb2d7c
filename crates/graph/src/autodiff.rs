//! Reverse-mode differentiation, from graph to graph.

use crate::{Error, Graph, NodeId, Result};

/// Adds to `graph` the gradients of a loss of one number with respect to `parameters`, and returns their nodes in the
/// same order.
///
/// What is trainable is the caller's choice: nodes that no parameter reaches get no gradient and cost nothing. The
/// gradients are nodes like any other, so they can be differentiated again where the operators allow it.
///
/// # Errors
/// [`Error::LossNotScalar`], [`Error::Independent`] for a parameter that the loss does not depend on,
/// [`Error::NoGradient`] for an operator on the way that has none.
///
/// ```
/// use jingwei_graph::{Graph, Shape, gradients};
/// let mut graph = Graph::new();
/// let w = graph.parameter("w", &[3]);
/// let squared = graph.square(w)?;
/// let loss = graph.sum_all(squared)?;
/// let gradient = gradients(&mut graph, loss, &[w])?;
/// assert_eq!(graph.shape(gradient[0]), &Shape::fixed(&[3]));
/// # Ok::<(), jingwei_graph::Error>(())
/// ```
pub fn gradients(graph: &mut Graph, loss: NodeId, parameters: &[NodeId]) -> Result<Vec<NodeId>> {
    if graph.shape(loss).rank() != 0 {
        return Err(Error::LossNotScalar {
            found: graph.shape(loss).clone(),
        });
    }
    let layer = graph.layer().to_owned();
    let upstream = propagate(graph, loss, parameters);
    graph.set_layer(layer);
    let upstream = upstream?;
    parameters
        .iter()
        .map(|id| {
            upstream
                .get(id.index())
                .copied()
                .flatten()
                .ok_or_else(|| Error::Independent {
                    name: graph
                        .node(*id)
                        .op
                        .leaf_name()
                        .unwrap_or("an inner value")
                        .to_owned(),
                })
        })
        .collect()
}

/// The gradient of the loss with respect to each node that a parameter reaches. A node's gradients belong to its layer.
fn propagate(
    graph: &mut Graph,
    loss: NodeId,
    parameters: &[NodeId],
) -> Result<Vec<Option<NodeId>>> {
    let reached = reached_by(graph, loss, parameters);
    let mut upstream: Vec<Option<NodeId>> = vec![None; loss.index() + 1];
    upstream[loss.index()] = Some(graph.constant(1.0));
    for index in (0..=loss.index()).rev() {
        let Some(gradient) = upstream[index].filter(|_| reached[index]) else {
            continue;
        };
        let id = NodeId(index as u32);
        let node = graph.node(id).clone();
        if node.op.is_leaf() {
            continue;
        }
        graph.set_layer(node.layer.clone());
        let needed: Vec<bool> = node
            .inputs
            .iter()
            .map(|input| reached[input.index()])
            .collect();
        let flows = node.op.operator().gradient(graph, id, gradient, &needed)?;
        for ((input, flow), needed) in node.inputs.iter().zip(flows).zip(needed) {
            if let Some(flow) = flow.filter(|_| needed) {
                let slot = upstream[input.index()];
                upstream[input.index()] = Some(match slot {
                    Some(earlier) => graph.add_values(earlier, flow)?,
                    None => flow,
                });
            }
        }
    }
    Ok(upstream)
}

/// Which of the nodes up to `last` depend on one of `sources`.
fn reached_by(graph: &Graph, last: NodeId, sources: &[NodeId]) -> Vec<bool> {
    let mut reached = vec![false; last.index() + 1];
    for source in sources
        .iter()
        .filter(|source| source.index() <= last.index())
    {
        reached[source.index()] = true;
    }
    for index in 0..=last.index() {
        let inputs = &graph.nodes()[index].inputs;
        reached[index] |= inputs.iter().any(|input| reached[input.index()]);
    }
    reached
}
