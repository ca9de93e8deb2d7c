//! Matrix products.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::{Epilogue, MatMul, MatMulShape};

use super::Lowering;

impl Lowering<'_> {
    /// A product with the bias and the activation after it.
    pub(super) fn lower_matmul(&mut self, id: NodeId) -> bool {
        let Op::MatMul(op) = self.node(id).op else {
            return false;
        };
        let [a, b] = self.operands(id);
        let (sizes, a_sizes) = (self.sizes(id), self.sizes(self.input(id, 0)));
        let [(rows, n), (a_rows, a_last)] = [&sizes, &a_sizes].map(|sizes| {
            let (&last, outer) = sizes.split_last().unwrap_or((&1, &[]));
            (outer.iter().product::<usize>(), last)
        });
        let shape = MatMulShape {
            m: rows,
            n,
            k: if op.transpose_a { a_rows } else { a_last },
            transpose_a: op.transpose_a,
            transpose_b: op.transpose_b,
        };
        let chain = self.chain(id);
        let epilogue = Epilogue {
            bias: chain.bias.is_some(),
            activation: chain.activation,
            accumulate: false,
        };
        let kernel = MatMul::new(self.level, shape, epilogue);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        self.take(id, chain.last);
        let c = self.define(chain.last);
        let name = ("matmul", self.layer(id));
        match chain.bias.map(|bias| self.value(bias)) {
            Some(bias) => self.program.emit(
                name,
                [a, b, bias],
                [c, shared],
                move |workers, [a, b, bias], [c, shared], _| {
                    kernel.run(workers, a, b, Some(bias), c, shared);
                },
            ),
            None => self.program.emit(
                name,
                [a, b],
                [c, shared],
                move |workers, [a, b], [c, shared], _| {
                    kernel.run(workers, a, b, None, c, shared);
                },
            ),
        }
        true
    }
}
