//! Root mean square normalisation.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::rms_norm::RmsNorm;

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_rms_norm(&mut self, id: NodeId) -> bool {
        let (rows, columns) = self.rows_and_columns(self.input(id, 0));
        if columns == 0 {
            return false;
        }
        let kernel = |epsilon| RmsNorm {
            rows,
            columns,
            epsilon,
        };
        match &self.node(id).op {
            Op::RmsNorm(_) if self.leave_to_product(id) => {}
            Op::RmsNorm(op) => self.lower_rms_norm_forward(id, kernel(op.epsilon)),
            Op::RmsNormGradInput(op) => self.lower_rms_norm_input(id, kernel(op.epsilon)),
            Op::RmsNormGradScale(op) => self.lower_rms_norm_scale(id, kernel(op.epsilon)),
            _ => return false,
        }
        true
    }

    fn lower_rms_norm_forward(&mut self, id: NodeId, kernel: RmsNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let (reads, y) = (self.operands(id), self.define(id));
        self.program
            .emit(name, reads, [y], move |workers, [x, gamma], [y], _| {
                kernel.forward(workers, x, gamma, y);
            });
    }

    fn lower_rms_norm_input(&mut self, id: NodeId, kernel: RmsNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let (reads, dx) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [dx],
            move |workers, [x, gamma, dy], [dx], _| {
                kernel.input_gradient(workers, [x, dy], gamma, dx);
            },
        );
    }

    fn lower_rms_norm_scale(&mut self, id: NodeId, kernel: RmsNorm) {
        let name = (self.node(id).op.name(), self.layer(id));
        let shared = self.temporary(kernel.shared());
        let (reads, y) = (self.operands(id), self.define(id));
        self.program.emit(
            name,
            reads,
            [y, shared],
            move |workers, [x, dy], [y, shared], _| {
                kernel.scale_gradient(workers, [x, dy], y, shared);
            },
        );
    }
}
