//! Cross-entropy of logits against a distribution over the classes.

use serde::{Deserialize, Serialize};

use super::softmax::{log_softmax, width};
use super::sparse_cross_entropy::logits_rows;
use super::{Operator, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// −Σ t · ln softmax(logits) for each row, where the targets t are smoothed to (1 − ε) · t + ε / classes.
///
/// # Shapes
/// Logits and targets `[…, classes]`, losses `[rows]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftCrossEntropy {
    /// ε, at least 0 and below 1.
    pub label_smoothing: f32,
}

impl Operator for SoftCrossEntropy {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "soft_cross_entropy";
        let [logits, targets] = check::inputs(OP, inputs)?;
        check::within(OP, "label smoothing", self.label_smoothing, 0.0..1.0)?;
        let rows = logits_rows(OP, logits)?;
        if targets != logits {
            return Err(Error::shape(
                OP,
                format!("targets {logits} like the logits"),
                targets.to_string(),
            ));
        }
        Ok(rows)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let (logits, targets) = (inputs[0], inputs[1]);
        let classes = width(logits.shape);
        for ((x, t), loss) in logits
            .data
            .chunks_exact(classes)
            .zip(targets.data.chunks_exact(classes))
            .zip(output)
        {
            let terms = log_softmax(x).zip(t).map(|(log, &t)| {
                let target = smoothed(t, classes, self.label_smoothing);
                // A class that cannot be right costs nothing, even at a probability of 0.
                if target == 0.0 { 0.0 } else { target * log }
            });
            *loss = -terms.sum::<f64>() as f32;
        }
    }

    /// For the targets it is −(1 − ε) · ln softmax(logits) · dloss.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        g: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (logits, targets) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let op = SoftCrossEntropyGrad {
            label_smoothing: self.label_smoothing,
        };
        let by_logits = needed[0]
            .then(|| graph.add(op.into(), &[logits, targets, g]))
            .transpose()?;
        if !needed[1] {
            return Ok(vec![by_logits, None]);
        }
        let rows = graph.shape(g).0.clone();
        let column = graph.reshape(g, Shape([&rows[..], &[Dim::Size(1)]].concat()))?;
        let column = graph.scale(column, self.label_smoothing - 1.0)?;
        let logs = graph.log_softmax(logits)?;
        Ok(vec![by_logits, Some(graph.multiply(logs, column)?)])
    }
}

/// The gradient of [`SoftCrossEntropy`] with respect to the logits: (softmax · Σ t − t) · dloss.
///
/// # Shapes
/// Logits and targets `[…, classes]`, dloss the same dimensions without the last; the result has the logits' shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftCrossEntropyGrad {
    /// ε, at least 0 and below 1.
    pub label_smoothing: f32,
}

impl Operator for SoftCrossEntropyGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "soft_cross_entropy_grad";
        let [logits, targets, d_loss] = check::inputs(OP, inputs)?;
        check::within(OP, "label smoothing", self.label_smoothing, 0.0..1.0)?;
        let rows = logits_rows(OP, logits)?;
        if targets != logits || d_loss != &rows {
            let expected = format!("targets {logits} like the logits and a gradient {rows}");
            return Err(Error::shape(OP, expected, check::list(&inputs[1..])));
        }
        Ok(logits.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let [logits, targets, d_loss] = [0, 1, 2].map(|i| inputs[i].data);
        let classes = width(shape);
        for (row, dx) in output.chunks_exact_mut(classes).enumerate() {
            let range = row * classes..(row + 1) * classes;
            let t: Vec<f64> = targets[range.clone()]
                .iter()
                .map(|&t| smoothed(t, classes, self.label_smoothing))
                .collect();
            let total: f64 = t.iter().sum();
            for ((dx, log), t) in dx.iter_mut().zip(log_softmax(&logits[range])).zip(t) {
                *dx = ((log.exp() * total - t) * f64::from(d_loss[row])) as f32;
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let reason = "the second derivative of soft_cross_entropy is not implemented; build it from log_softmax";
        Err(check::no_gradient(graph, node, reason))
    }
}

fn smoothed(target: f32, classes: usize, smoothing: f32) -> f64 {
    let smoothing = f64::from(smoothing);
    (1.0 - smoothing) * f64::from(target) + smoothing / classes as f64
}
