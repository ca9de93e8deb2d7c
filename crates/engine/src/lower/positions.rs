//! Vectors added to the positions of sequences.

use std::sync::OnceLock;

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::Workers;
use jingwei_kernels::elementwise::{Binary, Broadcast, Operand, fill};
use jingwei_kernels::reduce::{Reduce, Reduction};

use super::Lowering;

impl Lowering<'_> {
    pub(super) fn lower_positions(&mut self, id: NodeId) -> bool {
        let [batch, time, channels] = self.sizes(self.input(id, 0))[..] else {
            return false;
        };
        let len = time * channels;
        if len == 0 {
            return false;
        }
        let node = self.node(id);
        let name = (node.op.name(), node.layer.as_str());
        match &node.op {
            Op::AddPositions(_) => {
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x, table], [y], _| {
                        add(workers, [batch, len], x, &table[..len], y);
                    });
            }
            Op::AddSinusoids(op) => {
                let (op, table) = (*op, OnceLock::new());
                let rows = move || (0..time).flat_map(|t| op.row(t, channels)).collect();
                self.need_table(len);
                let (reads, y) = (self.operands(id), self.define(id));
                self.program
                    .emit(name, reads, [y], move |workers, [x], [y], _| {
                        let table: &Vec<f32> = table.get_or_init(rows);
                        add(workers, [batch, len], x, table, y);
                    });
            }
            Op::AddPositionsGrad(_) => {
                let kernel = Reduce::new(Reduction::Sum, 1, batch, len);
                let shared = self.temporary(kernel.shared());
                let (reads, y) = (self.operands(id), self.define(id));
                self.program.emit(
                    name,
                    reads,
                    [y, shared],
                    move |workers, [dy], [y, shared], _| {
                        let (sums, rest) = y.split_at_mut(len);
                        kernel.run(workers, dy, sums, shared);
                        fill(workers, rest, 0.0);
                    },
                );
            }
            _ => return false,
        }
        true
    }
}

/// Adds a row to every row.
fn add(workers: &Workers<'_>, shape: [usize; 2], x: &[f32], row: &[f32], y: &mut [f32]) {
    let x = Operand {
        values: x,
        broadcast: Broadcast::Full,
    };
    let row = Operand {
        values: row,
        broadcast: Broadcast::Row,
    };
    Binary::Add.run(workers, shape, x, row, y);
}
