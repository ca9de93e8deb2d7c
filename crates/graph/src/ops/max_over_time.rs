//! The largest value of each channel over a sequence.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The largest value of each channel over the steps of a sequence; with a mask, over those that it holds a number other
/// than 0 for. A sequence without such a step gives 0. NaN always wins.
///
/// # Shapes
/// x `[batch, time, channels]`, mask `[batch, time]` or absent, result `[batch, channels]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxOverTime {}

impl Operator for MaxOverTime {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "max_over_time";
        let (x, mask) = match inputs {
            [x] => (x, None),
            [x, mask] => (x, Some(*mask)),
            _ => {
                let expected = "a sequence, and a mask or nothing";
                return Err(Error::shape(OP, expected, check::list(inputs)));
            }
        };
        pooled(OP, x, mask)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        output.fill(0.0);
        each_maximum(x, inputs.get(1), |from, to| output[to] = x.data[from]);
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let mut inputs = graph.node(node).inputs.clone();
        inputs.insert(1, upstream);
        let dx = graph.add(MaxOverTimeGrad {}.into(), &inputs)?;
        Ok(vec![Some(dx), None][..inputs.len() - 1].to_vec())
    }
}

/// The gradient of [`MaxOverTime`]: each dy goes to the first maximum of its channel, or to the last NaN.
///
/// # Shapes
/// x `[batch, time, channels]`, dy `[batch, channels]`, mask `[batch, time]` or absent; the result has x's shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxOverTimeGrad {}

impl Operator for MaxOverTimeGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "max_over_time_grad";
        let (x, dy, mask) = match inputs {
            [x, dy] => (*x, *dy, None),
            [x, dy, mask] => (*x, *dy, Some(*mask)),
            _ => {
                let expected = "a sequence, a gradient, and a mask or nothing";
                return Err(Error::shape(OP, expected, check::list(inputs)));
            }
        };
        let pooled = pooled(OP, x, mask)?;
        if &pooled != dy {
            let expected = format!("a gradient {pooled} for sequences {x}");
            return Err(Error::shape(OP, expected, dy.to_string()));
        }
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        output.fill(0.0);
        each_maximum(inputs[0], inputs.get(2), |from, to| {
            output[from] = inputs[1].data[to];
        });
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let reason = "the second derivative of a maximum is not implemented";
        Err(check::no_gradient(graph, node, reason))
    }
}

fn pooled(op: &'static str, x: &Shape, mask: Option<&Shape>) -> Result<Shape> {
    let &[batch, time, channels] = x.0.as_slice() else {
        let expected = "sequences [batch, time, channels]";
        return Err(Error::shape(op, expected, x.to_string()));
    };
    if let Some(mask) = mask.filter(|mask| mask.0 != [batch, time]) {
        let expected = format!("a mask [{batch}, {time}] for sequences {x}");
        return Err(Error::shape(op, expected, mask.to_string()));
    }
    Ok(Shape(vec![batch, channels]))
}

/// Calls `visit` with the place of each channel's first maximum in x, and the place of the channel in the result.
fn each_maximum(x: Tensor<'_>, mask: Option<&Tensor<'_>>, mut visit: impl FnMut(usize, usize)) {
    let &[batch, time, channels] = x.shape else {
        return;
    };
    for sample in 0..batch {
        let steps = sample * time..(sample + 1) * time;
        let counts = |step: &usize| mask.is_none_or(|mask| mask.data[*step] != 0.0);
        for channel in 0..channels {
            let places = steps
                .clone()
                .filter(counts)
                .map(|step| step * channels + channel);
            let best = places.reduce(|best, place| {
                match x.data[place] > x.data[best] || x.data[place].is_nan() {
                    true => place,
                    false => best,
                }
            });
            if let Some(best) = best {
                visit(best, sample * channels + channel);
            }
        }
    }
}
