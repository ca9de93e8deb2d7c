//! The steps of recurrent cells, forward and backward, in double precision and without haste.

use super::{GateActivation, Recurrent, RecurrentCell};
use crate::Tensor;

impl GateActivation {
    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Relu => x.max(0.0),
            Self::Linear => x,
        }
    }

    /// The derivative where the value is y.
    fn slope(self, y: f64) -> f64 {
        match self {
            Self::Tanh => 1.0 - y * y,
            Self::Sigmoid => y * (1.0 - y),
            Self::Relu => f64::from(u8::from(y > 0.0)),
            Self::Linear => 1.0,
        }
    }
}

/// What a step began with, its gates, and its result.
pub(super) struct Step {
    masked: bool,
    before: [Vec<f64>; 2],
    gates: Vec<f64>,
    /// What the state contributes to the gates.
    s: Vec<f64>,
    pub h: Vec<f64>,
}

/// The operands of a recurrent operator.
pub(super) struct Walk<'a> {
    op: &'a Recurrent,
    time: usize,
    units: usize,
    x: &'a [f32],
    kernel: &'a [f32],
    bias: Option<&'a [f32]>,
    mask: Option<&'a [f32]>,
    factors: Option<&'a [f32]>,
}

impl<'a> Walk<'a> {
    pub fn new(op: &'a Recurrent, inputs: &[Tensor<'a>]) -> Self {
        let has_bias = op.cell.has_bias();
        Self {
            op,
            time: inputs[0].shape[1],
            units: inputs[1].shape[0],
            x: inputs[0].data,
            kernel: inputs[1].data,
            bias: has_bias.then(|| inputs[2].data),
            mask: op.mask(inputs).map(|mask| mask.data),
            factors: op.factors(inputs).map(|factors| factors.data),
        }
    }

    /// The row of a step among all samples' steps.
    pub fn row(&self, sample: usize, step: usize) -> usize {
        let place = if self.op.reverse {
            self.time - 1 - step
        } else {
            step
        };
        sample * self.time + place
    }

    /// All steps of a sample, in the order in which they are walked.
    pub fn forward(&self, sample: usize) -> Vec<Step> {
        let (mut h, mut c) = (vec![0.0; self.units], vec![0.0; self.units]);
        let mut steps = Vec::with_capacity(self.time);
        for index in 0..self.time {
            let row = self.row(sample, index);
            let masked = self.mask.is_some_and(|mask| mask[row] == 0.0);
            if !masked {
                self.drop(sample, &mut h);
            }
            let before = [h.clone(), c.clone()];
            let (mut gates, mut s) = (Vec::new(), Vec::new());
            if !masked {
                (gates, s) = self.gates(row, &h);
                self.advance(&gates, &mut h, &mut c);
            }
            steps.push(Step {
                masked,
                before,
                gates,
                s,
                h: h.clone(),
            });
        }
        steps
    }

    /// Multiplies a state or its gradient by the sample's factors.
    fn drop(&self, sample: usize, h: &mut [f64]) {
        if let Some(factors) = self.factors {
            for (h, &factor) in h.iter_mut().zip(&factors[sample * self.units..]) {
                *h *= f64::from(factor);
            }
        }
    }

    /// h · U + b of one column.
    fn product(&self, h: impl Fn(usize) -> f64, column: usize) -> f64 {
        let columns = self.units * self.op.cell.gates();
        let bias = self.bias.map_or(0.0, |bias| f64::from(bias[column]));
        let kernel = |unit: usize| f64::from(self.kernel[unit * columns + column]);
        bias + (0..self.units)
            .map(|unit| h(unit) * kernel(unit))
            .sum::<f64>()
    }

    /// The gates after their activations, and what the state contributed to them.
    fn gates(&self, row: usize, h: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let units = self.units;
        let columns = units * self.op.cell.gates();
        let x = |column: usize| f64::from(self.x[row * columns + column]);
        let mut gates = vec![0.0; columns];
        let mut s = vec![0.0; columns];
        for column in 0..columns {
            let (gate, unit) = (column / units, column % units);
            let r = |unit: usize| gates[units + unit];
            s[column] = match (self.op.cell, gate) {
                (RecurrentCell::Gru { reset_after: false }, 2) => {
                    self.product(|unit| r(unit) * h[unit], column)
                }
                _ => self.product(|unit| h[unit], column),
            };
            let sum = match (self.op.cell, gate) {
                (RecurrentCell::Gru { reset_after: true }, 2) => x(column) + r(unit) * s[column],
                _ => x(column) + s[column],
            };
            gates[column] = self.activation(gate).apply(sum);
        }
        (gates, s)
    }

    fn activation(&self, gate: usize) -> GateActivation {
        match (self.op.cell, gate) {
            (RecurrentCell::Simple, _) | (_, 2) => self.op.activation,
            _ => self.op.recurrent_activation,
        }
    }

    fn advance(&self, gates: &[f64], h: &mut [f64], c: &mut [f64]) {
        for unit in 0..self.units {
            let gate = |index: usize| gates[index * self.units + unit];
            h[unit] = match self.op.cell {
                RecurrentCell::Simple => gate(0),
                RecurrentCell::Lstm => {
                    c[unit] = gate(1) * c[unit] + gate(0) * gate(2);
                    gate(3) * self.op.activation.apply(c[unit])
                }
                RecurrentCell::Gru { .. } => gate(0) * h[unit] + (1.0 - gate(0)) * gate(2),
            };
        }
    }

    /// What the kernel's entry of a unit and a column is multiplied by.
    pub fn factor(&self, step: &Step, unit: usize, column: usize) -> f64 {
        if step.masked {
            return 0.0;
        }
        let h = step.before[0][unit];
        match self.op.cell {
            RecurrentCell::Gru { reset_after: false } if column >= 2 * self.units => {
                h * step.gates[self.units + unit]
            }
            _ => h,
        }
    }

    /// The gradients of the gates' pre-activations from the inputs and from the state; `dh` and `dc` become the
    /// gradients of the state before the step.
    pub fn backward(
        &self,
        sample: usize,
        step: &Step,
        dh: &mut [f64],
        dc: &mut [f64],
    ) -> (Vec<f64>, Vec<f64>) {
        let units = self.units;
        let columns = units * self.op.cell.gates();
        let (mut dx, mut ds) = (vec![0.0; columns], vec![0.0; columns]);
        if step.masked {
            return (dx, ds);
        }
        let slope =
            |gate: usize, unit: usize| self.activation(gate).slope(step.gates[gate * units + unit]);
        let through = |ds: &[f64], unit: usize, columns_: std::ops::Range<usize>| -> f64 {
            columns_
                .map(|column| f64::from(self.kernel[unit * columns + column]) * ds[column])
                .sum()
        };
        let mut direct = vec![0.0; units];
        for unit in 0..units {
            let gate = |index: usize| step.gates[index * units + unit];
            let (before, after) = (step.before[0][unit], dh[unit]);
            match self.op.cell {
                RecurrentCell::Simple => dx[unit] = after * slope(0, unit),
                RecurrentCell::Lstm => {
                    let earlier = step.before[1][unit];
                    let y = self
                        .op
                        .activation
                        .apply(gate(1) * earlier + gate(0) * gate(2));
                    let flow = dc[unit] + after * gate(3) * self.op.activation.slope(y);
                    dx[unit] = flow * gate(2) * slope(0, unit);
                    dx[units + unit] = flow * earlier * slope(1, unit);
                    dx[2 * units + unit] = flow * gate(0) * slope(2, unit);
                    dx[3 * units + unit] = after * y * slope(3, unit);
                    dc[unit] = flow * gate(1);
                }
                RecurrentCell::Gru { reset_after } => {
                    let flow = after * (1.0 - gate(0)) * slope(2, unit);
                    dx[unit] = after * (before - gate(2)) * slope(0, unit);
                    dx[2 * units + unit] = flow;
                    if reset_after {
                        dx[units + unit] = flow * step.s[2 * units + unit] * slope(1, unit);
                    }
                    direct[unit] = after * gate(0);
                }
            }
        }
        ds.copy_from_slice(&dx);
        match self.op.cell {
            RecurrentCell::Gru { reset_after: true } => {
                for unit in 0..units {
                    ds[2 * units + unit] *= step.gates[units + unit];
                }
            }
            RecurrentCell::Gru { reset_after: false } => {
                for unit in 0..units {
                    let flow = through(&dx, unit, 2 * units..3 * units);
                    direct[unit] += flow * step.gates[units + unit];
                    dx[units + unit] = flow * step.before[0][unit] * slope(1, unit);
                    ds[units + unit] = dx[units + unit];
                }
                for unit in 0..units {
                    dh[unit] = direct[unit] + through(&ds, unit, 0..2 * units);
                }
                self.drop(sample, dh);
                return (dx, ds);
            }
            _ => {}
        }
        for unit in 0..units {
            dh[unit] = direct[unit] + through(&ds, unit, 0..columns);
        }
        self.drop(sample, dh);
        (dx, ds)
    }
}
