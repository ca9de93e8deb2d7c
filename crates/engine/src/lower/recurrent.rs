//! Recurrent layers.
//!
//! What the backward pass needs of the forward pass, the forward kernel leaves in a temporary of its own. The gradients
//! of one layer, by its inputs, its kernel and its bias, are siblings that one lowering computes together.

use std::collections::HashMap;

use jingwei_graph::ops::{GateActivation, RecurrentCell, RecurrentGrad, RecurrentOperand};
use jingwei_graph::{NodeId, Op, ops};
use jingwei_kernels as kernels;
use jingwei_kernels::reduce::{Reduce, Reduction};
use jingwei_kernels::{Epilogue, MatMul, MatMulShape};

use super::Lowering;
use crate::program::ValueId;

/// What a recurrent layer leaves for later kernels.
#[derive(Default)]
pub(super) struct Kept {
    /// What a forward pass keeps for the backward pass.
    reserves: HashMap<NodeId, ValueId>,
}

impl Lowering<'_> {
    pub(super) fn lower_recurrent(&mut self, id: NodeId) -> bool {
        match &self.node(id).op {
            Op::Recurrent(op) => self.lower_recurrent_forward(id, op),
            Op::RecurrentGrad(op) => self.lower_recurrent_gradients(id, op),
            _ => false,
        }
    }

    fn lower_recurrent_forward(&mut self, id: NodeId, op: &ops::Recurrent) -> bool {
        let Some(kernel) = self.recurrent_kernel(&self.node(id).inputs, op) else {
            return false;
        };
        let keeps =
            self.users[self.input(id, 0).index()]
                .iter()
                .any(|&user| match &self.node(user).op {
                    Op::RecurrentGrad(grad) => {
                        grad.forward == *op
                            && self.node(user).inputs.starts_with(&self.node(id).inputs)
                    }
                    _ => false,
                });
        let reserve = self.temporary(if keeps { kernel.reserve() } else { 0 });
        if keeps {
            self.kept.recurrent.reserves.insert(id, reserve);
        }
        let y = self.define(id);
        self.emit_recurrent_forward(id, kernel, op, [y, reserve]);
        true
    }

    fn emit_recurrent_forward(
        &mut self,
        id: NodeId,
        kernel: kernels::Recurrent,
        op: &ops::Recurrent,
        [y, reserve]: [ValueId; 2],
    ) {
        let [x, w, bias, mask, factors] = self.recurrent_operands(id, op);
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        self.program.emit(
            ("recurrent", self.layer(id)),
            [x, w, bias, mask, factors],
            [y, reserve, shared],
            move |workers, reads, [y, reserve, shared], _| {
                kernel.forward(workers, reads, y, reserve, shared);
            },
        );
    }

    fn lower_recurrent_gradients(&mut self, id: NodeId, op: &RecurrentGrad) -> bool {
        let node = self.node(id);
        let Some((&dy, operands)) = node.inputs.split_last() else {
            return false;
        };
        let Some(kernel) = self.recurrent_kernel(operands, &op.forward) else {
            return false;
        };
        let reserve = self.recurrent_reserve(id, kernel, &op.forward);
        let siblings = [
            RecurrentOperand::Input,
            RecurrentOperand::Kernel,
            RecurrentOperand::Bias,
        ]
        .map(|of| {
            let wanted = Op::from(RecurrentGrad { of, ..*op });
            let same = |user: &NodeId| {
                self.node(*user).op == wanted && self.node(*user).inputs == node.inputs
            };
            self.users[dy.index()].iter().copied().find(same)
        });
        let [_, w, _, mask, factors] = self.recurrent_operands(id, &op.forward);
        let dy = self.value(dy);
        let dx = match siblings[0] {
            Some(sibling) => self.define(sibling),
            None => self.temporary(kernel.gates()),
        };
        let ds = self.temporary(kernel.state_gradients());
        self.need_scratch(kernel.scratch());
        let shared = self.temporary(kernel.shared());
        let name = ("recurrent_grad", self.layer(id));
        self.program.emit(
            name,
            [reserve, w, mask, factors, dy],
            [dx, ds, shared],
            move |workers, reads, [dx, ds, shared], _| {
                kernel.backward(workers, reads, dx, ds, shared);
            },
        );
        let ds = if kernel.state_gradients() > 0 { ds } else { dx };
        if let Some(sibling) = siblings[1] {
            self.lower_recurrent_kernel_gradient(sibling, kernel, reserve, ds);
        }
        if let Some(sibling) = siblings[2] {
            let columns = kernel.units * kernel.cell.gates();
            let sum = Reduce::new(Reduction::Sum, 1, kernel.batch * kernel.time, columns);
            let shared = self.temporary(sum.shared());
            let bias = self.define(sibling);
            self.program.emit(
                name,
                [ds],
                [bias, shared],
                move |workers, [ds], [bias, shared], _| sum.run(workers, ds, bias, shared),
            );
        }
        true
    }

    /// The states before each step, transposed, times the gradients of what they contributed.
    fn lower_recurrent_kernel_gradient(
        &mut self,
        id: NodeId,
        kernel: kernels::Recurrent,
        reserve: ValueId,
        ds: ValueId,
    ) {
        let shape = MatMulShape {
            m: kernel.units,
            n: kernel.units * kernel.cell.gates(),
            k: kernel.batch * kernel.time,
            transpose_a: true,
            transpose_b: false,
        };
        let (plain, precision) = (Epilogue::default(), self.gradient_precision);
        let product = MatMul::with_precision(self.level, shape, plain, precision);
        self.need_scratch(product.scratch());
        let shared = self.temporary(product.shared());
        let dw = self.define(id);
        self.program.emit(
            ("recurrent_grad_kernel", self.layer(id)),
            [reserve, ds],
            [dw, shared],
            move |workers, [reserve, ds], [dw, shared], _| {
                let states = &reserve[..kernel.states()];
                product.run(workers, states, ds, None, dw, shared);
            },
        );
    }

    /// What the forward pass kept; if there is none in the graph, it is run for this alone.
    fn recurrent_reserve(
        &mut self,
        id: NodeId,
        kernel: kernels::Recurrent,
        op: &ops::Recurrent,
    ) -> ValueId {
        let inputs = &self.node(id).inputs;
        let operands = &inputs[..inputs.len() - 1];
        let kept = self
            .kept
            .recurrent
            .reserves
            .iter()
            .find_map(|(&node, &reserve)| {
                let node = self.node(node);
                let same = node.op == Op::from(*op) && node.inputs == operands;
                same.then_some(reserve)
            });
        kept.unwrap_or_else(|| {
            let reserve = self.temporary(kernel.reserve());
            let y = self.temporary(kernel.output());
            self.emit_recurrent_forward(id, kernel, op, [y, reserve]);
            reserve
        })
    }

    /// Input, kernel, bias, mask and factors; what is not there is a value without floats.
    fn recurrent_operands(&mut self, id: NodeId, op: &ops::Recurrent) -> [ValueId; 5] {
        let inputs = &self.node(id).inputs;
        let operands = match self.node(id).op {
            Op::RecurrentGrad(_) => &inputs[..inputs.len() - 1],
            _ => inputs,
        };
        let nothing = self.temporary(0);
        let mut values = operands.iter().map(|&input| self.value(input));
        let mut next = |there: bool| there.then(|| values.next()).flatten().unwrap_or(nothing);
        let (x, w, bias) = (next(true), next(true), next(op.cell.has_bias()));
        let factors = usize::from(op.dropped);
        let masked = operands.len() > 2 + usize::from(op.cell.has_bias()) + factors;
        [x, w, bias, next(masked), next(op.dropped)]
    }

    fn recurrent_kernel(
        &self,
        operands: &[NodeId],
        op: &ops::Recurrent,
    ) -> Option<kernels::Recurrent> {
        let (activation, recurrent) = (
            activation(op.activation),
            activation(op.recurrent_activation),
        );
        let cell = match op.cell {
            RecurrentCell::Simple => kernels::RecurrentCell::Simple { activation },
            RecurrentCell::Lstm => kernels::RecurrentCell::Lstm {
                activation,
                recurrent,
            },
            RecurrentCell::Gru { reset_after: true } => kernels::RecurrentCell::Gru {
                activation,
                recurrent,
            },
            RecurrentCell::Gru { reset_after: false } => return None,
        };
        let x = self.sizes(operands[0]);
        Some(kernels::Recurrent {
            level: self.level,
            cell,
            batch: x[0],
            time: x[1],
            units: self.sizes(operands[1])[0],
            reverse: op.reverse,
            sequence: op.sequence,
        })
    }
}

fn activation(kind: GateActivation) -> kernels::GateActivation {
    match kind {
        GateActivation::Tanh => kernels::GateActivation::Tanh,
        GateActivation::Sigmoid => kernels::GateActivation::Sigmoid,
        GateActivation::Relu => kernels::GateActivation::Relu,
        GateActivation::Linear => kernels::GateActivation::Linear,
    }
}
