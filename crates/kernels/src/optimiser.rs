//! Parameter updates, each in one pass over flat buffers.
//!
//! An [`Update`] holds what stays the same during training; a [`Step`] holds what changes from one
//! step to the next, so that nothing is rebuilt for a schedule. Decay may differ between parameters
//! (biases usually have none): run each range of the flat buffers with the update that belongs to it.

use crate::level::dispatch;
use crate::simd::Simd;
use crate::workers::Parts;
use crate::{Workers, chunks, vectors};

mod rows;
mod touched;

pub use rows::{sum_of_squares_of_rows, sum_of_squares_of_rows_shared};
pub use touched::TouchedRows;

/// How a parameter `p` follows from its gradient `g`; `η` is the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `v ← μ·v + g`, then `p ← p − η·v`, or with Nesterov's look-ahead `p ← p − η·(g + μ·v)`
    /// (Sutskever et al. 2013, as in PyTorch).
    Sgd {
        /// `μ`, 0 for plain gradient descent, which needs no state.
        momentum: f32,
        /// Whether to look ahead.
        nesterov: bool,
    },
    /// `s ← ρ·s + (1 − ρ)·g²`, `v ← μ·v + g / (√s + ε)`, `p ← p − η·v` (Tieleman and Hinton 2012,
    /// as in PyTorch).
    RmsProp {
        /// `ρ`, how long squared gradients are remembered.
        rho: f32,
        /// `ε`, added outside the root.
        epsilon: f32,
        /// `μ`, 0 for none.
        momentum: f32,
    },
    /// `v ← β₁·v + (1 − β₁)·g`, `s ← β₂·s + (1 − β₂)·g²`, `p ← p − η · v̂ / (√ŝ + ε)` with
    /// `v̂ = v / (1 − β₁ᵗ)`, `ŝ = s / (1 − β₂ᵗ)` (Kingma and Ba 2015). With [`Decay::Decoupled`] it
    /// is AdamW.
    Adam {
        /// `β₁`, how long gradients are remembered.
        beta1: f32,
        /// `β₂`, how long squared gradients are remembered.
        beta2: f32,
        /// `ε`, added outside the root, after the correction of bias.
        epsilon: f32,
    },
}

/// How weights are drawn towards zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Decay {
    /// Not at all.
    #[default]
    None,
    /// `λ·p` is added to the gradient, after scaling and clipping.
    L2(f32),
    /// `p` is multiplied by `1 − η·λ` before the update (Loshchilov and Hutter 2019).
    Decoupled(f32),
}

/// One optimiser with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// How a parameter follows from its gradient.
    pub rule: Rule,
    /// How weights are drawn towards zero.
    pub decay: Decay,
    /// Each element of the scaled gradient is kept within ± this bound.
    pub clip_value: Option<f32>,
    /// `d` of the moving average of the parameters, `a ← d·a + (1 − d)·p` after the update.
    pub average: Option<f32>,
}

/// What differs from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// `η`.
    pub learning_rate: f32,
    /// `t`, 1 in the first step.
    pub number: u64,
    /// What gradients are multiplied by before anything else: for clipping by norm, or 1 / n after
    /// n accumulations.
    pub scale: f32,
}

/// The buffers of one update, all of one length. Those that the update does not use may be empty.
#[derive(Debug)]
pub struct Tensors<'a> {
    /// `p`, updated.
    pub parameters: &'a mut [f32],
    /// `g`.
    pub gradients: &'a [f32],
    /// `v`, where [`Update::uses_velocity`].
    pub velocity: &'a mut [f32],
    /// `s`, where [`Update::uses_squares`].
    pub squares: &'a mut [f32],
    /// The moving average, where [`Update::average`] is set.
    pub average: &'a mut [f32],
}

