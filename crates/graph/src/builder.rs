//! One method an operator, so that graphs read like formulas.

use crate::ops::{
    Attention, AvgPool2d, BatchNorm, BatchStatistics, Binary, BinaryKind, BroadcastTo, Compare,
    CompareKind, Concat, Conv2d, Conv2dGradInput, ConvAttributes, Dropout, Gather, LayerNorm,
    LogSoftmax, MatMul, MaxPool2d, Pad, Recurrent, Reduce, ReduceKind, Reshape, RmsNorm,
    RotaryEmbedding, Slice, SoftCrossEntropy, Softmax, SparseCrossEntropy, StopGradient, Transpose,
    Unary, UnaryKind, Where, Window,
};
use crate::{Dim, Error, Graph, NodeId, Result, Shape};

/// # Adding functions of one value
///
/// Each keeps the shape.
#[expect(
    clippy::missing_errors_doc,
    reason = "only a leaky slope outside [0, 1) is refused"
)]
impl Graph {
    /// A function of every value.
    pub fn unary(&mut self, kind: UnaryKind, x: NodeId) -> Result<NodeId> {
        self.add(Unary { kind }.into(), &[x])
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Relu, x)
    }

    /// x where it is positive, slope · x elsewhere; the slope lies in [0, 1).
    pub fn leaky_relu(&mut self, x: NodeId, slope: f32) -> Result<NodeId> {
        self.unary(UnaryKind::LeakyRelu(slope), x)
    }

    /// x · Φ(x).
    pub fn gelu(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Gelu, x)
    }

    /// x · σ(x).
    pub fn silu(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Silu, x)
    }

    /// 1 / (1 + e⁻ˣ).
    pub fn sigmoid(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Sigmoid, x)
    }

    /// Hyperbolic tangent.
    pub fn tanh(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Tanh, x)
    }

    /// ln(1 + eˣ).
    pub fn softplus(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Softplus, x)
    }

    /// eˣ.
    pub fn exp(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Exp, x)
    }

    /// Natural logarithm.
    pub fn log(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Log, x)
    }

    /// Square root.
    pub fn sqrt(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Sqrt, x)
    }

    /// x².
    pub fn square(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Square, x)
    }

    /// −x.
    pub fn negate(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Neg, x)
    }

    /// |x|.
    pub fn abs(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Abs, x)
    }

    /// 1 / x.
    pub fn reciprocal(&mut self, x: NodeId) -> Result<NodeId> {
        self.unary(UnaryKind::Reciprocal, x)
    }

    /// x in the forward direction, and no gradient.
    pub fn stop_gradient(&mut self, x: NodeId) -> Result<NodeId> {
        self.add(StopGradient {}.into(), &[x])
    }

    /// x with a share `rate` of its values dropped; `stream` tells the layers of a model apart.
    pub fn dropout(&mut self, x: NodeId, rate: f32, stream: u64) -> Result<NodeId> {
        self.add(Dropout { rate, stream }.into(), &[x])
    }
}

/// # Adding functions of two values
///
/// Shapes broadcast by NumPy's rule; [`crate::Error::Shape`] if they do not.
#[expect(clippy::missing_errors_doc, reason = "said once for all methods")]
impl Graph {
    /// A function of every pair of values.
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

    /// The larger of a and b.
    pub fn maximum(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.binary(BinaryKind::Max, a, b)
    }

    /// The smaller of a and b.
    pub fn minimum(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.binary(BinaryKind::Min, a, b)
    }

    /// a to the power b.
    pub fn power(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.binary(BinaryKind::Pow, a, b)
    }

    /// x times a number.
    pub fn scale(&mut self, x: NodeId, factor: f32) -> Result<NodeId> {
        let factor = self.constant(factor);
        self.multiply(x, factor)
    }

    /// 1 where a comparison holds, 0 elsewhere.
    pub fn compare(&mut self, kind: CompareKind, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.add(Compare { kind }.into(), &[a, b])
    }

    /// a where the condition is not 0, b elsewhere.
    pub fn where_(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.add(Where {}.into(), &[condition, a, b])
    }
}

/// # Adding operators on images
///
/// Images are `[batch, height, width, channels]`, filters `[height, width, channels / groups, filters]`. Each method
/// fails with [`crate::Error::Shape`] if the operands do not fit.
#[expect(clippy::missing_errors_doc, reason = "said once for all methods")]
impl Graph {
    /// The convolution of images x with filters w.
    pub fn conv2d(&mut self, x: NodeId, w: NodeId, attributes: ConvAttributes) -> Result<NodeId> {
        self.add(Conv2d { attributes }.into(), &[x, w])
    }

