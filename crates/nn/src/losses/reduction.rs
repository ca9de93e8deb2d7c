//! From one value a sample to one number.

use jingwei_graph::{Graph, NodeId, Shape, ops};

use crate::{Error, Result, StateSpec};

/// Adds the mean loss of a batch, or with weights `[batch]` the sum of weight · loss over the number of samples, as
/// Keras does.
///
/// # Errors
/// [`Error::Shape`] if there is not one weight a sample.
pub fn mean_loss(graph: &mut Graph, losses: NodeId, weights: Option<NodeId>) -> Result<NodeId> {
    let reduce = |graph: &mut Graph| {
        let losses = match weights {
            Some(weights) => graph.multiply(losses, weights)?,
            None => losses,
        };
        graph.mean_all(losses)
    };
    if let Some(weights) = weights.filter(|&weights| graph.shape(weights) != graph.shape(losses)) {
        let expected = format!("one weight a sample, {}", graph.shape(losses));
        return Err(Error::Shape {
            place: PLACE.into(),
            expected,
            found: graph.shape(weights).to_string(),
        });
    }
    reduce(graph).map_err(|error| Error::graph(&PLACE.into(), error))
}

/// Adds the sum of a loss and penalties, one number each.
///
/// # Errors
/// [`Error::Graph`] if one of them is no single number of this graph.
pub fn total_loss(graph: &mut Graph, loss: NodeId, penalties: &[NodeId]) -> Result<NodeId> {
    let sum = penalties
        .iter()
        .try_fold(loss, |sum, &penalty| graph.add_values(sum, penalty));
    sum.map_err(|error| Error::graph(&PLACE.into(), error))
}

/// Adds the weight of every sample by its class, for [`mean_loss`], and the state `class_weights` that holds the table.
///
/// Targets are class numbers `[batch]` or `[batch, 1]`, or one value a class `[batch, classes]`, whose weights are mixed.
///
/// # Errors
/// [`Error::Shape`] for other targets, [`Error::Setting`] for a weight that is negative or not finite.
pub fn class_weights(
    graph: &mut Graph,
    targets: NodeId,
    weights: &[f32],
) -> Result<(NodeId, StateSpec)> {
    if let Some(bad) = weights
        .iter()
        .find(|weight| !(**weight >= 0.0 && weight.is_finite()))
    {
        let (place, expected) = (PLACE.into(), "numbers that are at least 0");
        return Err(Error::Setting {
            place,
            setting: CLASS_WEIGHTS,
            expected,
            found: bad.to_string(),
        });
    }
    let shape = graph.shape(targets).clone();
    if shape.rank() == 0 || shape.rank() > 2 {
        let expected = "class numbers [batch] or one value a class [batch, classes]".to_owned();
        return Err(Error::Shape {
            place: PLACE.into(),
            expected,
            found: shape.to_string(),
        });
    }
    let sizes = vec![weights.len(), 1];
    let table = graph.state(CLASS_WEIGHTS, &sizes);
    let mut look_up = || {
        let batch = Shape(shape.0[..1].to_vec());
        let column = match (shape.rank(), shape.size(1)) {
            (1, _) => graph.add(ops::Gather {}.into(), &[table, targets])?,
            (2, Some(1)) => {
                let numbers = graph.reshape(targets, batch.clone())?;
                graph.add(ops::Gather {}.into(), &[table, numbers])?
            }
            _ => graph.matmul(targets, table)?,
        };
        graph.reshape(column, batch)
    };
    let node = look_up().map_err(|error| Error::graph(&PLACE.into(), error))?;
    let spec = StateSpec {
        name: CLASS_WEIGHTS.to_owned(),
        sizes,
        node: table,
        rows: weights.to_vec(),
    };
    Ok((node, spec))
}

const PLACE: &str = "loss";
const CLASS_WEIGHTS: &str = "class_weights";
