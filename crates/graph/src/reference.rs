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

/// Computes the wanted nodes of a graph whose dimensions are all bound.
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
    let mut values: Vec<Vec<f32>> = Vec::with_capacity(graph.nodes().len());
    let mut sizes: Vec<Vec<usize>> = Vec::with_capacity(graph.nodes().len());
    for (index, node) in graph.nodes().iter().enumerate() {
        let shape = node.shape.sizes().ok_or_else(|| Error::Unbound {
            layer: node.layer.clone(),
            symbol: node.shape.to_string(),
        })?;
        let len = shape.iter().product();
        let value = match &node.op {
            Op::Constant(constant) => vec![constant.value],
            op if op.is_leaf() => {
                let name = op.leaf_name().unwrap_or_default();
                let given = leaves.get(name).filter(|values| values.len() == len);
                given.cloned().ok_or_else(|| Error::Invalid {
                    node: index,
                    reason: format!("`{name}` needs {len} values"),
                })?
            }
            op => {
                let inputs: Vec<Tensor<'_>> = node
                    .inputs
                    .iter()
                    .map(|id| Tensor { shape: &sizes[id.index()], data: &values[id.index()] })
                    .collect();
                let mut output = vec![0.0; len];
                op.operator().evaluate(&inputs, &shape, &mut output, context);
                output
            }
        };
        values.push(value);
        sizes.push(shape);
    }
    Ok(wanted.iter().map(|id| values[id.index()].clone()).collect())
}
