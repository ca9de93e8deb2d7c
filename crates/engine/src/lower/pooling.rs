//! Pooling over windows.

use std::collections::HashMap;

use jingwei_graph::ops::Window;
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::pooling::{Pooling, packed_positions};

use super::Lowering;
use crate::program::ValueId;

/// What pooling leaves for later kernels.
#[derive(Default)]
pub(super) struct Kept {
    /// The winning positions of a max pooling of a node's values.
    positions: HashMap<NodeId, (Window, ValueId)>,
}

impl Lowering<'_> {
    pub(super) fn lower_pooling(&mut self, id: NodeId) -> bool {
        let node = self.node(id);
        let name = (node.op.name(), node.layer.as_str());
        match &node.op {
            Op::MaxPool2d(op) => {
                let Some(kernel) = self.pooling(&op.window, self.input(id, 0), id) else {
                    return false;
                };
                let positions = self.temporary(packed_positions(kernel.output_len()));
                self.kept
                    .pooling
                    .positions
                    .insert(self.input(id, 0), (op.window, positions));
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y, positions],
                    move |workers, [x], [y, positions], _| {
                        kernel.maximum(workers, x, y, positions);
                    },
                );
            }
            Op::MaxPool2dGrad(op) => {
                let (x, dy) = (self.input(id, 0), self.input(id, 1));
                let Some(kernel) = self.pooling(&op.window, x, dy) else {
                    return false;
                };
                // The forward pass of the same pooling remembered which position won.
                let Some(&(window, positions)) = self.kept.pooling.positions.get(&x) else {
                    return false;
                };
                if window != op.window {
                    return false;
                }
                let (dy, dx) = (self.value(dy), self.define(id));
                self.program.emit(
                    name,
                    [positions, dy],
                    [dx],
                    move |workers, [positions, dy], [dx], _| {
                        kernel.maximum_backward(workers, positions, dy, dx);
                    },
                );
            }
            Op::AvgPool2d(op) => {
                let Some(kernel) = self.pooling(&op.window, self.input(id, 0), id) else {
                    return false;
                };
                let include_padding = op.include_padding;
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        kernel.average(workers, include_padding, x, y);
                    });
            }
            Op::AvgPool2dGrad(op) => {
                let Some(kernel) = self.pooling(&op.window, id, self.input(id, 0)) else {
                    return false;
                };
                let include_padding = op.include_padding;
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [dx], move |workers, [dy], [dx], _| {
                        kernel.average_backward(workers, include_padding, dy, dx);
                    });
            }
            _ => return false,
        }
        true
    }

    /// The kernel from images `x` to images `y`, if every window sees a part of the image and has few positions.
    fn pooling(&self, window: &Window, x: NodeId, y: NodeId) -> Option<Pooling> {
        let (x, y) = (self.sizes(x), self.sizes(y));
        let sees = |axis: usize| {
            let last = (y[1 + axis].max(1) - 1) * window.stride[axis];
            window.padding[axis] < window.size[axis] && last < x[1 + axis] + window.padding[axis]
        };
        (sees(0) && sees(1) && window.size[0] * window.size[1] < 256).then(|| Pooling {
            batch: x[0],
            input: [x[1], x[2]],
            channels: x[3],
            window: window.size,
            stride: window.stride,
            padding: [window.padding[0], window.padding[2]],
            output: [y[1], y[2]],
        })
    }
}
