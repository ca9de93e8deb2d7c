//! What shape rules have in common.

use crate::{Dim, Error, Graph, NodeId, Result, Shape, ops};

/// Exactly `N` inputs.
pub(super) fn inputs<'a, const N: usize>(
    op: &'static str,
    inputs: &[&'a Shape],
) -> Result<[&'a Shape; N]> {
    inputs.try_into().map_err(|_| {
        let expected = if N == 1 {
            "1 input".to_owned()
        } else {
            format!("{N} inputs")
        };
        Error::shape(op, expected, inputs.len().to_string())
    })
}

/// One input of token ids, `[batch, time]`.
pub(super) fn token_ids(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    let [ids] = self::inputs(op, inputs)?;
    match ids.rank() {
        2 => Ok(ids.clone()),
        _ => Err(Error::shape(op, "ids [batch, time]", ids.to_string())),
    }
}

/// Shapes in a message: "[2, 3] and [3]".
pub(super) fn list(shapes: &[&Shape]) -> String {
    match shapes {
        [] => "nothing".to_owned(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

/// A tensor whose last dimension has a known size that is not zero; returns that size.
pub(super) fn channels(op: &'static str, x: &Shape) -> Result<usize> {
    match x.rank().checked_sub(1).and_then(|last| x.size(last)) {
        Some(size) if size > 0 => Ok(size),
        _ => Err(Error::shape(
            op,
            "an input whose last dimension has a known size",
            x.to_string(),
        )),
    }
}

/// A number that lies in `range`.
pub(super) fn within(
    op: &'static str,
    what: &str,
    value: f32,
    range: std::ops::Range<f32>,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!(
        "a {what} of at least {} and below {}",
        range.start, range.end
    );
    Err(Error::shape(op, expected, value.to_string()))
}

/// A small number that is added to a variance: finite and not negative.
pub(super) fn epsilon(op: &'static str, value: f32) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::shape(
        op,
        "a finite epsilon that is not negative",
        value.to_string(),
    ))
}

/// One row of a matrix of known sizes, as a vector.
pub(super) fn row(graph: &mut Graph, matrix: NodeId, row: usize) -> Result<NodeId> {
    let slice = graph.add(
        ops::Slice {
            axis: 0,
            start: row,
            len: 1,
        }
        .into(),
        &[matrix],
    )?;
    let columns = graph.shape(slice).0[1];
    graph.reshape(slice, Shape(vec![columns]))
}

/// The error of an operator that cannot be differentiated.
pub(super) fn no_gradient(graph: &Graph, node: NodeId, reason: &str) -> Error {
    let node = graph.node(node);
    let layer = if node.layer.is_empty() {
        node.op.name()
    } else {
        &node.layer
    };
    Error::NoGradient {
        layer: layer.to_owned(),
        op: node.op.name(),
        reason: format!(": {reason}"),
    }
}

/// A vector with one value for each of `channels`.
pub(super) fn is_vector(shape: &Shape, channels: usize) -> bool {
    shape.0 == [Dim::Size(channels)]
}

/// A pair of rows with one value for each of `channels`.
pub(super) fn is_pair(shape: &Shape, channels: usize) -> bool {
    shape.0 == [Dim::Size(2), Dim::Size(channels)]
}