impl Update {
    /// An update without decay, clipping or average.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            decay: Decay::None,
            clip_value: None,
            average: None,
        }
    }

    /// Whether it keeps `v`, zero before the first step.
    pub fn uses_velocity(&self) -> bool {
        match self.rule {
            Rule::Sgd { momentum, .. } | Rule::RmsProp { momentum, .. } => momentum != 0.0,
            Rule::Adam { .. } => true,
        }
    }

    /// Whether it keeps `s`, zero before the first step.
    pub fn uses_squares(&self) -> bool {
        !matches!(self.rule, Rule::Sgd { .. })
    }

    /// Updates the parameters, the state and the average by one step.
    ///
    /// # Panics
    /// Where a buffer that the update uses differs in length from the parameters.
    pub fn run(&self, workers: &Workers, step: Step, tensors: Tensors<'_>) {
        let Tensors {
            parameters,
            gradients,
            velocity,
            squares,
            average,
        } = tensors;
        let len = parameters.len();
        let check =
            |name: &str, found: usize| assert_eq!(found, len, "{name}: one for each parameter");
        check("gradients", gradients.len());
        let used = |used: bool, name: &str, found: usize| {
            if used {
                check(name, found)
            }
        };
        used(self.uses_velocity(), "velocity", velocity.len());
        used(self.uses_squares(), "squares", squares.len());
        used(self.average.is_some(), "average", average.len());
        let parts = [parameters, velocity, squares, average].map(Parts::new);
        let is_used = [
            true,
            self.uses_velocity(),
            self.uses_squares(),
            self.average.is_some(),
        ];
        let constants = Constants::new(self, step);
        let level = workers.level();
        chunks::for_each_chunk(workers, len, |range| {
            let part = |i: usize| {
                let (start, len) = if is_used[i] {
                    (range.start, range.len())
                } else {
                    (0, 0)
                };
                // SAFETY: chunks do not overlap, the four buffers are different ones, and `part` finds chunks within them.
                unsafe { parts[i].part(start, len) }
            };
            let mut state = State {
                parameters: part(0),
                velocity: part(1),
                squares: part(2),
            };
            run_chunk(
                level,
                self.rule,
                constants,
                &gradients[range.clone()],
                &mut state,
            );
            if let Some(decay) = self.average {
                follow(level, decay, state.parameters, part(3));
            }
        });
    }
}

struct State<'a> {
    parameters: &'a mut [f32],
    velocity: &'a mut [f32],
    squares: &'a mut [f32],
}

/// What one step needs besides the rule.
#[derive(Clone, Copy)]
struct Constants {
    scale: f32,
    bound: f32,
    l2: f32,
    /// Share of a parameter that decoupled decay keeps.
    keep: f32,
    /// Learning rate, for Adam with the correction of `v`.
    rate: f32,
    /// What corrects `√s`.
    root: f32,
}

impl Constants {
    fn new(update: &Update, step: Step) -> Self {
        let (l2, keep) = match update.decay {
            Decay::None => (0.0, 1.0),
            Decay::L2(lambda) => (lambda, 1.0),
            Decay::Decoupled(lambda) => (0.0, 1.0 - step.learning_rate * lambda),
        };
        let (rate, root) = match update.rule {
            Rule::Adam { beta1, beta2, .. } => {
                let correction = |beta: f32| 1.0 - power(f64::from(beta), step.number);
                let rate = f64::from(step.learning_rate) / correction(beta1);
                (rate as f32, (1.0 / correction(beta2).sqrt()) as f32)
            }
            _ => (step.learning_rate, 1.0),
        };
        let bound = update.clip_value.unwrap_or(f32::INFINITY);
        Self {
            scale: step.scale,
            bound,
            l2,
            keep,
            rate,
            root,
        }
    }
}

/// `base` to a whole power by squaring, the same on every platform.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    product
}

dispatch! {
    fn run_chunk(rule: Rule, constants: Constants, gradients: &[f32], state: &mut State) => run_chunk_generic
}

#[inline(always)]
fn run_chunk_generic<V: Simd>(
    rule: Rule,
    constants: Constants,
    gradients: &[f32],
    state: &mut State,
) {
    match rule {
        Rule::Sgd { momentum: 0.0, .. } => descend::<V>(constants, gradients, state),
        Rule::Sgd { momentum, nesterov } => {
            accelerate::<V>(constants, momentum, nesterov, gradients, state)
        }
        Rule::RmsProp {
            rho,
            epsilon,
            momentum: 0.0,
        } => {
            rms_prop::<V>(constants, [rho, epsilon], gradients, state);
        }
        Rule::RmsProp {
            rho,
            epsilon,
            momentum,
        } => {
            rms_prop_momentum::<V>(constants, [rho, epsilon, momentum], gradients, state);
        }
        Rule::Adam {
            beta1,
            beta2,
            epsilon,
        } => {
            adam::<V>(constants, [beta1, beta2, epsilon], gradients, state);
        }
    }
}

