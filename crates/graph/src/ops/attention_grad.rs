//! The gradients of attention.

use serde::{Deserialize, Serialize};

use super::attention::{Problem, check_count, check_operands};
use super::{Attention, Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

macro_rules! gradient {
    ($(#[$meta:meta])* $name:ident, $text:literal, $input:literal, $evaluate:ident) => {
        $(#[$meta])*
        ///
        /// # Shapes
        /// q, k, v, dy of q's shape, and the mask if there is one, as [`Attention`] takes them; the result has the shape
        /// of what is differentiated by.
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// No query sees what comes after it.
            pub causal: bool,
            /// What products of queries and keys are multiplied by.
            pub scale: f32,
        }

        impl Operator for $name {
            fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
                shape($text, self.scale, inputs)?;
                Ok(inputs[$input].clone())
            }

            fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
                let Self { causal, scale } = *self;
                $evaluate(Attention { causal, scale }, inputs, output);
            }

            fn gradient(
                &self,
                graph: &mut Graph,
                node: NodeId,
                _: NodeId,
                _: &[bool],
            ) -> Result<Vec<Option<NodeId>>> {
                Err(check::no_gradient(graph, node, "the second derivative of attention is not implemented"))
            }
        }
    };
}

gradient! {
    /// The gradient of [`Attention`] with respect to q.
    AttentionGradQuery, "attention_grad_query", 0, grad_query
}

gradient! {
    /// The gradient of [`Attention`] with respect to k.
    AttentionGradKey, "attention_grad_key", 1, grad_key
}

gradient! {
    /// The gradient of [`Attention`] with respect to v.
    AttentionGradValue, "attention_grad_value", 2, grad_value
}

fn shape(op: &'static str, scale: f32, inputs: &[&Shape]) -> Result<()> {
    let (&[q, k, v, dy], mask) = match inputs {
        [q, k, v, dy] => (&[*q, *k, *v, *dy], None),
        [q, k, v, dy, mask] => (&[*q, *k, *v, *dy], Some(*mask)),
        _ => return Err(check_count(op, inputs)),
    };
    check_operands(op, scale, [q, k, v], mask)?;
    if dy != q {
        return Err(Error::shape(op, format!("a gradient {q}"), dy.to_string()));
    }
    Ok(())
}

/// The gradient with respect to each score of a query: p · (dp − Σ p · dp), with dp = dy · v.
fn score_gradients(
    problem: &Problem<'_>,
    inputs: &[Tensor<'_>],
    key: impl Fn(usize) -> usize,
    query: usize,
    weights: &[f64],
) -> Vec<f64> {
    let (v, dy) = (
        inputs[2].data,
        &inputs[3].data[query..query + problem.depth],
    );
    let flow = |j: usize| {
        let v = &v[key(j)..key(j) + problem.depth];
        dy.iter()
            .zip(v)
            .map(|(&dy, &v)| f64::from(dy) * f64::from(v))
            .sum()
    };
    let flows: Vec<f64> = (0..weights.len()).map(flow).collect();
    let mean: f64 = weights.iter().zip(&flows).map(|(p, dp)| p * dp).sum();
    weights
        .iter()
        .zip(&flows)
        .map(|(p, dp)| p * (dp - mean))
        .collect()
}

fn grad_query(op: Attention, inputs: &[Tensor<'_>], output: &mut [f32]) {
    let problem = Problem::new(op, inputs, inputs.get(4).copied());
    let k = inputs[1].data;
    problem.each_query(|at, weights| {
        let key = |j| problem.key(at, j);
        let scores = score_gradients(&problem, inputs, key, at.query, weights);
        for channel in 0..problem.depth {
            let sum = |(j, ds): (usize, &f64)| ds * f64::from(k[key(j) + channel]);
            let sum: f64 = scores.iter().enumerate().map(sum).sum();
            output[at.query + channel] = (sum * f64::from(op.scale)) as f32;
        }
    });
}

fn grad_key(op: Attention, inputs: &[Tensor<'_>], output: &mut [f32]) {
    let problem = Problem::new(op, inputs, inputs.get(4).copied());
    let q = inputs[0].data;
    let mut sums = vec![0.0; output.len()];
    problem.each_query(|at, weights| {
        let key = |j| problem.key(at, j);
        let scores = score_gradients(&problem, inputs, key, at.query, weights);
        for (j, ds) in scores.iter().enumerate() {
            for channel in 0..problem.depth {
                sums[key(j) + channel] += ds * f64::from(q[at.query + channel]);
            }
        }
    });
    for (dk, sum) in output.iter_mut().zip(sums) {
        *dk = (sum * f64::from(op.scale)) as f32;
    }
}

fn grad_value(op: Attention, inputs: &[Tensor<'_>], output: &mut [f32]) {
    let problem = Problem::new(op, inputs, inputs.get(4).copied());
    let dy = inputs[3].data;
    let mut sums = vec![0.0; output.len()];
    problem.each_query(|at, weights| {
        for (j, p) in weights.iter().enumerate() {
            for channel in 0..problem.depth {
                sums[problem.key(at, j) + channel] += p * f64::from(dy[at.query + channel]);
            }
        }
    });
    for (dv, sum) in output.iter_mut().zip(sums) {
        *dv = sum as f32;
    }
}
