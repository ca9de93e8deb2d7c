//! Linear-chain conditional random fields.

mod chain;

use chain::Chain;
use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The negative logarithm of the probability of a sequence of tags in a linear-chain conditional random field (Lafferty
/// et al. 2001): log Σ exp(score of any sequence) − score of the given one. The score of a sequence is the sum of its
/// emissions, of its transitions, of its start and of its end.
///
/// The chain runs over the steps for which the mask holds a number other than 0, whatever lies between them; a sequence
/// without such a step has the loss 0. A tag that is no whole number of a tag gives NaN.
///
/// # Shapes
/// Emissions `[batch, time, tags]`, tags `[batch, time]`, scores `[tags + 2, tags]` (a row of transitions from each tag,
/// then the starts, then the ends), mask `[batch, time]`; losses `[batch]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrfLoss {}

impl Operator for CrfLoss {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [emissions, tags, scores, mask] = check::inputs("crf_loss", inputs)?;
        let [batch, ..] = chain("crf_loss", emissions, scores, &[tags, mask])?;
        Ok(Shape(vec![batch]))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        for (sample, loss) in output.iter_mut().enumerate() {
            let chain = Chain::new(inputs[0], inputs[2], inputs[3], sample);
            *loss = match chain.path(inputs[1], sample) {
                Some(path) => (chain.log_sum() - chain.score(&path)) as f32,
                None => f32::NAN,
            };
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let mut inputs = graph.node(node).inputs.clone();
        inputs.push(upstream);
        let emissions = needed[0]
            .then(|| graph.add(CrfEmissionsGrad {}.into(), &inputs))
            .transpose()?;
        let scores = needed[2]
            .then(|| graph.add(CrfScoresGrad {}.into(), &inputs))
            .transpose()?;
        Ok(vec![emissions, None, scores, None])
    }
}

/// The gradient of [`CrfLoss`] with respect to the emissions: (the probability of the tag − 1 at the given one) · dloss
/// at the steps that count, by forward–backward.
///
/// # Shapes
/// Emissions, tags, scores and mask as [`CrfLoss`] takes them, dloss `[batch]`; the result has the emissions' shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrfEmissionsGrad {}

impl Operator for CrfEmissionsGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        gradient_of("crf_emissions_grad", inputs)?;
        Ok(inputs[0].clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        output.fill(0.0);
        let len = shape[1] * shape[2];
        for (sample, &d_loss) in inputs[4].data.iter().enumerate() {
            let chain = Chain::new(inputs[0], inputs[2], inputs[3], sample);
            let output = &mut output[sample * len..(sample + 1) * len];
            let Some(path) = chain.path(inputs[1], sample) else {
                output.fill(f32::NAN);
                continue;
            };
            let marginals = chain.marginals();
            for ((&step, row), tag) in chain.steps.iter().zip(marginals).zip(path) {
                for (other, probability) in row.into_iter().enumerate() {
                    let hit = f64::from(u8::from(other == tag));
                    output[step * shape[2] + other] =
                        ((probability - hit) * f64::from(d_loss)) as f32;
                }
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
        Err(no_second(graph, node))
    }
}

/// The gradient of [`CrfLoss`] with respect to the scores: (how often a transition, a start and an end are expected −
/// how often they occur) · dloss, summed over the batch.
///
/// # Shapes
/// Emissions, tags, scores and mask as [`CrfLoss`] takes them, dloss `[batch]`; the result has the scores' shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrfScoresGrad {}

impl Operator for CrfScoresGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        gradient_of("crf_scores_grad", inputs)?;
        Ok(inputs[2].clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let tags = shape[1];
        let mut sums = vec![0.0; output.len()];
        for (sample, &d_loss) in inputs[4].data.iter().enumerate() {
            let (chain, d_loss) = (
                Chain::new(inputs[0], inputs[2], inputs[3], sample),
                f64::from(d_loss),
            );
            let Some(path) = chain.path(inputs[1], sample) else {
                sums.fill(f64::NAN);
                break;
            };
            let Some((&first, &last)) = path.first().zip(path.last()) else {
                continue;
            };
            let marginals = chain.marginals();
            for tag in 0..tags {
                sums[tags * tags + tag] += d_loss * marginals[0][tag];
                sums[(tags + 1) * tags + tag] += d_loss * marginals[marginals.len() - 1][tag];
            }
            sums[tags * tags + first] -= d_loss;
            sums[(tags + 1) * tags + last] -= d_loss;
            for (pair, places) in chain.pairs().iter().zip(path.windows(2)) {
                for (sum, probability) in sums.iter_mut().zip(pair) {
                    *sum += d_loss * probability;
                }
                sums[places[0] * tags + places[1]] -= d_loss;
            }
        }
        for (y, sum) in output.iter_mut().zip(sums) {
            *y = sum as f32;
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(no_second(graph, node))
    }
}

/// The probability of each tag at each step that counts, given all emissions; 0 elsewhere.
///
/// # Shapes
/// Emissions `[batch, time, tags]`, scores `[tags + 2, tags]`, mask `[batch, time]`; the result has the emissions' shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrfMarginals {}

impl Operator for CrfMarginals {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [emissions, scores, mask] = check::inputs("crf_marginals", inputs)?;
        chain("crf_marginals", emissions, scores, &[mask])?;
        Ok(emissions.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        output.fill(0.0);
        for sample in 0..shape[0] {
            let chain = Chain::new(inputs[0], inputs[1], inputs[2], sample);
            for (&step, row) in chain.steps.iter().zip(chain.marginals()) {
                for (tag, probability) in row.into_iter().enumerate() {
                    output[(sample * shape[1] + step) * shape[2] + tag] = probability as f32;
                }
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
        Err(no_second(graph, node))
    }
}

/// The most probable sequence of tags (Viterbi 1967), the smallest of equally good ones at each step from the end; 0 at
/// steps that do not count.
///
/// # Shapes
/// Emissions `[batch, time, tags]`, scores `[tags + 2, tags]`, mask `[batch, time]`; tags `[batch, time]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViterbiDecode {}

impl Operator for ViterbiDecode {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [emissions, scores, mask] = check::inputs("viterbi_decode", inputs)?;
        chain("viterbi_decode", emissions, scores, &[mask])?;
        Ok(mask.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        output.fill(0.0);
        for sample in 0..shape[0] {
            let chain = Chain::new(inputs[0], inputs[1], inputs[2], sample);
            for (&step, tag) in chain.steps.iter().zip(chain.best_path()) {
                output[sample * shape[1] + step] = tag as f32;
            }
        }
    }

    fn gradient(
        &self,
        _: &mut Graph,
        _: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![None, None, None])
    }
}

fn no_second(graph: &Graph, node: NodeId) -> Error {
    check::no_gradient(
        graph,
        node,
        "the second derivative of a conditional random field is not implemented",
    )
}

/// Batch, time and tags of emissions, after a check of what belongs to them.
fn chain(
    op: &'static str,
    emissions: &Shape,
    scores: &Shape,
    steps: &[&Shape],
) -> Result<[Dim; 3]> {
    let &[batch, time, Dim::Size(tags @ 1..)] = emissions.0.as_slice() else {
        let expected = "emissions [batch, time, tags] with a known number of tags";
        return Err(Error::shape(op, expected, emissions.to_string()));
    };
    if tags
        .checked_add(2)
        .is_none_or(|rows| scores.0 != [Dim::Size(rows), Dim::Size(tags)])
    {
        let expected =
            format!("scores of {tags} tags: transitions, starts and ends, {tags} + 2 rows");
        return Err(Error::shape(op, expected, scores.to_string()));
    }
    if let Some(wrong) = steps.iter().find(|steps| steps.0 != [batch, time]) {
        let expected = format!("tags and a mask [{batch}, {time}] for emissions {emissions}");
        return Err(Error::shape(op, expected, wrong.to_string()));
    }
    Ok([batch, time, Dim::Size(tags)])
}

fn gradient_of(op: &'static str, inputs: &[&Shape]) -> Result<()> {
    let [emissions, tags, scores, mask, d_loss] = check::inputs(op, inputs)?;
    let [batch, ..] = chain(op, emissions, scores, &[tags, mask])?;
    match d_loss.0 == [batch] {
        true => Ok(()),
        false => Err(Error::shape(
            op,
            format!("a gradient [{batch}]"),
            d_loss.to_string(),
        )),
    }
}