    /// The transposed convolution: images of a height and width that a convolution with filters w
    /// `[height, width, channels of the result / groups, channels of x]` turns into the shape of x.
    pub fn conv2d_transpose(
        &mut self,
        x: NodeId,
        w: NodeId,
        attributes: ConvAttributes,
        size: [usize; 2],
    ) -> Result<NodeId> {
        let group_channels = self.shape(w).size(2).unwrap_or_default();
        let channels = group_channels.saturating_mul(attributes.groups);
        let batch = self.shape(x).0.first().copied().unwrap_or(Dim::Size(1));
        let shape = Shape(vec![batch, size[0].into(), size[1].into(), channels.into()]);
        self.add(Conv2dGradInput { attributes, shape }.into(), &[w, x])
    }

    /// The largest value of each window.
    pub fn max_pool2d(&mut self, x: NodeId, window: Window) -> Result<NodeId> {
        self.add(MaxPool2d { window }.into(), &[x])
    }

    /// The mean of each window; padding counts as zeros if `include_padding`.
    pub fn avg_pool2d(
        &mut self,
        x: NodeId,
        window: Window,
        include_padding: bool,
    ) -> Result<NodeId> {
        self.add(
            AvgPool2d {
                window,
                include_padding,
            }
            .into(),
            &[x],
        )
    }
}

/// # Adding matrix products, normalisation and losses
///
/// Each method fails with [`crate::Error::Shape`] if the operands do not fit.
#[expect(clippy::missing_errors_doc, reason = "said once for all methods")]
impl Graph {
    /// The matrix product a · b.
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.add(MatMul::default().into(), &[a, b])
    }

    /// Mean and biased variance of each channel of x `[…, channels]`, as `[2, channels]`.
    pub fn batch_statistics(&mut self, x: NodeId) -> Result<NodeId> {
        self.add(BatchStatistics {}.into(), &[x])
    }

    /// Batch normalisation by the statistics of x itself, for training; returns the result and the statistics
    /// `[2, channels]`.
    pub fn batch_norm_training(
        &mut self,
        x: NodeId,
        gamma: NodeId,
        beta: NodeId,
        epsilon: f32,
    ) -> Result<(NodeId, NodeId)> {
        let statistics = self.batch_statistics(x)?;
        let op = BatchNorm {
            epsilon,
            batch_statistics: true,
        };
        Ok((
            self.add(op.into(), &[x, statistics, gamma, beta])?,
            statistics,
        ))
    }

    /// Batch normalisation by given statistics `[2, channels]`, which count as constants.
    pub fn batch_norm(
        &mut self,
        x: NodeId,
        statistics: NodeId,
        gamma: NodeId,
        beta: NodeId,
        epsilon: f32,
    ) -> Result<NodeId> {
        let op = BatchNorm {
            epsilon,
            batch_statistics: false,
        };
        self.add(op.into(), &[x, statistics, gamma, beta])
    }

    /// Layer normalisation over the last dimension.
    pub fn layer_norm(
        &mut self,
        x: NodeId,
        gamma: NodeId,
        beta: NodeId,
        epsilon: f32,
    ) -> Result<NodeId> {
        self.add(LayerNorm { epsilon }.into(), &[x, gamma, beta])
    }

    /// Root mean square normalisation over the last dimension.
    pub fn rms_norm(&mut self, x: NodeId, gamma: NodeId, epsilon: f32) -> Result<NodeId> {
        self.add(RmsNorm { epsilon }.into(), &[x, gamma])
    }

    /// Attention of queries `[batch, time, heads, depth]` over keys and values `[batch, source, kv_heads, depth]`, with
    /// the products scaled by 1 / √depth.
    pub fn attention(
        &mut self,
        [q, k, v]: [NodeId; 3],
        mask: Option<NodeId>,
        causal: bool,
    ) -> Result<NodeId> {
        let depth = self.shape(q).size(3).unwrap_or(1);
        let scale = 1.0 / (depth as f32).sqrt();
        let inputs: Vec<NodeId> = [q, k, v].into_iter().chain(mask).collect();
        self.add(Attention { causal, scale }.into(), &inputs)
    }

    /// x `[batch, time, heads, depth]` turned by its positions.
    pub fn rotary_embedding(&mut self, x: NodeId, base: f32) -> Result<NodeId> {
        let inverse = false;
        self.add(RotaryEmbedding { base, inverse }.into(), &[x])
    }

    /// Softmax over the last dimension.
    pub fn softmax(&mut self, x: NodeId) -> Result<NodeId> {
        self.add(Softmax {}.into(), &[x])
    }

    /// The logarithm of softmax over the last dimension.
    pub fn log_softmax(&mut self, x: NodeId) -> Result<NodeId> {
        self.add(LogSoftmax {}.into(), &[x])
    }

    /// The cross-entropy of each row of logits `[…, classes]` against class labels `[…]`.
    pub fn sparse_cross_entropy(
        &mut self,
        logits: NodeId,
        labels: NodeId,
        label_smoothing: f32,
    ) -> Result<NodeId> {
        self.add(
            SparseCrossEntropy { label_smoothing }.into(),
            &[logits, labels],
        )
    }

    /// The cross-entropy of each row of logits against distributions, both `[…, classes]`.
    pub fn soft_cross_entropy(
        &mut self,
        logits: NodeId,
        targets: NodeId,
        label_smoothing: f32,
    ) -> Result<NodeId> {
        self.add(
            SoftCrossEntropy { label_smoothing }.into(),
            &[logits, targets],
        )
    }
}

