//! Scaled dot-product attention (Vaswani et al. 2017).

use serde::{Deserialize, Serialize};

use super::{AttentionGradKey, AttentionGradQuery, AttentionGradValue, Operator, check};
use crate::limits::MOST_SCALE;
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// softmax(scale · q · kᵀ) · v over the source, for every head.
///
/// A source position takes part if the mask is not 0 there and, where `causal`, if it does not come after the query's
/// own position. A query that no source position takes part for gets zeros.
///
/// # Shapes
/// q `[batch, time, heads, depth]`; k and v `[batch, source, kv_heads, depth]`, where several query heads may share one
/// of them (Ainslie et al. 2023): head h reads `h / (heads / kv_heads)`. The mask, which may be left out, is
/// `[batch, source]`. The result has q's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// No query sees what comes after it.
    pub causal: bool,
    /// What products of queries and keys are multiplied by, 1 / √depth in most networks; at most [`MOST_SCALE`].
    pub scale: f32,
}

impl Operator for Attention {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let (&[q, k, v], mask) = match inputs {
            [q, k, v] => (&[*q, *k, *v], None),
            [q, k, v, mask] => (&[*q, *k, *v], Some(*mask)),
            _ => return Err(check_count("attention", inputs)),
        };
        check_operands("attention", self.scale, [q, k, v], mask)?;
        Ok(q.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let problem = Problem::new(*self, inputs, inputs.get(3).copied());
        let v = inputs[2].data;
        problem.each_query(|at, weights| {
            let y = &mut output[at.query..at.query + problem.depth];
            for (channel, y) in y.iter_mut().enumerate() {
                let sum = |(j, p): (usize, &f64)| p * f64::from(v[problem.key(at, j) + channel]);
                *y = weights.iter().enumerate().map(sum).sum::<f64>() as f32;
            }
        });
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        dy: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let mut inputs = graph.node(node).inputs.clone();
        let mut flows = vec![None; inputs.len()];
        inputs.insert(3, dy);
        let Self { causal, scale } = *self;
        let ops = [
            AttentionGradQuery { causal, scale }.into(),
            AttentionGradKey { causal, scale }.into(),
            AttentionGradValue { causal, scale }.into(),
        ];
        for (index, op) in ops.into_iter().enumerate() {
            if needed[index] {
                flows[index] = Some(graph.add(op, &inputs)?);
            }
        }
        Ok(flows)
    }
}

pub(super) fn check_count(op: &'static str, inputs: &[&Shape]) -> Error {
    let expected = "queries, keys, values and perhaps a mask";
    Error::shape(op, expected, format!("{} inputs", inputs.len()))
}

/// The shape rule that attention and its gradients have in common.
pub(super) fn check_operands(
    op: &'static str,
    scale: f32,
    [q, k, v]: [&Shape; 3],
    mask: Option<&Shape>,
) -> Result<()> {
    if !(-MOST_SCALE..=MOST_SCALE).contains(&scale) {
        let expected = format!("a scale of at most {MOST_SCALE}");
        return Err(Error::shape(op, expected, scale.to_string()));
    }
    let heads = |x: &Shape| match (x.rank(), x.size(2), x.size(3)) {
        (4, Some(heads), Some(depth)) if heads > 0 && depth > 0 => Some((heads, depth)),
        _ => None,
    };
    let fits = heads(q).zip(heads(k)).is_some_and(|(query, key)| {
        q.0[0] == k.0[0] && query.0 % key.0 == 0 && query.1 == key.1 && k == v
    });
    if !fits {
        let expected = "queries [batch, time, heads, depth], keys and values [batch, source, \
                        kv_heads, depth], where kv_heads divides heads";
        return Err(Error::shape(op, expected, check::list(&[q, k, v])));
    }
    match mask {
        Some(mask) if mask.0 != k.0[..2] => {
            let expected = format!("a mask {} for keys {k}", Shape(k.0[..2].to_vec()));
            Err(Error::shape(op, expected, mask.to_string()))
        }
        _ => Ok(()),
    }
}

/// The sizes of one attention, and the walk over its queries that the reference loops share.
pub(super) struct Problem<'a> {
    op: Attention,
    q: &'a [f32],
    k: &'a [f32],
    mask: Option<&'a [f32]>,
    batch: usize,
    time: usize,
    source: usize,
    heads: usize,
    kv_heads: usize,
    pub depth: usize,
}

/// One query of one head.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Where the query's values begin.
    pub query: usize,
    sample: usize,
    kv_head: usize,
}

impl<'a> Problem<'a> {
    pub fn new(op: Attention, inputs: &[Tensor<'a>], mask: Option<Tensor<'a>>) -> Self {
        let (q, k) = (inputs[0], inputs[1]);
        Self {
            op,
            q: q.data,
            k: k.data,
            mask: mask.map(|mask| mask.data),
            batch: q.shape[0],
            time: q.shape[1],
            source: k.shape[1],
            heads: q.shape[2],
            kv_heads: k.shape[2],
            depth: q.shape[3],
        }
    }

    /// Where key (and value) `j` of a query begins.
    pub fn key(&self, at: Place, j: usize) -> usize {
        ((at.sample * self.source + j) * self.kv_heads + at.kv_head) * self.depth
    }

    /// Calls `visit` with each query and its weights over the source.
    pub fn each_query(&self, mut visit: impl FnMut(Place, &[f64])) {
        for sample in 0..self.batch {
            for time in 0..self.time {
                for head in 0..self.heads {
                    let at = Place {
                        query: ((sample * self.time + time) * self.heads + head) * self.depth,
                        sample,
                        kv_head: head / (self.heads / self.kv_heads),
                    };
                    visit(at, &self.weights(at, time));
                }
            }
        }
    }

    fn weights(&self, at: Place, time: usize) -> Vec<f64> {
        let q = &self.q[at.query..at.query + self.depth];
        let seen = |j: usize| {
            (!self.op.causal || j <= time)
                && self
                    .mask
                    .is_none_or(|mask| mask[at.sample * self.source + j] != 0.0)
        };
        let score = |j: usize| {
            let key = self.key(at, j);
            let product = q.iter().zip(&self.k[key..key + self.depth]);
            let sum: f64 = product.map(|(&q, &k)| f64::from(q) * f64::from(k)).sum();
            if seen(j) {
                sum * f64::from(self.op.scale)
            } else {
                f64::NEG_INFINITY
            }
        };
        let mut weights: Vec<f64> = (0..self.source).map(score).collect();
        let largest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !(0..self.source).any(seen) {
            weights.fill(0.0);
            return weights;
        }
        weights
            .iter_mut()
            .for_each(|weight| *weight = (*weight - largest).exp());
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        weights
    }
}
