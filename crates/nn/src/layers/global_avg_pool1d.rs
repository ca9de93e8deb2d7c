//! Mean pooling of whole sequences.

use jingwei_graph::{Dim, NodeId, Shape, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::Result;

/// The mean of each channel over the whole sequence, padding left out; 0 where there is nothing but padding.
///
/// # Shapes
/// Input `[batch, length, channels]` of any length, result `[batch, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool1d {}

impl Build for GlobalAvgPool1d {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.steps(x)?;
        let Some(mask) = builder.mask(x) else {
            return over_time(builder, ops::ReduceKind::Mean, x);
        };
        let masked = builder.masked(x, mask)?;
        let sum = over_time(builder, ops::ReduceKind::Sum, masked)?;
        let count = over_time(builder, ops::ReduceKind::Sum, mask)?;
        let one = builder.number(1.0)?;
        let count = binary(builder, ops::BinaryKind::Max, count, one)?;
        let column = Shape(vec![builder.shape(x).0[0], Dim::Size(1)]);
        let count = builder.add(ops::Reshape { shape: column }, &[count])?;
        binary(builder, ops::BinaryKind::Div, sum, count)
    }
}

fn over_time(builder: &mut Builder<'_>, kind: ops::ReduceKind, x: NodeId) -> Result<NodeId> {
    let (axes, keep) = (vec![1], false);
    builder.add(ops::Reduce { kind, axes, keep }, &[x])
}

fn binary(
    builder: &mut Builder<'_>,
    kind: ops::BinaryKind,
    a: NodeId,
    b: NodeId,
) -> Result<NodeId> {
    builder.add(ops::Binary { kind }, &[a, b])
}
