//! The formulas of a step, forward and backward, a vector of units at a time.

use crate::{
    activation::{reciprocal, tanh_ratio},
    simd::Simd,
};

/// An activation whose slope follows from its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateActivation {
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `max(x, 0)`
    Relu,
    /// `x`
    Linear,
}

impl GateActivation {
    #[inline(always)]
    fn apply<V: Simd>(self, x: V) -> V {
        match self {
            Self::Tanh => tanh(x),
            Self::Sigmoid => {
                let half = V::splat(0.5);
                tanh(x * half).fma(half, half)
            }
            Self::Relu => V::zero().max(x),
            Self::Linear => x,
        }
    }

    /// The derivative where the value is `y`.
    #[inline(always)]
    fn slope<V: Simd>(self, y: V) -> V {
        let one = V::splat(1.0);
        match self {
            Self::Tanh => (-y).fma(y, one),
            Self::Sigmoid => (-y).fma(y, y),
            Self::Relu => one.select(V::zero(), y.gt(V::zero())),
            Self::Linear => one,
        }
    }
}

/// Hyperbolic tangent within 3e-7, without a division.
#[inline(always)]
fn tanh<V: Simd>(x: V) -> V {
    let (above, below) = tanh_ratio(x);
    above * reciprocal(below)
}

/// The formulas of a recurrent layer, with `x` the pre-activations from the inputs, `s = h · U` those from the state,
/// `a` the activation and `g` that of the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentCell {
    /// `h ← a(x + s)`
    Simple {
        /// `a`
        activation: GateActivation,
    },
    /// Gates in the order i, f, c, o: `c ← g(f) · c + g(i) · a(c̃)`, `h ← g(o) · a(c)`, where each letter in brackets
    /// is `x + s` of its gate (Hochreiter & Schmidhuber 1997, Gers et al. 2000).
    Lstm {
        /// `a`
        activation: GateActivation,
        /// `g`
        recurrent: GateActivation,
    },
    /// Gates in the order z, r, h, with the recurrent bias `b` in `s`: `h ← z · h + (1 − z) · a(xₕ + r · sₕ)`, `z` and
    /// `r` being `g(x + s)` (Cho et al. 2014 in the form of cuDNN, whose reset gate comes after the product).
    Gru {
        /// `a`
        activation: GateActivation,
        /// `g`
        recurrent: GateActivation,
    },
}

impl RecurrentCell {
    /// Vectors of pre-activations a state.
    pub fn gates(self) -> usize {
        match self {
            Self::Simple { .. } => 1,
            Self::Lstm { .. } => 4,
            Self::Gru { .. } => 3,
        }
    }

    /// Numbers a unit that a step keeps for the backward pass, beside the state before it.
    pub(super) fn kept(self) -> usize {
        match self {
            Self::Simple { .. } => 1,
            Self::Lstm { .. } => 5,
            Self::Gru { .. } => 4,
        }
    }

    /// Whether the product with the state has a bias of its own.
    pub fn has_bias(self) -> bool {
        matches!(self, Self::Gru { .. })
    }
}

/// A unit's state: `h`, and `c` where there is one.
#[derive(Clone, Copy)]
pub(super) struct State<V> {
    pub h: V,
    pub c: V,
}

/// The gradients of a step.
pub(super) struct Gradients<V, const G: usize> {
    /// Of the pre-activations from the inputs.
    pub x: [V; G],
    /// Of those from the state.
    pub s: [V; G],
    /// Of the state before, but for what comes through `s`.
    pub state: State<V>,
}

/// A step of a cell of `G` gates that keeps `K` numbers.
pub(super) trait Cell<V: Simd, const G: usize, const K: usize>: Copy {
    /// Whether the gradients of `x` and `s` differ.
    const TWO_GRADIENTS: bool = false;

    fn forward(self, x: [V; G], s: [V; G], before: State<V>) -> (State<V>, [V; K]);

    /// From what was kept, the state `h` before the step and the gradients of the state after it.
    fn backward(self, kept: [V; K], h: V, after: State<V>) -> Gradients<V, G>;
}

#[derive(Clone, Copy)]
pub(super) struct Simple(pub GateActivation);

impl<V: Simd> Cell<V, 1, 1> for Simple {
    #[inline(always)]
    fn forward(self, [x]: [V; 1], [s]: [V; 1], before: State<V>) -> (State<V>, [V; 1]) {
        let h = self.0.apply(x + s);
        (State { h, c: before.c }, [h])
    }

    #[inline(always)]
    fn backward(self, [y]: [V; 1], _: V, after: State<V>) -> Gradients<V, 1> {
        let x = [after.h * self.0.slope(y)];
        let state = State {
            h: V::zero(),
            c: V::zero(),
        };
        Gradients { x, s: x, state }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Lstm {
    pub activation: GateActivation,
    pub recurrent: GateActivation,
}

impl<V: Simd> Cell<V, 4, 5> for Lstm {
    #[inline(always)]
    fn forward(self, x: [V; 4], s: [V; 4], before: State<V>) -> (State<V>, [V; 5]) {
        let i = self.recurrent.apply(x[0] + s[0]);
        let f = self.recurrent.apply(x[1] + s[1]);
        let g = self.activation.apply(x[2] + s[2]);
        let o = self.recurrent.apply(x[3] + s[3]);
        let c = f.fma(before.c, i * g);
        let h = o * self.activation.apply(c);
        (State { h, c }, [i, f, g, o, before.c])
    }

    #[inline(always)]
    fn backward(self, [i, f, g, o, before]: [V; 5], _: V, after: State<V>) -> Gradients<V, 4> {
        let (activation, recurrent) = (self.activation, self.recurrent);
        let y = activation.apply(f.fma(before, i * g));
        let dc = (after.h * o).fma(activation.slope(y), after.c);
        let x = [
            dc * g * recurrent.slope(i),
            dc * before * recurrent.slope(f),
            dc * i * activation.slope(g),
            after.h * y * recurrent.slope(o),
        ];
        let state = State {
            h: V::zero(),
            c: dc * f,
        };
        Gradients { x, s: x, state }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Gru {
    pub activation: GateActivation,
    pub recurrent: GateActivation,
}

impl<V: Simd> Cell<V, 3, 4> for Gru {
    const TWO_GRADIENTS: bool = true;

    #[inline(always)]
    fn forward(self, x: [V; 3], s: [V; 3], before: State<V>) -> (State<V>, [V; 4]) {
        let z = self.recurrent.apply(x[0] + s[0]);
        let r = self.recurrent.apply(x[1] + s[1]);
        let g = self.activation.apply(r.fma(s[2], x[2]));
        let h = z.fma(before.h - g, g);
        (State { h, c: before.c }, [z, r, g, s[2]])
    }

    #[inline(always)]
    fn backward(self, [z, r, g, s]: [V; 4], h: V, after: State<V>) -> Gradients<V, 3> {
        let dh = after.h;
        let dg = dh * (V::splat(1.0) - z) * self.activation.slope(g);
        let dz = dh * (h - g) * self.recurrent.slope(z);
        let dr = dg * s * self.recurrent.slope(r);
        Gradients {
            x: [dz, dr, dg],
            s: [dz, dr, dg * r],
            state: State {
                h: dh * z,
                c: after.c,
            },
        }
    }
}
