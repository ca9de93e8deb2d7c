//! Convolutions, with bias, activation and pooling, and their gradients.

use std::collections::HashMap;

use jingwei_graph::ops::{ConvAttributes, ReduceKind, UnaryKind, Window};
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::{
    BiasedFilters, Conv2dForward, Conv2dGradFilter, Conv2dGradInput, ConvReluPoolForward,
    ConvReluPoolGradFilter, ConvReluPoolGradInput, ConvShape, Epilogue, PooledResults,
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

/// The nodes that one fused convolution stands for.
struct PooledBlock {
    bias: NodeId,
    between: [NodeId; 3],
    pool: NodeId,
    /// The gradients of pooling and ReLU, where the block is trained.
    backward: Option<(NodeId, NodeId)>,
}

/// What a convolution leaves for later kernels.
#[derive(Default)]
pub(super) struct Kept {
    /// Gradients that stand for one position in each pooling window.
    sparse: HashMap<NodeId, SparseGradient>,
}

impl Lowering<'_> {
    pub(super) fn lower_conv2d(&mut self, id: NodeId) -> bool {
        let Op::Conv2d(op) = &self.node(id).op else {
            return false;
        };
        let shape = self.conv_shape(&op.attributes, self.input(id, 0), self.input(id, 1), id);
        if ConvReluPoolForward::supports(&shape, [2, 2])
            && let Some(block) = self.pooled_block(id, &shape)
        {
            self.lower_pooled_block(id, shape, &block);
            return true;
        }
        if self.lower_conv_over_time(id, &shape) {
            return true;
        }
        let [x, w] = self.operands(id);
        let chain = self.chain(id);
        let epilogue = Epilogue {
            bias: chain.bias.is_some(),
            activation: chain.activation,
            accumulate: false,
        };
        let kernel = Conv2dForward::new(self.level, shape, epilogue);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        self.take(id, chain.last);
        let y = self.define(chain.last);
        let name = ("conv2d", self.layer(id));
        match chain.bias.map(|bias| self.value(bias)) {
            Some(bias) => self.program.emit(
                name,
                [x, w, bias],
                [y, shared],
                move |workers, [x, w, bias], [y, shared], _| {
                    kernel.run(workers, x, w, Some(bias), y, shared);
                },
            ),
            None => self.program.emit(
                name,
                [x, w],
                [y, shared],
                move |workers, [x, w], [y, shared], _| {
                    kernel.run(workers, x, w, None, y, shared);
                },
            ),
        }
        true
    }

    /// The nodes after a convolution, if they are bias, ReLU and 2 × 2 max pooling and nothing else reads what lies
    /// between but the gradients of that ReLU and that pooling.
    fn pooled_block(&self, conv: NodeId, shape: &ConvShape) -> Option<PooledBlock> {
        let chain = self.chain_to_relu(conv)?;
        let (sum, bias, relu) = chain;
        if self.wanted[relu.index()] {
            return None;
        }
        let (mut pool, mut pool_grad, mut relu_grad) = (None, None, None);
        for &user in &self.users[relu.index()] {
            let slot = match &self.node(user).op {
                Op::MaxPool2d(op) if op.window == Window::square(2) => &mut pool,
                Op::MaxPool2dGrad(op) if op.window == Window::square(2) => &mut pool_grad,
                Op::UnaryGrad(op) if op.kind == UnaryKind::Relu => &mut relu_grad,
                _ => return None,
            };
            if slot.replace(user).is_some() || !self.reads_first(user, relu) {
                return None;
            }
        }
        let backward = match (pool_grad, relu_grad) {
            (None, None) => None,
            (Some(pool_grad), Some(relu_grad))
                if self.only_user(pool_grad) == Some(relu_grad)
                    && self.only_convolution_reads(relu_grad, shape) =>
            {
                Some((pool_grad, relu_grad))
            }
            _ => return None,
        };
        Some(PooledBlock {
            bias,
            between: [conv, sum, relu],
            pool: pool?,
            backward,
        })
    }

    fn chain_to_relu(&self, conv: NodeId) -> Option<(NodeId, NodeId, NodeId)> {
        let (sum, bias) = self.bias_after(conv)?;
        let relu = self.only_user(sum)?;
        matches!(&self.node(relu).op, Op::Unary(op) if op.kind == UnaryKind::Relu)
            .then_some((sum, bias, relu))
    }

    /// Whether a gradient goes only into the gradients of a convolution of a shape and of its bias.
    pub(super) fn only_convolution_reads(&self, gradient: NodeId, shape: &ConvShape) -> bool {
        let reads = |user: NodeId| match self.convolution_of(user) {
            Some(own) => {
                own == *shape && self.input(user, 1) == gradient && self.input(user, 0) != gradient
            }
            None => self.is_bias_gradient(user),
        };
        let users = &self.users[gradient.index()];
        !self.wanted[gradient.index()]
            && users.iter().all(|&user| reads(user))
            && users
                .iter()
                .any(|&user| matches!(self.node(user).op, Op::Conv2dGradFilter(_)))
    }

    /// The shape of the convolution that a node is a gradient of.
    fn convolution_of(&self, id: NodeId) -> Option<ConvShape> {
        let node = self.node(id);
        match (&node.op, &node.inputs[..]) {
            (Op::Conv2dGradFilter(op), &[x, dy]) => {
                Some(self.conv_shape(&op.attributes, x, id, dy))
            }
            (Op::Conv2dGradInput(op), &[w, dy]) => Some(self.conv_shape(&op.attributes, id, w, dy)),
            _ => None,
        }
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

    fn lower_pooled_block(&mut self, conv: NodeId, shape: ConvShape, block: &PooledBlock) {
        let [x, w] = self.operands(conv);
        let bias = self.value(block.bias);
        let kernel = ConvReluPoolForward::new(self.level, shape);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        for id in block.between {
            self.done[id.index()] = true;
        }
        let y = self.define(block.pool);
        let name = ("conv2d+relu+max_pool2d", self.layer(conv));
        let Some((pool_grad, relu_grad)) = block.backward else {
            self.program.emit(
                name,
                [x, w, bias],
                [y, shared],
                move |workers, [x, w, bias], [y, shared], _| {
                    kernel.run(workers, x, BiasedFilters { w, bias }, y, None, shared);
                },
            );
            return;
        };
        let index = self.temporary(self.len(block.pool).div_ceil(4));
        self.program.emit(
            name,
            [x, w, bias],
            [y, index, shared],
            move |workers, [x, w, bias], [y, index, shared], _| {
                kernel.run(
                    workers,
                    x,
                    BiasedFilters { w, bias },
                    y,
                    Some(index),
                    shared,
                );
            },
        );
        self.done[pool_grad.index()] = true;
        self.done[relu_grad.index()] = true;
        self.kept.convolution.sparse.insert(
            relu_grad,
            SparseGradient {
                y,
                index,
                dy: self.input(pool_grad, 1),
            },
        );
    }

    pub(super) fn lower_conv2d_grad_filter(&mut self, id: NodeId) -> bool {
        let Op::Conv2dGradFilter(op) = &self.node(id).op else {
            return false;
        };
        let (x, gradient) = (self.input(id, 0), self.input(id, 1));
        let shape = self.conv_shape(&op.attributes, x, id, gradient);
        let x = self.value(x);
        let bias = self.users[gradient.index()]
            .iter()
            .copied()
            .find(|&user| self.is_bias_gradient(user));
        let bias = bias.filter(|user| !self.done[user.index()]);
        let dw = self.define(id);
        // Without a bias the sums go nowhere.
        let db = match bias {
            Some(bias) => self.define(bias),
            None => self.temporary(shape.filters),
        };
        if let Some(winners) = self.kept.over_time.gradients.get(&gradient).copied() {
            self.lower_winner_grad_filter(id, x, winners, [dw, db]);
            return true;
        }
        if let Some(sparse) = self.kept.convolution.sparse.get(&gradient).copied() {
            let kernel = ConvReluPoolGradFilter::new(self.level, shape);
            self.need_scratch(kernel.scratch());
            let shared = self.temporary(kernel.shared());
            let reads = [x, sparse.y, sparse.index, self.value(sparse.dy)];
            let name = ("conv2d+relu+max_pool2d filter gradient", self.layer(id));
            self.program.emit(
                name,
                reads,
                [dw, db, shared],
                move |workers, [x, y, index, dy], [dw, db, shared], _| {
                    kernel.run(workers, x, PooledResults { y, index, dy }, dw, db, shared);
                },
            );
            return true;
        }
        let kernel = Conv2dGradFilter::new(self.level, shape);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        let (dy, has_bias) = (self.value(gradient), bias.is_some());
        let name = ("conv2d filter gradient", self.layer(id));
        self.program.emit(
            name,
            [x, dy],
            [dw, db, shared],
            move |workers, [x, dy], [dw, db, shared], _| {
                kernel.run(workers, x, dy, dw, has_bias.then_some(db), shared);
            },
        );
        true
    }

    pub(super) fn lower_conv2d_grad_input(&mut self, id: NodeId) -> bool {
        let Op::Conv2dGradInput(op) = &self.node(id).op else {
            return false;
        };
        let (w, gradient) = (self.input(id, 0), self.input(id, 1));
        let shape = self.conv_shape(&op.attributes, id, w, gradient);
        let w = self.value(w);
        let dx = self.define(id);
        if let Some(winners) = self.kept.over_time.gradients.get(&gradient).copied() {
            self.lower_winner_grad_input(id, w, winners, dx);
            return true;
        }
        if let Some(sparse) = self.kept.convolution.sparse.get(&gradient).copied() {
            let kernel = ConvReluPoolGradInput::new(self.level, shape);
            self.need_scratch(kernel.scratch());
            let shared = self.temporary(kernel.shared());
            let reads = [w, sparse.y, sparse.index, self.value(sparse.dy)];
            let name = ("conv2d+relu+max_pool2d input gradient", self.layer(id));
            self.program.emit(
                name,
                reads,
                [dx, shared],
                move |workers, [w, y, index, dy], [dx, shared], _| {
                    kernel.run(workers, w, PooledResults { y, index, dy }, dx, shared);
                },
            );
            return true;
        }
        let kernel = Conv2dGradInput::new(self.level, shape);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        let dy = self.value(gradient);
        let name = ("conv2d input gradient", self.layer(id));
        self.program.emit(
            name,
            [w, dy],
            [dx, shared],
            move |workers, [w, dy], [dx, shared], _| {
                kernel.run(workers, w, dy, dx, shared);
            },
        );
        true
    }

    /// The shape of a convolution of `x` with `w`, which gives `y`.
    fn conv_shape(
        &self,
        attributes: &ConvAttributes,
        x: NodeId,
        w: NodeId,
        y: NodeId,
    ) -> ConvShape {
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
