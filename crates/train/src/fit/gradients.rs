//! Which parameters are trained, and how their gradients come.

use jingwei_engine::RowGradient;
use jingwei_graph::ops::BinaryKind;
use jingwei_graph::{Graph, NodeId, Op, gradients};
use jingwei_nn::ParameterSpec;

use crate::Error;

/// Values of a table from which on its gradients are row-sparse where they can be.
const LARGE: usize = 1 << 21;

/// The gradients of a training.
pub(super) struct Gradients {
    /// Of parameters that have them as a whole.
    pub(super) dense: Vec<(String, NodeId)>,
    /// Of tables that have them by rows.
    pub(super) rows: Vec<RowGradient>,
}

/// Differentiates a loss, and puts the parameters into the order of their layout: those with dense gradients, tables
/// with gradients by rows, and those that are not trained.
///
/// A table has gradients by rows if looking up rows is all that is done with it (so that there is no penalty on it
/// either), and it is large or its layer says so.
pub(super) fn differentiate(
    graph: &mut Graph,
    loss: NodeId,
    parameters: Vec<ParameterSpec>,
) -> Result<(Vec<ParameterSpec>, Gradients), Error> {
    let (trained, frozen): (Vec<_>, Vec<_>) =
        parameters.into_iter().partition(|spec| spec.trainable);
    let nodes: Vec<NodeId> = trained.iter().map(|spec| spec.node).collect();
    let nodes = gradients(graph, loss, &nodes)?;
    let (mut first, mut tables) = (Vec::new(), Vec::new());
    let (mut dense, mut rows) = (Vec::new(), Vec::new());
    for (spec, node) in trained.into_iter().zip(nodes) {
        let mut looked_up = Vec::new();
        let is_sparse = spec.row_sparse.unwrap_or(spec.count() >= LARGE);
        if is_sparse && only_looked_up(graph, node, &mut looked_up) {
            rows.extend(looked_up.into_iter().map(|[indices, rows]| RowGradient {
                parameter: spec.name.clone(),
                indices,
                rows,
            }));
            tables.push(spec);
        } else {
            dense.push((spec.name.clone(), node));
            first.push(spec);
        }
    }
    let order = first.into_iter().chain(tables).chain(frozen).collect();
    Ok((order, Gradients { dense, rows }))
}

/// Whether a gradient is a sum of gradients of rows alone; collects their indices and rows.
fn only_looked_up(graph: &Graph, gradient: NodeId, found: &mut Vec<[NodeId; 2]>) -> bool {
    let node = graph.node(gradient);
    match &node.op {
        Op::GatherGrad(_) => {
            found.push([node.inputs[0], node.inputs[1]]);
            true
        }
        Op::Binary(op) if op.kind == BinaryKind::Add => node
            .inputs
            .iter()
            .all(|&input| only_looked_up(graph, input, found)),
        _ => false,
    }
}
