//! Convolutions, with bias, activation and pooling, and their gradients.

use jingwei_graph::ops::{ConvAttributes, ReduceKind};
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::{
    Conv2dForward, Conv2dGradFilter, Conv2dGradInput, ConvShape, Epilogue,
};

use super::Lowering;
use crate::program::ValueId;

/// The gradient before pooling and ReLU, never written out: of each window only the position that won has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SparseGradient {
    /// The pooled values.
    y: ValueId,
    /// Which position of each window won.
    index: ValueId,
    /// The node of the gradient with respect to the pooled values.
    dy: NodeId,
}

impl Lowering<'_> {
    pub(super) fn lower_conv2d(&mut self, id: NodeId) -> bool {
        let Op::Conv2d(op) = &self.node(id).op else { return false };
        let shape = self.conv_shape(&op.attributes, self.input(id, 0), self.input(id, 1), id);
        let [x, w] = self.operands(id);
        let chain = self.chain(id);
        let epilogue = Epilogue { bias: chain.bias.is_some(), activation: chain.activation, accumulate: false };
        let kernel = Conv2dForward::new(self.level, shape, epilogue);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        self.take(id, chain.last);
        let y = self.define(chain.last);
        let name = ("conv2d", self.layer(id));
        match chain.bias.map(|bias| self.value(bias)) {
            Some(bias) => self.program.emit(name, [x, w, bias], [y, shared], move |workers, [x, w, bias], [y, shared], _| {
                kernel.run(workers, x, w, Some(bias), y, shared);
            }),
            None => self.program.emit(name, [x, w], [y, shared], move |workers, [x, w], [y, shared], _| {
                kernel.run(workers, x, w, None, y, shared);
            }),
        }
        true
    }

    /// Whether a node sums all but the last dimension of a gradient of images, for nobody in the graph.
    fn is_bias_gradient(&self, id: NodeId) -> bool {
        matches!(&self.node(id).op, Op::Reduce(op) if op.kind == ReduceKind::Sum && op.axes == [0, 1, 2] && !op.keep)
            && self.sizes(self.input(id, 0)).len() == 4
            && self.users[id.index()].is_empty()
    }

    /// Whether a bias gradient is computed along with a filter gradient that comes later.
    pub(super) fn is_deferred(&self, id: NodeId) -> bool {
        let takes = |user: &NodeId| {
            matches!(self.node(*user).op, Op::Conv2dGradFilter(_))
                && self.input(*user, 1) == self.input(id, 0)
                && !self.done[user.index()]
        };
        self.is_bias_gradient(id) && self.users[self.input(id, 0).index()].iter().any(takes)
    }

    pub(super) fn lower_conv2d_grad_filter(&mut self, id: NodeId) -> bool {
        let Op::Conv2dGradFilter(op) = &self.node(id).op else { return false };
        let (x, gradient) = (self.input(id, 0), self.input(id, 1));
        let shape = self.conv_shape(&op.attributes, x, id, gradient);
        let x = self.value(x);
        let bias = self.users[gradient.index()].iter().copied().find(|&user| self.is_bias_gradient(user));
        let bias = bias.filter(|user| !self.done[user.index()]);
        let dw = self.define(id);
        // Without a bias the sums go nowhere.
        let db = match bias {
            Some(bias) => self.define(bias),
            None => self.temporary(shape.filters),
        };
        let kernel = Conv2dGradFilter::new(self.level, shape);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        let (dy, has_bias) = (self.value(gradient), bias.is_some());
        let name = ("conv2d filter gradient", self.layer(id));
        self.program.emit(name, [x, dy], [dw, db, shared], move |workers, [x, dy], [dw, db, shared], _| {
            kernel.run(workers, x, dy, dw, has_bias.then_some(db), shared);
        });
        true
    }

    pub(super) fn lower_conv2d_grad_input(&mut self, id: NodeId) -> bool {
        let Op::Conv2dGradInput(op) = &self.node(id).op else { return false };
        let (w, gradient) = (self.input(id, 0), self.input(id, 1));
        let shape = self.conv_shape(&op.attributes, id, w, gradient);
        let w = self.value(w);
        let dx = self.define(id);
        let kernel = Conv2dGradInput::new(self.level, shape);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        let dy = self.value(gradient);
        let name = ("conv2d input gradient", self.layer(id));
        self.program.emit(name, [w, dy], [dx, shared], move |workers, [w, dy], [dx, shared], _| {
            kernel.run(workers, w, dy, dx, shared);
        });
        true
    }

    /// The shape of a convolution of `x` with `w`, which gives `y`.
    fn conv_shape(&self, attributes: &ConvAttributes, x: NodeId, w: NodeId, y: NodeId) -> ConvShape {
        let (x, w, y) = (self.sizes(x), self.sizes(w), self.sizes(y));
        ConvShape {
            batch: x[0],
            height: x[1],
            width: x[2],
            channels: x[3],
            filters: y[3],
            kernel: [w[0], w[1]],
            stride: attributes.stride,
            padding: attributes.padding,
            dilation: attributes.dilation,
            groups: attributes.groups,
        }
    }
}

