//! Cross-entropy of logits against class labels.

use serde::{Deserialize, Serialize};

use super::gather::whole;
use super::softmax::{log_softmax, sum_of_product, width};
use super::{BroadcastTo, Operator, SoftmaxGrad, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// −Σ t · ln softmax(logits) for each row, where t is 1 at the label and 0 elsewhere, smoothed to
/// (1 − ε) · t + ε / classes (Szegedy et al. 2016). A label that is no whole number of a class gives NaN.
///
/// # Shapes
/// Logits `[…, classes]`, labels and losses of the same dimensions without the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparseCrossEntropy {
    /// ε, at least 0 and below 1.
    pub label_smoothing: f32,
}

impl Operator for SparseCrossEntropy {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "sparse_cross_entropy";
        let [logits, labels] = check::inputs(OP, inputs)?;
        check::within(OP, "label smoothing", self.label_smoothing, 0.0..1.0)?;
        let rows = logits_rows(OP, logits)?;
        if labels != &rows {
            return Err(Error::shape(
                OP,
                format!("labels {rows} for logits {logits}"),
                labels.to_string(),
            ));
        }
        Ok(labels.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let (logits, labels) = (inputs[0], inputs[1]);
        let classes = width(logits.shape);
        let smoothing = f64::from(self.label_smoothing);
        for ((x, &label), loss) in logits
            .data
            .chunks_exact(classes)
            .zip(labels.data)
            .zip(output)
        {
            *loss = whole(label, classes).map_or(f32::NAN, |label| {
                let logs: Vec<f64> = log_softmax(x).collect();
                let mean = if smoothing > 0.0 {
                    logs.iter().sum::<f64>() / classes as f64
                } else {
                    0.0
                };
                -((1.0 - smoothing) * logs[label] + smoothing * mean) as f32
            });
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        g: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (logits, labels) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let op = SparseCrossEntropyGrad {
            label_smoothing: self.label_smoothing,
        };
        Ok(vec![
            needed[0]
                .then(|| graph.add(op.into(), &[logits, labels, g]))
                .transpose()?,
            None,
        ])
    }
}

/// The gradient of [`SparseCrossEntropy`] with respect to the logits: (softmax − t) · dloss.
///
/// # Shapes
/// Logits `[…, classes]`, labels and dloss of the same dimensions without the last; the result has the logits' shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparseCrossEntropyGrad {
    /// ε, at least 0 and below 1.
    pub label_smoothing: f32,
}

impl Operator for SparseCrossEntropyGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "sparse_cross_entropy_grad";
        let [logits, labels, d_loss] = check::inputs(OP, inputs)?;
        check::within(OP, "label smoothing", self.label_smoothing, 0.0..1.0)?;
        let rows = logits_rows(OP, logits)?;
        if labels != &rows || d_loss != &rows {
            let expected = format!("labels and a gradient {rows} for logits {logits}");
            return Err(Error::shape(OP, expected, check::list(&inputs[1..])));
        }
        Ok(logits.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let [logits, labels, d_loss] = [0, 1, 2].map(|i| inputs[i].data);
        let (classes, smoothing) = (width(shape), f64::from(self.label_smoothing));
        for (row, dx) in output.chunks_exact_mut(classes).enumerate() {
            let Some(label) = whole(labels[row], classes) else {
                dx.fill(f32::NAN);
                continue;
            };
            let logs = log_softmax(&logits[row * classes..(row + 1) * classes]);
            for (class, (dx, log)) in dx.iter_mut().zip(logs).enumerate() {
                let hit = if class == label { 1.0 - smoothing } else { 0.0 };
                *dx = ((log.exp() - hit - smoothing / classes as f64) * f64::from(d_loss[row]))
                    as f32;
            }
        }
    }

    /// With U the upstream gradient: dloss · the gradient of softmax applied to U for the logits, Σ U · (softmax − t)
    /// for dloss.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        u: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let &[logits, labels, d_loss] = graph.node(node).inputs.as_slice() else {
            return Ok(Vec::new());
        };
        let rows = graph.shape(d_loss).clone();
        let mut flows = vec![None; 3];
        if needed[0] {
            let softmax = graph.softmax(logits)?;
            let curved = graph.add(SoftmaxGrad {}.into(), &[softmax, u])?;
            let column = graph.reshape(d_loss, Shape([&rows.0[..], &[Dim::Size(1)]].concat()))?;
            flows[0] = Some(graph.multiply(curved, column)?);
        }
        if needed[2] {
            let one = graph.constant(1.0);
            let one = graph.reshape(one, Shape::fixed(&vec![1; rows.rank()]))?;
            let ones = graph.add(
                BroadcastTo {
                    shape: rows.clone(),
                    average: false,
                }
                .into(),
                &[one],
            )?;
            let slope = graph.add((*self).into(), &[logits, labels, ones])?;
            let sum = sum_of_product(graph, u, slope)?;
            flows[2] = Some(graph.reshape(sum, rows)?);
        }
        Ok(flows)
    }
}

/// The rows of logits `[…, classes]` with a known number of classes.
pub(super) fn logits_rows(op: &'static str, logits: &Shape) -> Result<Shape> {
    match logits.0.split_last() {
        Some((&Dim::Size(classes), rows)) if classes > 0 && !rows.is_empty() => {
            Ok(Shape(rows.to_vec()))
        }
        _ => Err(Error::shape(
            op,
            "logits [rows, classes] with a known number of classes",
            logits.to_string(),
        )),
    }
}
