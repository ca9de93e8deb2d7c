//! Running a graph with the reference loops: slow, plain, and what every fast kernel is tested against.

use std::collections::HashMap;

use crate::{Error, Graph, NodeId, Op, Result};

/// A tensor that somebody else owns.
#[derive(Debug, Clone, Copy)]
pub struct Tensor<'a> {
    /// The sizes, outermost first.
    pub shape: &'a [usize],
    /// The values, row-major.
    pub data: &'a [f32],
}

/// What random operators are keyed by, besides their own stream and the element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunContext {
    /// The seed of the whole training.
    pub seed: u64,
    /// The number of the training step.
    pub step: u64,
}

/// Computes the wanted nodes of a valid graph whose dimensions are all bound, and the nodes that they need.
///
/// `leaves` gives the values of inputs, parameters and state by name.
///
/// # Errors
/// [`Error::Unbound`] if a dimension is still a symbol, [`Error::Invalid`] if a leaf has no value or one of another length.
pub fn evaluate(
    graph: &Graph,
    wanted: &[NodeId],
    leaves: &HashMap<String, Vec<f32>>,
    context: RunContext,
) -> Result<Vec<Vec<f32>>> {
    let live = live(graph, wanted);
    let mut values: Vec<Vec<f32>> = vec![Vec::new(); graph.nodes().len()];
    let mut sizes: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes().len()];
    for (index, node) in graph
        .nodes()
        .iter()
        .enumerate()
        .filter(|(index, _)| live[*index])
    {
        let unbound = || Error::Unbound {
            layer: node.layer.clone(),
            symbol: node.shape.to_string(),
        };
        let shape = node.shape.sizes().ok_or_else(unbound)?;
        let invalid = |reason: String| Error::Invalid {
            node: index,
            reason,
        };
        let len = node.shape.len().filter(|_| node.shape.is_addressable());
        let len = len.ok_or_else(|| invalid(format!("too many values: {}", node.shape)))?;
        values[index] = match &node.op {
            Op::Constant(constant) => vec![constant.value],
            op if op.is_leaf() => {
                let name = op.leaf_name().unwrap_or_default();
                let given = leaves.get(name).filter(|values| values.len() == len);
                given.cloned().ok_or_else(|| {
                    let found = leaves
                        .get(name)
                        .map_or("none".to_owned(), |values| values.len().to_string());
                    invalid(format!("`{name}` needs {len} values, found {found}"))
                })?
            }
            op => {
                let input = |id: &NodeId| Tensor {
                    shape: &sizes[id.index()],
                    data: &values[id.index()],
                };
                let inputs: Vec<Tensor<'_>> = node.inputs.iter().map(input).collect();
                let mut output = vec![0.0; len];
                op.operator()
                    .evaluate(&inputs, &shape, &mut output, context);
                output
            }
        };
        sizes[index] = shape;
    }
    Ok(wanted.iter().map(|id| values[id.index()].clone()).collect())
}

/// Which nodes the wanted ones need, themselves included.
pub(crate) fn live(graph: &Graph, wanted: &[NodeId]) -> Vec<bool> {
    let mut live = vec![false; graph.nodes().len()];
    for id in wanted {
        live[id.index()] = true;
    }
    for index in (0..live.len()).rev() {
        if live[index] {
            for input in &graph.nodes()[index].inputs {
                live[input.index()] = true;
            }
        }
    }
    live
}
