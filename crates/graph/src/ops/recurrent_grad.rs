//! The gradients of recurrent layers.

use serde::{Deserialize, Serialize};

use super::recurrent_steps::{Step, Walk};
use super::{Operator, Recurrent, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// By what [`RecurrentGrad`] differentiates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecurrentOperand {
    /// The pre-activations from the inputs.
    Input,
    /// The recurrent kernel.
    Kernel,
    /// The recurrent bias.
    Bias,
}

/// The gradient of [`Recurrent`] with respect to one operand, by backpropagation through time.
///
/// # Shapes
/// The inputs of the forward operator, then the gradient of its result; the result has the operand's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentGrad {
    /// What is differentiated.
    pub forward: Recurrent,
    /// By which operand.
    pub of: RecurrentOperand,
}

impl Operator for RecurrentGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        const OP: &str = "recurrent_grad";
        let Some((dy, operands)) = inputs.split_last() else {
            return Err(Error::shape(OP, "operands and a gradient", "nothing"));
        };
        let y = self.forward.shape(operands)?;
        if **dy != y {
            return Err(Error::shape(OP, format!("a gradient {y}"), dy.to_string()));
        }
        match self.of {
            RecurrentOperand::Input => Ok(operands[0].clone()),
            RecurrentOperand::Kernel => Ok(operands[1].clone()),
            RecurrentOperand::Bias if self.forward.cell.has_bias() => Ok(operands[2].clone()),
            RecurrentOperand::Bias => {
                Err(Error::shape(OP, "a cell with a recurrent bias", "another"))
            }
        }
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let (dy, operands) = (inputs[inputs.len() - 1].data, &inputs[..inputs.len() - 1]);
        let (units, columns) = (inputs[1].shape[0], inputs[1].shape[1]);
        let walk = Walk::new(&self.forward, operands);
        let mut sums = vec![0.0f64; output.len()];
        for sample in 0..inputs[0].shape[0] {
            let steps = walk.forward(sample);
            let (mut dh, mut dc) = (vec![0.0; units], vec![0.0; units]);
            for (index, step) in steps.iter().enumerate().rev() {
                let row = walk.row(sample, index);
                let place = match (self.forward.sequence, index + 1 == steps.len()) {
                    (true, _) => Some(row),
                    (false, last) => last.then_some(sample),
                };
                if let Some(place) = place {
                    for (dh, &dy) in dh.iter_mut().zip(&dy[place * units..]) {
                        *dh += f64::from(dy);
                    }
                }
                let (dx, ds) = walk.backward(sample, step, &mut dh, &mut dc);
                match self.of {
                    RecurrentOperand::Input => {
                        sums[row * columns..][..columns].copy_from_slice(&dx);
                    }
                    RecurrentOperand::Kernel => self.add_to_kernel(&walk, step, &ds, &mut sums),
                    RecurrentOperand::Bias => {
                        sums.iter_mut().zip(&ds).for_each(|(sum, ds)| *sum += ds);
                    }
                }
            }
        }
        for (y, sum) in output.iter_mut().zip(sums) {
            *y = sum as f32;
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let reason = "the second derivative of recurrent layers is not implemented";
        Err(check::no_gradient(graph, node, reason))
    }
}

impl RecurrentGrad {
    fn add_to_kernel(&self, walk: &Walk<'_>, step: &Step, ds: &[f64], sums: &mut [f64]) {
        for (unit, row) in sums.chunks_exact_mut(ds.len()).enumerate() {
            for (column, (sum, ds)) in row.iter_mut().zip(ds).enumerate() {
                *sum += walk.factor(step, unit, column) * ds;
            }
        }
    }
}
