//! Operators that move values without changing them, and dropout.

use std::sync::OnceLock;

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::elementwise::fill;
use jingwei_kernels::layout::{StridedCopy, gather, gather_backward};
use jingwei_kernels::random::Key;
use jingwei_kernels::rotary::Rotary;

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_layout(&mut self, id: NodeId) -> bool {
        let node = self.node(id);
        let name = (node.op.name(), node.layer.as_str());
        let (from, to) = (self.sizes(self.input(id, 0)), self.sizes(id));
        let ones = vec![1; from.len()];
        match &node.op {
            Op::Transpose(op) => self.copy(id, StridedCopy::transpose(&from, &op.permutation)),
            Op::Slice(op) => {
                let mut starts = vec![0; from.len()];
                starts[op.axis] = op.start;
                self.copy(id, StridedCopy::slice(&from, &starts, &ones, &to));
            }
            Op::Pad(op) => {
                let (copy, value) = (StridedCopy::place(&to, &op.before, &ones, &from), op.value);
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        fill(workers, y, value);
                        copy.run(workers, x, y);
                    });
            }
            Op::Concat(op) => {
                let y = self.define(id);
                let mut starts = vec![0; to.len()];
                for &input in &node.inputs {
                    let counts = self.sizes(input);
                    let copy = StridedCopy::place(&to, &starts, &ones, &counts);
                    starts[op.axis] += counts[op.axis];
                    let x = self.value(input);
                    self.program
                        .emit(name, [x], [y], move |workers, [x], [y], _| {
                            copy.run(workers, x, y)
                        });
                }
            }
            Op::Gather(_) if from[1] > 0 => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y],
                    move |workers, [table, indices], [y], _| {
                        gather(workers, from[1], table, indices, y);
                    },
                );
            }
            Op::GatherGrad(_) if to[1] > 0 => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [indices, dy], [y], _| {
                        gather_backward(workers, to[1], indices, dy, y);
                    });
            }
            Op::Dropout(op) => {
                let (rate, stream) = (op.rate, op.stream);
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], context| {
                        let key = Key {
                            seed: context.seed,
                            stream,
                            step: context.step,
                        };
                        key.dropout(workers, rate, x, y);
                    });
            }
            Op::RotaryEmbedding(op) => {
                let (op, kernel) = (*op, OnceLock::new());
                self.need_table(from[1] * from[3]);
                let make = move || {
                    let angles = (0..from[1]).flat_map(|position| op.angles(position, from[3]));
                    Rotary::new(from[2], from[3], angles)
                };
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        kernel.get_or_init(&make).run(workers, x, y);
                    });
            }
            _ => return false,
        }
        true
    }

    fn copy(&mut self, id: NodeId, copy: StridedCopy) {
        let (reads, y) = (self.operands(id), self.define(id));
        let name = (self.node(id).op.name(), self.layer(id));
        self.program
            .emit(name, reads, [y], move |workers, [x], [y], _| {
                copy.run(workers, x, y)
            });
    }
}
