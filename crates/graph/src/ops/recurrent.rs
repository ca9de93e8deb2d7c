//! Recurrent layers: simple, LSTM and GRU.

use serde::{Deserialize, Serialize};

use super::recurrent_steps::Walk;
use super::{Operator, RecurrentGrad, RecurrentOperand, check};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// An activation inside a recurrent cell: one whose slope follows from its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateActivation {
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// max(x, 0).
    Relu,
    /// x.
    Linear,
}

/// The formulas of a step, with x the pre-activations of the gates from the input and s = h · U those from the state.
/// Formulas and the order of gates are Keras's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecurrentCell {
    /// h ← a(x + s).
    Simple,
    /// Gates i, f, c, o: c ← g(f) · c + g(i) · a(c̃) and h ← g(o) · a(c), where i, f, c̃ and o are x + s of their gates
    /// (Hochreiter & Schmidhuber 1997, Gers et al. 2000).
    Lstm,
    /// Gates z, r, h: h ← z · h + (1 − z) · a(h̃) with z and r being g(x + s) of their gates, and h̃ = xₕ + r · (sₕ + bₕ)
    /// if `reset_after` (cuDNN's form, which PyTorch has too), else h̃ = xₕ + (r · h) · Uₕ (Cho et al. 2014).
    Gru {
        /// Whether the reset gate comes after the product. If so, the product has a bias of its own, which is an input
        /// of the operator.
        reset_after: bool,
    },
}

impl RecurrentCell {
    /// How many pre-activations a unit has.
    #[must_use]
    pub fn gates(self) -> usize {
        match self {
            Self::Simple => 1,
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
        }
    }

    /// Whether the product with the state has a bias of its own.
    #[must_use]
    pub fn has_bias(self) -> bool {
        self == Self::Gru { reset_after: true }
    }
}

/// Walks sequences step by step and gives the states h, which begin with zeros.
///
/// What the inputs contribute to the gates is computed before, by one matrix product for all steps. Where the mask is
/// 0, the state stays as it is. Recurrent dropout (Gal & Ghahramani 2016) is an input of factors, by which the state is
/// multiplied as it enters each step.
///
/// # Shapes
/// x `[batch, time, gates · units]`; recurrent kernel U `[units, gates · units]`; recurrent bias `[gates · units]` for a
/// GRU with `reset_after`; if there is one, the mask `[batch, time]`; last, if `dropped`, the factors `[batch, units]`.
/// The result is `[batch, time, units]`, or `[batch, units]` for the last state alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// The formulas.
    pub cell: RecurrentCell,
    /// a in the formulas.
    pub activation: GateActivation,
    /// g in the formulas.
    pub recurrent_activation: GateActivation,
    /// From the last step to the first.
    pub reverse: bool,
    /// The state after every step, at that step's own place, instead of the last state alone.
    pub sequence: bool,
    /// Whether there are factors of the state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

impl Operator for Recurrent {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let (x, units) = self.check("recurrent", inputs)?;
        let mut dims = vec![x.0[0], x.0[1], units.into()];
        if !self.sequence {
            dims.remove(1);
        }
        Ok(Shape(dims))
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let units = inputs[1].shape[0];
        let walk = Walk::new(self, inputs);
        for sample in 0..inputs[0].shape[0] {
            for (index, step) in walk.forward(sample).into_iter().enumerate() {
                let place = if self.sequence {
                    walk.row(sample, index)
                } else {
                    sample
                };
                for (y, h) in output[place * units..][..units].iter_mut().zip(step.h) {
                    *y = h as f32;
                }
            }
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        dy: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let mut operands = graph.node(node).inputs.clone();
        operands.push(dy);
        let of = |index| match index {
            0 => Some(RecurrentOperand::Input),
            1 => Some(RecurrentOperand::Kernel),
            2 if self.cell.has_bias() => Some(RecurrentOperand::Bias),
            _ => None,
        };
        let gradients = needed.iter().enumerate().map(|(index, &needed)| {
            let Some(of) = of(index).filter(|_| needed) else {
                return Ok(None);
            };
            let op = RecurrentGrad { forward: *self, of };
            graph.add(op.into(), &operands).map(Some)
        });
        gradients.collect()
    }
}

impl Recurrent {
    /// The mask among the inputs.
    pub(super) fn mask<'i, T>(&self, inputs: &'i [T]) -> Option<&'i T> {
        let place = 2 + usize::from(self.cell.has_bias());
        inputs[..inputs.len() - usize::from(self.dropped)].get(place)
    }

    /// The factors of the state among the inputs.
    pub(super) fn factors<'i, T>(&self, inputs: &'i [T]) -> Option<&'i T> {
        inputs.last().filter(|_| self.dropped)
    }

    /// Checks the inputs; returns x and the number of units.
    pub(super) fn check<'s>(
        &self,
        op: &'static str,
        inputs: &[&'s Shape],
    ) -> Result<(&'s Shape, usize)> {
        let least = 2 + usize::from(self.cell.has_bias()) + usize::from(self.dropped);
        let gates = self.cell.gates();
        let units = inputs.get(1).and_then(|kernel| kernel.size(0));
        let fits = |units: usize| {
            let columns = units.checked_mul(gates).map(Dim::Size)?;
            let (x, rest) = inputs.split_first()?;
            let fit = units > 0
                && (least..=least + 1).contains(&inputs.len())
                && x.rank() == 3
                && x.0[2] == columns
                && rest[0].0 == [Dim::Size(units), columns]
                && (!self.cell.has_bias() || rest[1].0 == [columns])
                && self.mask(inputs).is_none_or(|mask| mask.0 == x.0[..2])
                && self
                    .factors(inputs)
                    .is_none_or(|factors| factors.0 == [x.0[0], units.into()]);
            fit.then_some((*x, units))
        };
        units.and_then(fits).ok_or_else(|| {
            let bias = if self.cell.has_bias() {
                format!(", a bias [{gates} · units]")
            } else {
                String::new()
            };
            let factors = if self.dropped {
                " and factors [batch, units]"
            } else {
                ""
            };
            let expected = format!(
                "[batch, time, {gates} · units], a kernel [units, {gates} · units]{bias}, perhaps a mask [batch, time]{factors}"
            );
            Error::shape(op, expected, check::list(inputs))
        })
    }
}
