//! Activations that kernels apply to their sums before storing them, and the functions behind them.
//!
//! The functions are ours so that results do not depend on a system library. NaN stays NaN.

use crate::simd::Simd;

/// What a kernel applies to its finished sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `x`
    #[default]
    None,
    /// `max(x, 0)`
    Relu,
    /// `x` above zero, `slope * x` below
    LeakyRelu(f32),
    /// `x * (1 + erf(x / sqrt 2)) / 2`
    Gelu,
    /// `x * sigmoid(x)`
    Silu,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `tanh(x)`
    Tanh,
}

impl Activation {
    /// The activation of each lane.
    #[inline(always)]
    pub(crate) fn apply<V: Simd>(self, x: V) -> V {
        match self {
            Activation::None => x,
            Activation::Relu => V::zero().max(x),
            Activation::LeakyRelu(slope) => (x * V::splat(slope)).select(x, x.lt(V::zero())),
            Activation::Gelu => {
                let half = x * V::splat(0.5);
                half.fma(erf(x * V::splat(std::f32::consts::FRAC_1_SQRT_2)), half)
            }
            Activation::Silu => x / (V::splat(1.0) + exp(-x)),
            Activation::Sigmoid => sigmoid(x),
            Activation::Tanh => tanh(x),
        }
    }
}

/// `coefficients` from the highest power down, by Horner's rule.
#[inline(always)]
pub(crate) fn polynomial<V: Simd, const N: usize>(x: V, coefficients: [f32; N]) -> V {
    let mut sum = V::splat(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = sum.fma(x, V::splat(coefficient));
    }
    sum
}

/// `e^x` to 2 ulp; infinity above 88.73, gradual underflow to zero below -87.34. After Cephes `expf`.
#[inline(always)]
pub(crate) fn exp<V: Simd>(x: V) -> V {
    let x = V::splat(-104.0).max(V::splat(89.0).min(x));
    let power = (x * V::splat(std::f32::consts::LOG2_E)).round();
    let rest = power.fma(V::splat(-0.693_359_4), x);
    let rest = power.fma(V::splat(2.121_944_4e-4), rest);
    let series = polynomial(
        rest,
        [
            1.987_569_1e-4,
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            0.5,
        ],
    );
    let value = series.fma(rest * rest, rest + V::splat(1.0));
    // Two factors, since neither 2^128 nor the powers of subnormals are floats.
    let half = (power * V::splat(0.5)).floor();
    value * half.exp2_integral() * (power - half).exp2_integral()
}

/// `1 / (1 + e^-x)` to 3 ulp where the result is normal.
#[inline(always)]
pub(crate) fn sigmoid<V: Simd>(x: V) -> V {
    V::splat(1.0) / (V::splat(1.0) + exp(-x))
}

/// Hyperbolic tangent to 4 ulp, by the rational minimax approximation of Eigen.
#[inline(always)]
pub(crate) fn tanh<V: Simd>(x: V) -> V {
    let bound = 7.905_311;
    let clamped = V::splat(-bound).max(V::splat(bound).min(x));
    let square = clamped * clamped;
    let above = polynomial(
        square,
        [
            -2.760_768_5e-16,
            2.000_188e-13,
            -8.604_672e-11,
            5.122_297_1e-8,
            1.485_722_4e-5,
            6.372_619e-4,
            4.893_524_6e-3,
        ],
    );
    let below = polynomial(
        square,
        [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3],
    );
    x.select(clamped * above / below, x.abs().lt(V::splat(4e-4)))
}

/// The error function to 4 ulp, by the rational minimax approximation of Eigen.
#[inline(always)]
pub(crate) fn erf<V: Simd>(x: V) -> V {
    let clamped = V::splat(-4.0).max(V::splat(4.0).min(x));
    let square = clamped * clamped;
    let above = polynomial(
        square,
        [
            -2.726_142_3e-10,
            2.770_681_5e-8,
            -2.101_024e-6,
            -5.692_506_5e-5,
            -7.349_906e-4,
            -2.954_599_8e-3,
            -1.609_603_3e-2,
        ],
    );
    let below = polynomial(
        square,
        [
            -1.456_607_2e-5,
            -2.133_740_6e-4,
            -1.682_827e-3,
            -7.373_329_5e-3,
            -1.426_473_9e-2,
        ],
    );
    clamped * above / below
}
