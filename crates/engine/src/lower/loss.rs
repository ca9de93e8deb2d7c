//! Softmax and the losses that follow it.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::cross_entropy::{CrossEntropy, Targets};
use jingwei_kernels::softmax::Softmax;

use super::Lowering;

/// How a loss reads its targets.
type ReadTargets = for<'a> fn(&'a [f32]) -> Targets<'a>;

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
                        softmax.forward(workers, x, y);
                    });
            }
            Op::LogSoftmax(_) => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        softmax.log_forward(workers, x, y);
                    });
            }
            Op::SoftmaxGrad(_) => {
                let (reads, dx) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [dx], move |workers, [y, dy], [dx], _| {
                        softmax.backward(workers, y, dy, dx);
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
                self.lower_cross_entropy(id, op.label_smoothing, |labels| Targets::Labels(labels));
            }
            Op::SoftCrossEntropy(op) => {
                self.lower_cross_entropy(id, op.label_smoothing, |shares| Targets::Shares(shares));
            }
            Op::SparseCrossEntropyGrad(op) => {
                self.lower_cross_entropy_grad(id, op.label_smoothing, |labels| {
                    Targets::Labels(labels)
                });
            }
            Op::SoftCrossEntropyGrad(op) => {
                self.lower_cross_entropy_grad(id, op.label_smoothing, |shares| {
                    Targets::Shares(shares)
                });
            }
            _ => return false,
        }
        true
    }

    fn lower_cross_entropy(&mut self, id: NodeId, label_smoothing: f32, targets: ReadTargets) {
        let kernel = self.cross_entropy(id, label_smoothing);
        let (reads, losses) = (self.operands(id), self.define(id));
        let name = (self.node(id).op.name(), self.layer(id));
        self.program.emit(
            name,
            reads,
            [losses],
            move |workers, [logits, values], [losses], _| {
                kernel.forward(workers, logits, targets(values), losses);
            },
        );
    }

    fn lower_cross_entropy_grad(&mut self, id: NodeId, label_smoothing: f32, targets: ReadTargets) {
        let kernel = self.cross_entropy(id, label_smoothing);
        let (reads, dx) = (self.operands(id), self.define(id));
        let name = (self.node(id).op.name(), self.layer(id));
        self.program.emit(
            name,
            reads,
            [dx],
            move |workers, [logits, values, dloss], [dx], _| {
                kernel.backward(workers, logits, targets(values), dloss, dx);
            },
        );
    }

    fn cross_entropy(&self, id: NodeId, label_smoothing: f32) -> CrossEntropy {
        let sizes = self.sizes(self.input(id, 0));
        let classes = sizes.last().copied().unwrap_or(1);
        let rows = sizes.iter().product::<usize>() / classes.max(1);
        CrossEntropy {
            rows,
            classes,
            label_smoothing,
        }
    }
}
