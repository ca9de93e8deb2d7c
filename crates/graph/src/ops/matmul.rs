//! Matrix product.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// `op(A) · op(B)`, where `op` transposes or does nothing. Dimensions before the last of A count as rows of one matrix.
///
/// # Shapes
/// A `[…, k]`, B `[k, n]` (or `[n, k]`, transposed), result `[…, n]`. With A transposed, A `[…, m]` and B `[…, n]` have
/// the same dimensions before the last, over which the product sums, and the result is `[m, n]`; B may be transposed
/// too if both are matrices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatMul {
    /// A is stored as `[k, m]`.
    pub transpose_a: bool,
    /// B is stored as `[n, k]`.
    pub transpose_b: bool,
    /// The product is part of a gradient, which need not be as exact as a prediction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gradient: bool,
}

impl Operator for MatMul {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [a, b] = check::inputs("matmul", inputs)?;
        let wrong =
            |expected: String| Err(Error::shape("matmul", expected, format!("{a} and {b}")));
        let ([a_outer @ .., a_last], [b_outer @ .., b_last]) = (a.0.as_slice(), b.0.as_slice())
        else {
            return wrong("two matrices".to_owned());
        };
        if self.transpose_a && !self.transpose_b && !a_outer.is_empty() {
            return match a_outer == b_outer {
                true => Ok(Shape(vec![*a_last, *b_last])),
                false => wrong("the same dimensions before the last on both sides".to_owned()),
            };
        }
        let [b_first] = b_outer else {
            return wrong("two matrices".to_owned());
        };
        if a_outer.is_empty() || (self.transpose_a && a_outer.len() > 1) {
            return wrong("two matrices".to_owned());
        }
        let (rows, k) = if self.transpose_a {
            (std::slice::from_ref(a_last), a_outer[0])
        } else {
            (a_outer, *a_last)
        };
        let (k_b, n) = if self.transpose_b {
            (*b_last, *b_first)
        } else {
            (*b_first, *b_last)
        };
        if k != k_b {
            return wrong(format!("{k} values to a row on both sides"));
        }
        Ok(Shape([rows, &[n]].concat()))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (a, b) = (inputs[0], inputs[1]);
        let Some((&n, rows)) = shape.split_last() else {
            return;
        };
        let m: usize = rows.iter().product();
        let k = if self.transpose_a {
            a.data.len() / m.max(1)
        } else {
            a.shape.last().copied().unwrap_or(0)
        };
        for row in 0..m {
            for column in 0..n {
                output[row * n + column] = (0..k)
                    .map(|i| {
                        let left = if self.transpose_a {
                            a.data[i * m + row]
                        } else {
                            a.data[row * k + i]
                        };
                        let right = if self.transpose_b {
                            b.data[column * k + i]
                        } else {
                            b.data[i * n + column]
                        };
                        f64::from(left) * f64::from(right)
                    })
                    .sum::<f64>() as f32;
            }
        }
    }

    /// With C = A·B and upstream G: dA = G·Bᵀ, dB = Aᵀ·G, and their transposes where A or B is stored transposed.
    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        g: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (a, b) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let mut product = |left, right, transpose_a, transpose_b| {
            graph.add(
                MatMul {
                    transpose_a,
                    transpose_b,
                    gradient: true,
                }
                .into(),
                &[left, right],
            )
        };
        let da = match (needed[0], self.transpose_a) {
            (false, _) => None,
            (true, false) => Some(product(g, b, false, !self.transpose_b)?),
            (true, true) => Some(product(b, g, self.transpose_b, true)?),
        };
        let db = match (needed[1], self.transpose_b) {
            (false, _) => None,
            (true, false) => Some(product(a, g, !self.transpose_a, false)?),
            (true, true) => Some(product(g, a, true, self.transpose_a)?),
        };
        Ok(vec![da, db])
    }
}
