//! One method an operator, so that graphs read like formulas.

use crate::ops::{LogSoftmax, Softmax, Binary, BinaryKind, MatMul, Reduce, ReduceKind, Reshape, Unary, UnaryKind};
use crate::{Graph, NodeId, Result, Shape};

/// # Adding operators
///
/// Each method fails with [`crate::Error::Shape`] if the operands do not fit.
#[expect(clippy::missing_errors_doc, reason = "said once for all methods")]
impl Graph {
    /// The matrix product a · b.
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.add(MatMul::default().into(), &[a, b])
    }

    /// A function of every value.
    pub fn unary(&mut self, kind: UnaryKind, x: NodeId) -> Result<NodeId> {
        self.add(Unary { kind }.into(), &[x])
    }

    /// A function of every pair of values, with broadcasting.
    pub fn binary(&mut self, kind: BinaryKind, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.add(Binary { kind }.into(), &[a, b])
    }

    /// a + b.
    pub fn add_values(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.binary(BinaryKind::Add, a, b)
    }

    /// a − b.
    pub fn subtract(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.binary(BinaryKind::Sub, a, b)
    }

    /// a · b, value by value.
    pub fn multiply(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.binary(BinaryKind::Mul, a, b)
    }

    /// a / b.
    pub fn divide(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.binary(BinaryKind::Div, a, b)
    }

    /// x times a number.
    pub fn scale(&mut self, x: NodeId, factor: f32) -> Result<NodeId> {
        let factor = self.constant(factor);
        self.multiply(x, factor)
    }

    /// x².
    pub fn square(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Square, x)
    }

    /// Joins values along dimensions, which stay with size 1 if `keep`.
    pub fn reduce(&mut self, kind: ReduceKind, x: NodeId, axes: &[usize], keep: bool) -> Result<NodeId> {
        self.add(Reduce { kind, axes: axes.to_vec(), keep }.into(), &[x])
    }

    /// The sum of all values, one number.
    pub fn sum_all(&mut self, x: NodeId) -> Result<NodeId> {
        let axes: Vec<usize> = (0..self.shape(x).rank()).collect();
        self.reduce(ReduceKind::Sum, x, &axes, false)
    }

    /// The mean of all values, one number.
    pub fn mean_all(&mut self, x: NodeId) -> Result<NodeId> {
        let axes: Vec<usize> = (0..self.shape(x).rank()).collect();
        self.reduce(ReduceKind::Mean, x, &axes, false)
    }

    /// The same values under another shape; the node itself if the shape is the same.
    pub fn reshape(&mut self, x: NodeId, shape: Shape) -> Result<NodeId> {
        if self.shape(x) == &shape {
            return Ok(x);
        }
        self.add(Reshape { shape }.into(), &[x])
    }

    /// Softmax over the last dimension.
    pub fn softmax(&mut self, x: NodeId) -> Result<NodeId> {
        self.add(Softmax {}.into(), &[x])
    }

    /// The logarithm of softmax over the last dimension.
    pub fn log_softmax(&mut self, x: NodeId) -> Result<NodeId> {
        self.add(LogSoftmax {}.into(), &[x])
    }
}