/// The gradient scaled, clipped (what is not a number stays so) and with its L2 term.
#[inline(always)]
fn prepare<V: Simd>(c: Constants, g: V, p: V) -> V {
    let bound = V::splat(c.bound);
    let g = bound.min((-bound).max(g * V::splat(c.scale)));
    V::splat(c.l2).fma(p, g)
}

/// The parameter after decoupled decay and a step along `direction`.
#[inline(always)]
fn descend_along<V: Simd>(c: Constants, p: V, direction: V) -> V {
    V::splat(-c.rate).fma(direction, p * V::splat(c.keep))
}

/// `b·old + (1 − b)·new`.
#[inline(always)]
fn blend<V: Simd>(b: f32, old: V, new: V) -> V {
    V::splat(b).fma(old, V::splat(1.0 - b) * new)
}

#[inline(always)]
fn descend<V: Simd>(c: Constants, gradients: &[f32], state: &mut State) {
    vectors::update([gradients], [state.parameters], |[g]: [V; 1], [p]| {
        [descend_along(c, p, prepare(c, g, p))]
    });
}

#[inline(always)]
fn accelerate<V: Simd>(
    c: Constants,
    momentum: f32,
    nesterov: bool,
    gradients: &[f32],
    state: &mut State,
) {
    let momentum = V::splat(momentum);
    let (of_gradient, of_velocity) = if nesterov {
        (V::splat(1.0), momentum)
    } else {
        (V::zero(), V::splat(1.0))
    };
    vectors::update(
        [gradients],
        [state.parameters, state.velocity],
        |[g]: [V; 1], [p, v]| {
            let g = prepare(c, g, p);
            let v = momentum.fma(v, g);
            [descend_along(c, p, of_velocity.fma(v, of_gradient * g)), v]
        },
    );
}

#[inline(always)]
fn rms_prop<V: Simd>(c: Constants, [rho, epsilon]: [f32; 2], gradients: &[f32], state: &mut State) {
    vectors::update(
        [gradients],
        [state.parameters, state.squares],
        |[g]: [V; 1], [p, s]| {
            let g = prepare(c, g, p);
            let s = blend(rho, s, g * g);
            [descend_along(c, p, g / (s.sqrt() + V::splat(epsilon))), s]
        },
    );
}

#[inline(always)]
fn rms_prop_momentum<V: Simd>(
    c: Constants,
    [rho, epsilon, momentum]: [f32; 3],
    gradients: &[f32],
    state: &mut State,
) {
    let writes = [&mut *state.parameters, state.velocity, state.squares];
    vectors::update([gradients], writes, |[g]: [V; 1], [p, v, s]| {
        let g = prepare(c, g, p);
        let s = blend(rho, s, g * g);
        let v = V::splat(momentum).fma(v, g / (s.sqrt() + V::splat(epsilon)));
        [descend_along(c, p, v), v, s]
    });
}

#[inline(always)]
fn adam<V: Simd>(
    c: Constants,
    [beta1, beta2, epsilon]: [f32; 3],
    gradients: &[f32],
    state: &mut State,
) {
    let writes = [&mut *state.parameters, state.velocity, state.squares];
    vectors::update([gradients], writes, |[g]: [V; 1], [p, v, s]| {
        let g = prepare(c, g, p);
        let v = blend(beta1, v, g);
        let s = blend(beta2, s, g * g);
        let root = s.sqrt().fma(V::splat(c.root), V::splat(epsilon));
        [descend_along(c, p, v / root), v, s]
    });
}

dispatch! {
    fn follow(decay: f32, parameters: &[f32], averages: &mut [f32]) => follow_generic
}

#[inline(always)]
fn follow_generic<V: Simd>(decay: f32, parameters: &[f32], averages: &mut [f32]) {
    vectors::update([parameters], [averages], |[p]: [V; 1], [a]| {
        [blend(decay, a, p)]
    });
}
