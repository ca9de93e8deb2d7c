//! Batch normalisation.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::batch_norm::BatchNorm;

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_batch_norm(&mut self, id: NodeId) -> bool {
        let (rows, channels) = self.rows_and_columns(self.input(id, 0));
        if channels == 0 {
            return false;
        }
        let kernel = |epsilon| BatchNorm {
            rows,
            channels,
            epsilon,
        };
        match &self.node(id).op {
            Op::BatchStatistics(_) => self.lower_statistics(id, kernel(0.0)),
            Op::BatchNorm(op) => self.lower_normalise(id, kernel(op.epsilon)),
            Op::BatchNormGradParameters(op) => {
                self.lower_parameter_gradients(id, kernel(op.epsilon));
            }
            Op::BatchNormGradInput(op) if op.batch_statistics => {
                self.lower_input_gradient(id, kernel(op.epsilon));
            }
            _ => return false,
        }
        true
    }

    fn lower_statistics(&mut self, id: NodeId, kernel: BatchNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let channels = kernel.channels;
        let shared = self.temporary(kernel.shared());
        let (reads, y) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [y, shared],
            move |workers, [x], [y, shared], _| {
                let (mean, variance) = y.split_at_mut(channels);
                kernel.statistics(workers, x, [mean, variance], shared);
            },
        );
    }

    fn lower_normalise(&mut self, id: NodeId, kernel: BatchNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let channels = kernel.channels;
        let shared = self.temporary(kernel.shared());
        let (reads, y) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [y, shared],
            move |workers, [x, s, gamma, beta], [y, shared], _| {
                let (mean, variance) = s.split_at(channels);
                kernel.normalise(workers, x, [gamma, beta], [mean, variance], y, shared);
            },
        );
    }

    fn lower_parameter_gradients(&mut self, id: NodeId, kernel: BatchNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let channels = kernel.channels;
        let shared = self.temporary(kernel.shared());
        let (reads, y) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [y, shared],
            move |workers, [x, s, dy], [y, shared], _| {
                let (mean, variance) = s.split_at(channels);
                let (dgamma, dbeta) = y.split_at_mut(channels);
                kernel.parameter_gradients(
                    workers,
                    [x, dy],
                    [mean, variance],
                    [dgamma, dbeta],
                    shared,
                );
            },
        );
    }

    fn lower_input_gradient(&mut self, id: NodeId, kernel: BatchNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let channels = kernel.channels;
        let shared = self.temporary(kernel.shared());
        let (reads, dx) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [dx, shared],
            move |workers, [x, s, gamma, dy, p], [dx, shared], _| {
                let ((mean, variance), (dgamma, dbeta)) =
                    (s.split_at(channels), p.split_at(channels));
                kernel.input_gradient(
                    workers,
                    [x, dy],
                    [gamma, mean, variance, dgamma, dbeta],
                    dx,
                    shared,
                );
            },
        );
    }
}
