//! Matrix product.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// `op(A) · op(B)` of two matrices, where `op` transposes or does nothing.
///
/// # Shapes
/// A `[m, k]` (or `[k, m]`, transposed), B `[k, n]` (or `[n, k]`), result `[m, n]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatMul {
    /// A is stored as `[k, m]`.
    pub transpose_a: bool,
    /// B is stored as `[n, k]`.
    pub transpose_b: bool,
}

impl Operator for MatMul {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [a, b] = check::inputs("matmul", inputs)?;
        if a.rank() != 2 || b.rank() != 2 {
            return Err(Error::shape(
                "matmul",
                "two matrices",
                format!("{a} and {b}"),
            ));
        }
        let (m, k) = if self.transpose_a {
            (a.0[1], a.0[0])
        } else {
            (a.0[0], a.0[1])
        };
        let (k_b, n) = if self.transpose_b {
            (b.0[1], b.0[0])
        } else {
            (b.0[0], b.0[1])
        };
        if k != k_b {
            return Err(Error::shape(
                "matmul",
                format!("{k} values to a row on both sides"),
                format!("{a} and {b}"),
            ));
        }
        Ok(Shape(vec![m, n]))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (a, b, m, n) = (inputs[0], inputs[1], shape[0], shape[1]);
        let k = if self.transpose_a {
            a.shape[0]
        } else {
            a.shape[1]
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
