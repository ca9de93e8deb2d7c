//! Matrix products.

use std::collections::HashMap;

use jingwei_graph::{NodeId, Op, ops};
use jingwei_kernels::{Companion, Epilogue, Extras, MatMul, MatMulShape, Precision, RowNorm};

use super::Lowering;
use super::pattern::Beside;
use crate::program::{Location, ValueId};
use crate::workspace::Buffer;

/// A normalisation that a product does to the rows of its left factor. Without a `β` it is that of the root mean square.
#[derive(Clone, Copy)]
struct Norm {
    epsilon: f32,
    gamma: ValueId,
    beta: Option<ValueId>,
}

impl Norm {
    fn of(self, [gamma, beta]: [&[f32]; 2]) -> RowNorm<'_> {
        let epsilon = self.epsilon;
        match self.beta {
            Some(_) => RowNorm::Layer {
                epsilon,
                affine: [gamma, beta],
            },
            None => RowNorm::RootMeanSquare { epsilon, gamma },
        }
    }
}

/// What a product leaves for later kernels.
#[derive(Default)]
pub(super) struct Kept {
    /// The normalisation that a product does to its left factor by itself.
    normalised: HashMap<NodeId, NodeId>,
}

impl Lowering<'_> {
    /// A product with the bias and the activation after it.
    pub(super) fn lower_matmul(&mut self, id: NodeId) -> bool {
        let Op::MatMul(op) = self.node(id).op else {
            return false;
        };
        let norm = self.kept.dense.normalised.get(&id).copied();
        let a = self.value(norm.map_or(self.input(id, 0), |norm| self.input(norm, 0)));
        let b = self.value(self.input(id, 1));
        let shape = self.shape_of(id, op);
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
        let norm = norm.and_then(|norm| self.row_norm(norm));
        let (c, sums, other) = match beside {
            Beside::Nothing => (self.define(chain.last), None, None),
            Beside::Sums { result, .. } => {
                let sums = self.define(chain.last);
                (self.define(result), Some(sums), None)
            }
            Beside::Added { result, other }
            | Beside::Slope {
                result,
                kept: other,
                ..
            } => {
                self.done[chain.last.index()] = true;
                let other = self.value(other);
                (self.define(result), None, Some(other))
            }
        };
        let is_slope = matches!(beside, Beside::Slope { .. });
        let (has_bias, has_other, has_sums) = (bias.is_some(), other.is_some(), sums.is_some());
        let [gamma, beta] = norm.map_or([None; 2], |norm| [Some(norm.gamma), norm.beta]);
        let sums = sums.unwrap_or_else(|| self.temporary(0));
        // What is missing is read from `a` and forgotten.
        let [bias, other, gamma, beta] = [bias, other, gamma, beta].map(|value| value.unwrap_or(a));
        self.program.emit(
            name,
            [a, b, bias, other, gamma, beta],
            [c, sums, shared],
            move |workers, [a, b, bias, other, gamma, beta], [c, sums, shared], _| {
                let companion = match (has_sums, has_other, is_slope) {
                    (true, ..) => Companion::Sums(sums),
                    (_, true, true) => Companion::Slope(other),
                    (_, true, false) => Companion::Added(other),
                    _ => Companion::None,
                };
                let extras = Extras {
                    bias: has_bias.then_some(bias),
                    companion,
                    norm: norm.map(|norm| norm.of([gamma, beta])),
                };
                kernel.run_with(workers, [a, b], extras, c, shared);
            },
        );
        true
    }

    fn shape_of(&self, id: NodeId, op: ops::MatMul) -> MatMulShape {
        let (sizes, a_sizes) = (self.sizes(id), self.sizes(self.input(id, 0)));
        let [(m, n), (a_rows, a_last)] = [&sizes, &a_sizes].map(|sizes| {
            let (&last, outer) = sizes.split_last().unwrap_or((&1, &[]));
            (outer.iter().product::<usize>(), last)
        });
        MatMulShape {
            m,
            n,
            k: if op.transpose_a { a_rows } else { a_last },
            transpose_a: op.transpose_a,
            transpose_b: op.transpose_b,
        }
    }

    /// Leaves a normalisation of rows to the product that alone reads them, if it can do that in passing.
    pub(super) fn leave_to_product(&mut self, id: NodeId) -> bool {
        let Some(user) = self.only_user(id) else {
            return false;
        };
        let Op::MatMul(op) = self.node(user).op else {
            return false;
        };
        let (a, b) = (self.input(user, 0), self.input(user, 1));
        let factor = self.values[b.index()].filter(|&b| self.constant(b).is_some());
        if a != id || factor.is_none() {
            return false;
        }
        let shape = self.shape_of(user, op);
        let product = MatMul::with_constant_b(self.level, shape, Epilogue::default());
        let takes = product.normalises();
        if takes {
            self.kept.dense.normalised.insert(user, id);
        }
        takes
    }

    fn row_norm(&self, id: NodeId) -> Option<Norm> {
        let parameter = |index| self.value(self.input(id, index));
        let (epsilon, beta) = match &self.node(id).op {
            Op::LayerNorm(op) => (op.epsilon, Some(parameter(2))),
            Op::RmsNorm(op) => (op.epsilon, None),
            _ => return None,
        };
        let gamma = parameter(1);
        Some(Norm {
            epsilon,
            gamma,
            beta,
        })
    }

    /// Where a parameter lies that no longer changes.
    fn constant(&self, value: ValueId) -> Option<usize> {
        match self.program.values[value].location {
            Location::Fixed(Buffer::Parameters, offset) if self.frozen => Some(offset),
            _ => None,
        }
    }

    /// The product by a factor, and the factor as it reads it: prepared, if it is a parameter that no longer changes.
    fn product(
        &mut self,
        b: ValueId,
        shape: MatMulShape,
        epilogue: Epilogue,
        precision: Precision,
    ) -> (MatMul, ValueId) {
        let Some(offset) = self.constant(b) else {
            let product = MatMul::with_precision(self.level, shape, epilogue, precision);
            return (product, b);
        };
        let product = MatMul::with_constant_b(self.level, shape, epilogue);
        let b = match product.prepared() {
            0 => b,
            _ => self.program.prepared(offset, shape, &product),
        };
        (product, b)
    }
}
