//! Sums, means and maxima.

use jingwei_graph::ops::ReduceKind;
use jingwei_graph::{NodeId, Op};
use jingwei_kernels::reduce::{Reduce, Reduction};

use super::Lowering;

impl Lowering<'_> {
    /// A reduction over dimensions that lie next to one another, so that the input is `[outer, middle, inner]`.
    pub(super) fn lower_reduce(&mut self, id: NodeId) -> bool {
        let Op::Reduce(op) = &self.node(id).op else {
            return false;
        };
        let sizes = self.sizes(self.input(id, 0));
        let (first, count) = (op.axes.first().copied().unwrap_or(0), op.axes.len());
        if op
            .axes
            .iter()
            .enumerate()
            .any(|(index, &axis)| axis != first + index)
        {
            return false;
        }
        let product = |range: std::ops::Range<usize>| sizes[range].iter().product::<usize>();
        let reduction = match op.kind {
            ReduceKind::Sum => Reduction::Sum,
            ReduceKind::Mean => Reduction::Mean,
            ReduceKind::Max => Reduction::Maximum,
        };
        let (middle, inner) = (
            product(first..first + count),
            product(first + count..sizes.len()),
        );
        let kernel = Reduce::new(reduction, product(0..first), middle, inner);
        let shared = self.temporary(kernel.shared());
        let (reads, y) = (self.operands(id), self.define(id));
        let name = (self.node(id).op.name(), self.layer(id));
        self.program.emit(
            name,
            reads,
            [y, shared],
            move |workers, [x], [y, shared], _| {
                kernel.run(workers, x, y, shared);
            },
        );
        true
    }
}
