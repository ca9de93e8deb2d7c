//! The maximum over time, alone or right after a convolution along sequences.

use std::collections::HashMap;

use jingwei_graph::ops::UnaryKind;
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::pooling::GlobalMaximum;
use jingwei_kernels::{
    ConvMaxForward, ConvMaxGradFilter, ConvMaxGradInput, ConvMaxOperands, ConvShape, SequenceShape,
};

use super::Lowering;
use crate::program::ValueId;

/// The gradient before the maximum over time, never written out: of each filter only the step that won has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WinnerGradient {
    shape: SequenceShape,
    /// The maxima.
    y: ValueId,
    /// The steps that won.
    at: ValueId,
    /// The node of the gradient with respect to the maxima.
    dy: NodeId,
}

/// The nodes that one fused convolution stands for.
struct Block {
    bias: Option<NodeId>,
    mask: Option<NodeId>,
    relu: bool,
    between: Vec<NodeId>,
    maximum: NodeId,
    /// The node of the gradient of the maxima, those in between, and the gradient of the convolution's result.
    backward: Option<(NodeId, Vec<NodeId>, NodeId)>,
}

/// What reads a node on the way from a convolution to its maximum.
#[derive(Default)]
struct Users {
    next: Option<NodeId>,
    maximum: Option<NodeId>,
    maximum_grad: Option<NodeId>,
}

/// What a maximum over time leaves for later kernels.
#[derive(Default)]
pub(super) struct Kept {
    /// The steps that won a maximum over time of a node's values under a mask.
    winners: HashMap<(NodeId, Option<NodeId>), ValueId>,
    /// Gradients that stand for one step of each filter.
    pub(super) gradients: HashMap<NodeId, WinnerGradient>,
}