/// # Adding operators that join and move values
///
/// Each method fails with [`crate::Error::Shape`] if the operands do not fit.
#[expect(clippy::missing_errors_doc, reason = "said once for all methods")]
impl Graph {
    /// Joins values along dimensions, which stay with size 1 if `keep`.
    pub fn reduce(
        &mut self,
        kind: ReduceKind,
        x: NodeId,
        axes: &[usize],
        keep: bool,
    ) -> Result<NodeId> {
        self.add(
            Reduce {
                kind,
                axes: axes.to_vec(),
                keep,
            }
            .into(),
            &[x],
        )
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

    /// All dimensions but the first as one; their sizes must be known.
    pub fn flatten(&mut self, x: NodeId) -> Result<NodeId> {
        let shape = self.shape(x).clone();
        let width = shape.0.get(1..).and_then(|rest| Shape(rest.to_vec()).len());
        let Some((&first, width)) = shape.0.first().zip(width) else {
            let layer = if self.layer().is_empty() {
                "flatten"
            } else {
                self.layer()
            }
            .to_owned();
            let expected = "known sizes behind the first dimension".to_owned();
            return Err(Error::Shape {
                layer,
                op: "reshape",
                expected,
                found: shape.to_string(),
            });
        };
        self.reshape(x, Shape(vec![first, width.into()]))
    }

    /// x repeated to a shape by NumPy's rule; the node itself if it has that shape.
    pub fn broadcast_to(&mut self, x: NodeId, shape: Shape) -> Result<NodeId> {
        if self.shape(x) == &shape {
            return Ok(x);
        }
        let mut dims = vec![Dim::Size(1); shape.rank().saturating_sub(self.shape(x).rank())];
        dims.extend_from_slice(&self.shape(x).0);
        let x = self.reshape(x, Shape(dims))?;
        self.add(
            BroadcastTo {
                shape,
                average: false,
            }
            .into(),
            &[x],
        )
    }

    /// The dimensions in another order: dimension i of the result is `permutation[i]` of x.
    pub fn transpose(&mut self, x: NodeId, permutation: &[usize]) -> Result<NodeId> {
        self.add(
            Transpose {
                permutation: permutation.to_vec(),
            }
            .into(),
            &[x],
        )
    }

    /// `len` places of a dimension, from `start` on.
    pub fn slice(&mut self, x: NodeId, axis: usize, start: usize, len: usize) -> Result<NodeId> {
        self.add(Slice { axis, start, len }.into(), &[x])
    }

    /// Tensors one after another along a dimension.
    pub fn concat(&mut self, inputs: &[NodeId], axis: usize) -> Result<NodeId> {
        self.add(Concat { axis }.into(), inputs)
    }

    /// x with copies of a value before and after each dimension.
    pub fn pad(
        &mut self,
        x: NodeId,
        before: &[usize],
        after: &[usize],
        value: f32,
    ) -> Result<NodeId> {
        self.add(
            Pad {
                before: before.to_vec(),
                after: after.to_vec(),
                value,
            }
            .into(),
            &[x],
        )
    }

    /// The rows of a table `[rows, width]` that indices name.
    pub fn gather(&mut self, table: NodeId, indices: NodeId) -> Result<NodeId> {
        self.add(Gather {}.into(), &[table, indices])
    }
}

/// # Adding recurrent layers
impl Graph {
    /// The states of a recurrent layer; see [`Recurrent`] for the shapes.
    ///
    /// # Errors
    /// [`Error::Shape`] if the operands do not fit.
    pub fn recurrent(
        &mut self,
        op: Recurrent,
        x: NodeId,
        kernel: NodeId,
        bias: Option<NodeId>,
        mask: Option<NodeId>,
        factors: Option<NodeId>,
    ) -> Result<NodeId> {
        let operands: Vec<NodeId> = [Some(x), Some(kernel), bias, mask, factors]
            .into_iter()
            .flatten()
            .collect();
        self.add(op.into(), &operands)
    }
}
