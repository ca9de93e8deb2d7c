//! Matrix products.

use jingwei_graph::{NodeId, Op};
use jingwei_kernels::{Companion, Epilogue, MatMul, MatMulShape, Precision};

use super::Lowering;
use super::pattern::Beside;
use crate::program::{Location, ValueId};
use crate::workspace::Buffer;

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
        let beside = self.beside(&chain);
        let activation = match beside {
            Beside::Sums { activation, .. } | Beside::Slope { activation, .. } => activation,
            _ => chain.activation,
        };
        let epilogue = Epilogue {
            bias: chain.bias.is_some(),
            activation,
            accumulate: false,
        };
        let precision = match op.gradient {
            true => self.gradient_precision,
            false => Precision::Highest,
        };
        let (kernel, b) = self.product(b, shape, epilogue, precision);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        self.take(id, chain.last);
        let name = ("matmul", self.layer(id));
        let bias = chain.bias.map(|bias| self.value(bias));
        let has_bias = bias.is_some();
        let bias = bias.unwrap_or(a);
        match beside {
            Beside::Nothing => {
                let c = self.define(chain.last);
                self.program.emit(
                    name,
                    [a, b, bias],
                    [c, shared],
                    move |workers, [a, b, bias], [c, shared], _| {
                        kernel.run(workers, a, b, has_bias.then_some(bias), c, shared);
                    },
                );
            }
            Beside::Sums { result, .. } => {
                let (sums, c) = (self.define(chain.last), self.define(result));
                self.program.emit(
                    name,
                    [a, b, bias],
                    [c, sums, shared],
                    move |workers, [a, b, bias], [c, sums, shared], _| {
                        let (bias, sums) = (has_bias.then_some(bias), Companion::Sums(sums));
                        kernel.run_with(workers, [a, b], bias, c, sums, shared);
                    },
                );
            }
            Beside::Added { result, other }
            | Beside::Slope {
                result,
                kept: other,
                ..
            } => {
                self.done[chain.last.index()] = true;
                let is_slope = matches!(beside, Beside::Slope { .. });
                let (other, c) = (self.value(other), self.define(result));
                self.program.emit(
                    name,
                    [a, b, bias, other],
                    [c, shared],
                    move |workers, [a, b, bias, other], [c, shared], _| {
                        let companion = match is_slope {
                            true => Companion::Slope(other),
                            false => Companion::Added(other),
                        };
                        let bias = has_bias.then_some(bias);
                        kernel.run_with(workers, [a, b], bias, c, companion, shared);
                    },
                );
            }
        }
        true
    }

    /// The product by a factor, and the factor as it reads it: prepared, if it is a parameter that no longer changes.
    fn product(
        &mut self,
        b: ValueId,
        shape: MatMulShape,
        epilogue: Epilogue,
        precision: Precision,
    ) -> (MatMul, ValueId) {
        match self.program.values[b].location {
            Location::Fixed(Buffer::Parameters, offset) if self.frozen => {
                let product = MatMul::with_constant_b(self.level, shape, epilogue);
                let b = match product.prepared() {
                    0 => b,
                    _ => self.program.prepared(offset, shape, &product),
                };
                (product, b)
            }
            _ => {
                let product = MatMul::with_precision(self.level, shape, epilogue, precision);
                (product, b)
            }
        }
    }
}
