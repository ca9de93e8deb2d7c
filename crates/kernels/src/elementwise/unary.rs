//! Functions of one element and their gradients.

use crate::activation::{Activation, gelu_slope, silu_slope};
use crate::chunks::run_flat;
use crate::level::dispatch;
use crate::math::{self, erf, exp, sigmoid, tanh};
use crate::simd::Simd;
use crate::{Workers, vectors};

/// A function of one element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `max(x, 0)`.
    Relu,
    /// `x` above zero, `slope · x` below; the slope is not negative.
    LeakyRelu(f32),
    /// `x · Φ(x)` with the normal distribution's `Φ` (Hendrycks and Gimpel 2016).
    Gelu,
    /// GELU's approximation `x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`.
    GeluTanh,
    /// `x / (1 + e⁻ˣ)`.
    Silu,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `log(1 + eˣ)`. Binary cross-entropy from a logit is `softplus(x) − t·x`.
    Softplus,
    /// `eˣ`.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// `1 / √x`.
    ReciprocalSqrt,
    /// `x²`.
    Square,
    /// `|x|`, with gradient 0 at 0.
    Abs,
    /// −1, 0 or 1; its gradient is 0.
    Sign,
    /// `−x`.
    Negate,
    /// `1 / x`.
    Reciprocal,
    /// Error function.
    Erf,
}

/// What [`Unary::backward`] wants of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The input.
    Input,
    /// The output.
    Output,
    /// Nothing; either will do, and is not looked at.
    Nothing,
}

impl Unary {
    /// `y = f(x)`.
    ///
    /// # Panics
    /// Where the lengths differ.
    pub fn forward(self, workers: &Workers, x: &[f32], y: &mut [f32]) {
        run_flat(workers, [x], y, |level, [x], y| {
            forward_chunk(level, self, x, y)
        });
    }

    /// What [`Self::backward`] takes as `kept`.
    pub fn kept(self) -> Kept {
        use Unary::*;
        match self {
            Relu | LeakyRelu(_) | Sigmoid | Tanh | Exp | Sqrt | ReciprocalSqrt | Reciprocal => {
                Kept::Output
            }
            Gelu | GeluTanh | Silu | Softplus | Log | Square | Abs | Erf => Kept::Input,
            Negate | Sign => Kept::Nothing,
        }
    }

    /// `dx = f′ · dy`, from the input or the output as [`Self::kept`] says.
    ///
    /// # Panics
    /// Where the lengths differ.
    pub fn backward(self, workers: &Workers, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        run_flat(workers, [kept, dy], dx, |level, inputs, dx| {
            backward_chunk(level, self, inputs, dx)
        });
    }
}

dispatch! {
    fn forward_chunk(function: Unary, x: &[f32], y: &mut [f32]) => forward_generic
}

/// Writes one loop for each function, since a loop over a function chosen inside would branch there.
macro_rules! each {
    ($x:ident => $y:expr, $f:expr) => {
        vectors::map([$x], $y, |[x]: [V; 1]| $f(x))
    };
}

#[inline(always)]
fn forward_generic<V: Simd>(function: Unary, x: &[f32], y: &mut [f32]) {
    let one = V::splat(1.0);
    match function {
        Unary::Relu => each!(x => y, |x| Activation::Relu.apply::<V>(x)),
        Unary::LeakyRelu(slope) => each!(x => y, |x| Activation::LeakyRelu(slope).apply::<V>(x)),
        Unary::Gelu => each!(x => y, |x| Activation::Gelu.apply::<V>(x)),
        Unary::GeluTanh => each!(x => y, |x: V| x * gelu_share(x)),
        Unary::Silu => each!(x => y, |x| Activation::Silu.apply::<V>(x)),
        Unary::Sigmoid => each!(x => y, sigmoid),
        Unary::Tanh => each!(x => y, tanh),
        Unary::Softplus => each!(x => y, softplus),
        Unary::Exp => each!(x => y, exp),
        Unary::Log => each!(x => y, math::log),
        Unary::Sqrt => each!(x => y, |x: V| x.sqrt()),
        Unary::ReciprocalSqrt => each!(x => y, |x: V| one / x.sqrt()),
        Unary::Square => each!(x => y, |x: V| x * x),
        Unary::Abs => each!(x => y, |x: V| x.abs()),
        Unary::Sign => each!(x => y, sign),
        Unary::Negate => each!(x => y, |x: V| -x),
        Unary::Reciprocal => each!(x => y, |x: V| one / x),
        Unary::Erf => each!(x => y, erf),
    }
}

