//! Operators without a kernel of their own.

use jingwei_graph::{NodeId, RunContext, Tensor};

use super::Lowering;
use crate::program::ValueId;

impl Lowering<'_> {
    /// Runs the operator's reference loop. Concatenation alone takes more than five inputs, and has a kernel.
    pub(super) fn lower_reference(&mut self, id: NodeId) {
        match self.node(id).inputs.len() {
            1 => self.reference_of::<1>(id),
            2 => self.reference_of::<2>(id),
            3 => self.reference_of::<3>(id),
            4 => self.reference_of::<4>(id),
            _ => self.reference_of::<5>(id),
        }
    }

    fn reference_of<const N: usize>(&mut self, id: NodeId) {
        let reads: [ValueId; N] = self.operands(id);
        let write = self.define(id);
        let node = self.node(id);
        let inputs: [Vec<usize>; N] = std::array::from_fn(|index| self.sizes(node.inputs[index]));
        let (op, shape) = (node.op.clone(), self.sizes(id));
        let run = move |_: &jingwei_kernels::Workers<'_>,
                        values: [&[f32]; N],
                        [output]: [&mut [f32]; 1],
                        context: RunContext| {
            let tensors: [Tensor<'_>; N] = std::array::from_fn(|index| Tensor {
                shape: &inputs[index],
                data: values[index],
            });
            op.operator().evaluate(&tensors, &shape, output, context);
        };
        self.program
            .emit((node.op.name(), &node.layer), reads, [write], run);
    }
}
