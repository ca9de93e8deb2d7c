//! Transformations from graph to graph.

use std::collections::HashMap;

use crate::reference::live;
use crate::{Dim, Error, Graph, Node, NodeId, Op, Result, Shape, Symbol};

/// Replaces symbols by sizes, everywhere: in the shapes and in the operators that name a shape.
///
/// # Errors
/// [`Error::Unbound`] if a symbol of the graph is not among `sizes`, [`Error::Invalid`] if the sizes do not fit, or make a
/// tensor [too large](crate::limits).
pub fn bind(graph: &Graph, sizes: &[(Symbol, usize)]) -> Result<Graph> {
    let lookup = |shape: &Shape, layer: &str| -> Result<Shape> {
        let dims = shape.0.iter().map(|&dim| match dim {
            Dim::Size(_) => Ok(dim),
            Dim::Symbol(symbol) => sizes
                .iter()
                .find(|(s, _)| *s == symbol)
                .map(|&(_, size)| Dim::Size(size))
                .ok_or_else(|| Error::Unbound {
                    layer: layer.to_owned(),
                    symbol: Dim::Symbol(symbol).to_string(),
                }),
        });
        dims.collect::<Result<Vec<_>>>().map(Shape)
    };
    let mut bound = Graph::new();
    for node in graph.nodes() {
        let shape = lookup(&node.shape, &node.layer)?;
        let mut op = node.op.clone();
        if let Some(target) = op.target_shape_mut() {
            *target = lookup(target, &node.layer)?;
        }
        bound.push_node(Node {
            op,
            inputs: node.inputs.clone(),
            shape,
            layer: node.layer.clone(),
        });
    }
    bound.validate()?;
    Ok(bound)
}

/// Drops the nodes that `wanted` does not need and merges those that compute the same; returns the new places of
/// `wanted`, in its order.
#[must_use]
pub fn simplify(graph: &Graph, wanted: &[NodeId]) -> (Graph, Vec<NodeId>) {
    let live = live(graph, wanted);
    let mut new_ids: Vec<Option<NodeId>> = vec![None; live.len()];
    let mut seen: HashMap<String, NodeId> = HashMap::new();
    let mut simple = Graph::new();
    for (index, node) in graph
        .nodes()
        .iter()
        .enumerate()
        .filter(|(index, _)| live[*index])
    {
        let inputs: Vec<NodeId> = node
            .inputs
            .iter()
            .filter_map(|input| new_ids[input.index()])
            .collect();
        // A reshape to the same shape computes nothing.
        if matches!(node.op, Op::Reshape(_)) && simple.shape(inputs[0]) == &node.shape {
            new_ids[index] = Some(inputs[0]);
            continue;
        }
        let key = format!("{:?}{:?}{:?}", node.op, inputs, node.shape);
        let id = *seen.entry(key).or_insert_with(|| {
            simple.push_node(Node {
                inputs,
                ..node.clone()
            })
        });
        new_ids[index] = Some(id);
    }
    let wanted = wanted.iter().filter_map(|id| new_ids[id.index()]).collect();
    (simple, wanted)
}