dispatch! {
    fn backward_chunk(function: Unary, inputs: [&[f32]; 2], dx: &mut [f32]) => backward_generic
}

/// As `each!`, with the input or output of the function and the gradient of its output.
macro_rules! each_gradient {
    ($inputs:ident => $dx:expr, $f:expr) => {
        vectors::map($inputs, $dx, |[kept, dy]: [V; 2]| dy * $f(kept))
    };
}

#[inline(always)]
fn backward_generic<V: Simd>(function: Unary, inputs: [&[f32]; 2], dx: &mut [f32]) {
    let (one, half) = (V::splat(1.0), V::splat(0.5));
    match function {
        // A select, not a product, so that an infinite gradient is stopped below zero.
        Unary::Relu => vectors::map(inputs, dx, |[y, dy]: [V; 2]| {
            dy.select(V::zero(), y.gt(V::zero()))
        }),
        Unary::LeakyRelu(slope) => vectors::map(inputs, dx, |[y, dy]: [V; 2]| {
            dy.select(dy * V::splat(slope), y.gt(V::zero()))
        }),
        Unary::Gelu => each_gradient!(inputs => dx, gelu_slope),
        Unary::GeluTanh => each_gradient!(inputs => dx, gelu_tanh_slope),
        Unary::Silu => each_gradient!(inputs => dx, silu_slope),
        Unary::Sigmoid => each_gradient!(inputs => dx, |y: V| y * (one - y)),
        Unary::Tanh => each_gradient!(inputs => dx, |y: V| (-y).fma(y, one)),
        Unary::Softplus => each_gradient!(inputs => dx, sigmoid),
        Unary::Exp => each_gradient!(inputs => dx, |y: V| y),
        Unary::Log => each_gradient!(inputs => dx, |x: V| one / x),
        Unary::Sqrt => each_gradient!(inputs => dx, |y: V| half / y),
        Unary::ReciprocalSqrt => each_gradient!(inputs => dx, |y: V| -half * y * (y * y)),
        Unary::Square => each_gradient!(inputs => dx, |x: V| x + x),
        Unary::Abs => each_gradient!(inputs => dx, sign),
        Unary::Sign => dx.fill(0.0),
        Unary::Negate => vectors::map(inputs, dx, |[_, dy]: [V; 2]| -dy),
        Unary::Reciprocal => each_gradient!(inputs => dx, |y: V| -(y * y)),
        Unary::Erf => {
            each_gradient!(inputs => dx, |x: V| V::splat(2.0 * FRAC_1_SQRT_PI) * exp(-(x * x)))
        }
    }
}

/// 1 / √π.
const FRAC_1_SQRT_PI: f32 = 0.564_189_6;
/// √(2 / π).
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBE: f32 = 0.044_715;

/// `log(1 + eˣ)` without overflow.
#[inline(always)]
fn softplus<V: Simd>(x: V) -> V {
    V::zero().max(x) + math::log_1p_unit(exp(-x.abs()))
}

#[inline(always)]
fn sign<V: Simd>(x: V) -> V {
    let one = V::splat(1.0).copysign(x);
    x.select(one, V::mask_or(x.eq(V::zero()), x.is_nan()))
}

/// What the tanh form multiplies `x` by, as a sigmoid, which is exact where tanh is close to −1.
#[inline(always)]
fn gelu_share<V: Simd>(x: V) -> V {
    let inner = (x * x).fma(V::splat(GELU_CUBE), V::splat(1.0));
    sigmoid(V::splat(2.0 * GELU_SCALE) * x * inner)
}

#[inline(always)]
fn gelu_tanh_slope<V: Simd>(x: V) -> V {
    let one = V::splat(1.0);
    let s = gelu_share(x);
    let inner = (x * x).fma(V::splat(3.0 * GELU_CUBE), one);
    (V::splat(2.0 * GELU_SCALE) * x * s * (one - s)).fma(inner, s)
}