impl Lowering<'_> {
    pub(super) fn lower_over_time(&mut self, id: NodeId) -> bool {
        let node = self.node(id);
        let name = (node.op.name(), node.layer.as_str());
        let x = self.sizes(node.inputs[0]);
        let kernel = GlobalMaximum {
            batch: x[0],
            positions: x[1],
            channels: x[2],
        };
        if !(1..=1 << 24).contains(&kernel.positions) || kernel.channels == 0 {
            return false;
        }
        if matches!(node.op, Op::MaxOverTime(_)) {
            let mask = node.inputs.get(1).copied();
            let has_mask = mask.is_some();
            let reads = [node.inputs[0], mask.unwrap_or(node.inputs[0])].map(|id| self.value(id));
            let (y, at) = (self.define(id), self.temporary(self.len(id)));
            self.kept
                .over_time
                .winners
                .insert((node.inputs[0], mask), at);
            self.program.emit(
                name,
                reads,
                [y, at],
                move |workers, [x, mask], [y, at], _| {
                    kernel.forward(workers, x, has_mask.then_some(mask), y, at);
                },
            );
            return true;
        }
        // The forward pass remembered which step won.
        let key = (node.inputs[0], node.inputs.get(2).copied());
        let Some(&at) = self.kept.over_time.winners.get(&key) else {
            return false;
        };
        let (dy, dx) = (self.value(node.inputs[1]), self.define(id));
        self.program
            .emit(name, [at, dy], [dx], move |workers, [at, dy], [dx], _| {
                kernel.backward(workers, at, dy, dx);
            });
        true
    }

    /// A convolution along sequences with its maximum over time, if that is all that happens to its result.
    pub(super) fn lower_conv_over_time(&mut self, conv: NodeId, shape: &ConvShape) -> bool {
        let Some((block, shape)) = self.block(conv, shape).zip(sequence(shape)) else {
            return false;
        };
        let relu = block.relu;
        let shape = SequenceShape { relu, ..shape };
        let kernel = ConvMaxForward::new(self.level, shape);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        let w = self.input(conv, 1);
        let (has_bias, has_mask) = (block.bias.is_some(), block.mask.is_some());
        let reads = [
            self.input(conv, 0),
            w,
            block.bias.unwrap_or(w),
            block.mask.unwrap_or(w),
        ];
        let reads = reads.map(|id| self.value(id));
        for id in &block.between {
            self.done[id.index()] = true;
        }
        let y = self.define(block.maximum);
        let at = self.temporary(self.len(block.maximum));
        let trains = block.backward.is_some();
        self.program.emit(
            ("conv1d+max_over_time", self.layer(conv)),
            reads,
            [y, at, shared],
            move |workers, [x, w, bias, mask], [y, at, shared], _| {
                let operands = ConvMaxOperands {
                    x,
                    w,
                    bias: has_bias.then_some(bias),
                    mask: has_mask.then_some(mask),
                };
                kernel.run(workers, operands, y, trains.then_some(at), shared);
            },
        );
        if let Some((dy, between, gradient)) = block.backward {
            for id in between {
                self.done[id.index()] = true;
            }
            let winners = WinnerGradient { shape, y, at, dy };
            self.kept.over_time.gradients.insert(gradient, winners);
        }
        true
    }

    /// The nodes from a convolution to the maximum over time: bias, ReLU and reshapes, if nothing else reads what lies
    /// between but the gradients of ReLU and maximum.
    fn block(&self, conv: NodeId, shape: &ConvShape) -> Option<Block> {
        let (sum, bias) = match self.bias_after(conv) {
            Some((sum, bias)) => (sum, Some(bias)),
            None => (conv, None),
        };
        let mut between = vec![conv, sum];
        let (mut top, mut relu, mut relu_grad) = (sum, None, None);
        let (maximum, maximum_grad) = loop {
            let mut users = Users::default();
            for &user in &self.users[top.index()] {
                let slot = match &self.node(user).op {
                    Op::Reshape(_) => &mut users.next,
                    Op::Unary(op) if op.kind == UnaryKind::Relu && relu.is_none() => {
                        relu = Some(user);
                        &mut users.next
                    }
                    Op::UnaryGrad(op) if op.kind == UnaryKind::Relu && relu == Some(top) => {
                        &mut relu_grad
                    }
                    Op::MaxOverTime(_) => &mut users.maximum,
                    Op::MaxOverTimeGrad(_) => &mut users.maximum_grad,
                    _ => return None,
                };
                if slot.replace(user).is_some() || !self.reads_first(user, top) {
                    return None;
                }
            }
            match users {
                _ if self.wanted[top.index()] => return None,
                Users {
                    next: Some(next),
                    maximum: None,
                    maximum_grad: None,
                } => top = next,
                Users {
                    next: None,
                    maximum: Some(maximum),
                    maximum_grad,
                } => break (maximum, maximum_grad),
                _ => return None,
            }
            between.push(top);
        };
        let mask = self.node(maximum).inputs.get(1).copied();
        let result = self.sizes(conv);
        if self.sizes(top) != [result[0], result[2], result[3]]
            || mask.is_some_and(|mask| self.values[mask.index()].is_none())
        {
            return None;
        }
        let backward = match maximum_grad {
            None if relu_grad.is_none() => None,
            None => return None,
            // Steps that won under one mask say nothing about another.
            Some(grad) if self.node(grad).inputs.get(2).copied() != mask => return None,
            Some(grad) => Some(self.block_backward(grad, shape, [relu, relu_grad])?),
        };
        Some(Block {
            bias,
            mask,
            relu: relu.is_some(),
            between,
            maximum,
            backward,
        })
    }

    fn block_backward(
        &self,
        maximum_grad: NodeId,
        shape: &ConvShape,
        [relu, relu_grad]: [Option<NodeId>; 2],
    ) -> Option<(NodeId, Vec<NodeId>, NodeId)> {
        let mut between = vec![maximum_grad];
        let mut top = maximum_grad;
        while !self.only_convolution_reads(top, shape) {
            top = self.only_user(top)?;
            if !matches!(self.node(top).op, Op::Reshape(_)) && relu_grad != Some(top) {
                return None;
            }
            between.push(top);
        }
        let passed = relu_grad.is_none_or(|grad| between.contains(&grad));
        let dy = self.input(maximum_grad, 1);
        (passed && relu.is_some() == relu_grad.is_some()).then_some((dy, between, top))
    }

    pub(super) fn lower_winner_grad_filter(
        &mut self,
        id: NodeId,
        x: ValueId,
        winners: WinnerGradient,
        [dw, db]: [ValueId; 2],
    ) {
        let kernel = ConvMaxGradFilter::new(self.level, winners.shape);
        self.need_scratch(kernel.scratch());
        let reads = [x, winners.y, winners.at, self.value(winners.dy)];
        let name = ("conv1d+max_over_time filter gradient", self.layer(id));
        self.program.emit(
            name,
            reads,
            [dw, db],
            move |workers, [x, y, at, dy], [dw, db], _| {
                kernel.run(workers, x, [y, at, dy], dw, db);
            },
        );
    }

    pub(super) fn lower_winner_grad_input(
        &mut self,
        id: NodeId,
        w: ValueId,
        winners: WinnerGradient,
        dx: ValueId,
    ) {
        let kernel = ConvMaxGradInput::new(self.level, winners.shape);
        let shared = self.temporary(kernel.shared());
        let reads = [w, winners.y, winners.at, self.value(winners.dy)];
        let name = ("conv1d+max_over_time input gradient", self.layer(id));
        self.program.emit(
            name,
            reads,
            [dx, shared],
            move |workers, [w, y, at, dy], [dx, shared], _| {
                kernel.run(workers, w, [y, at, dy], dx, shared);
            },
        );
    }
}

/// A convolution of images of height 1 as one of sequences, if the fused kernels can do it.
fn sequence(image: &ConvShape) -> Option<SequenceShape> {
    let flat = image.height == 1 && image.kernel[0] == 1 && image.padding[..2] == [0, 0];
    let plain = image.stride == [1, 1] && image.dilation == [1, 1] && image.groups == 1;
    let shape = SequenceShape {
        batch: image.batch,
        time: image.width,
        channels: image.channels,
        filters: image.filters,
        kernel: image.kernel[1],
        padding: [image.padding[2], image.padding[3]],
        relu: false,
    };
    (flat && plain && (1..=1 << 24).contains(&shape.places())).then_some(shape)
}
