//! Softmax and the losses that follow it.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::cross_entropy::{CrossEntropy, Targets};
use jingwei_kernels::softmax::Softmax;

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_loss(&mut self, id: NodeId) -> bool {
        let sizes = self.sizes(self.input(id, 0));
        let Some((&columns, outer)) = sizes.split_last() else {
            return false;
        };
        let rows = outer.iter().product();
        let softmax = Softmax { rows, columns };
        let node = self.node(id);
        let name = (node.op.name(), node.layer.as_str());
        match &node.op {
            Op::Softmax(_) => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        softmax.forward(workers, x, y)
                    });
            }
            Op::LogSoftmax(_) => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        softmax.log_forward(workers, x, y)
                    });
            }
            Op::SoftmaxGrad(_) => {
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [dx], move |workers, [y, dy], [dx], _| {
                        softmax.backward(workers, y, dy, dx)
                    });
            }
            Op::LogSoftmaxGrad(_) => {
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [dx], move |workers, [y, dy], [dx], _| {
                        softmax.log_backward(workers, y, dy, dx);
                    });
            }
            Op::SparseCrossEntropy(op) => {
                let kernel = CrossEntropy {
                    rows,
                    classes: columns,
                    label_smoothing: op.label_smoothing,
                };
                let (reads, losses) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [losses],
                    move |workers, [logits, labels], [losses], _| {
                        kernel.forward(workers, logits, Targets::Labels(labels), losses);
                    },
                );
            }
            Op::SparseCrossEntropyGrad(op) => {
                let kernel = CrossEntropy {
                    rows,
                    classes: columns,
                    label_smoothing: op.label_smoothing,
                };
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [dx],
                    move |workers, [logits, labels, dloss], [dx], _| {
                        kernel.backward(workers, logits, Targets::Labels(labels), dloss, dx);
                    },
                );
            }
            Op::SoftCrossEntropy(op) => {
                let kernel = CrossEntropy {
                    rows,
                    classes: columns,
                    label_smoothing: op.label_smoothing,
                };
                let (reads, losses) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [losses],
                    move |workers, [logits, targets], [losses], _| {
                        kernel.forward(workers, logits, Targets::Shares(targets), losses);
                    },
                );
            }
            Op::SoftCrossEntropyGrad(op) => {
                let kernel = CrossEntropy {
                    rows,
                    classes: columns,
                    label_smoothing: op.label_smoothing,
                };
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [dx],
                    move |workers, [logits, targets, dloss], [dx], _| {
                        kernel.backward(workers, logits, Targets::Shares(targets), dloss, dx);
                    },
                );
            }
            _ => return false,
        }
        true
    }
}
