//! Activations that kernels apply to their sums before storing them, and the functions behind them.
//!
//! The functions are ours so that results do not depend on a system library. NaN stays NaN.

use crate::gemm::block::Beside;
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

impl Activation {
    /// `dy` times the slope, from what `kept` says that the function read (GELU, SiLU) or gave (all others).
    #[inline(always)]
    pub(crate) fn backward<V: Simd>(self, kept: V, dy: V) -> V {
        let one = V::splat(1.0);
        match self {
            Activation::None => dy,
            // A select, not a product, so that an infinite gradient is stopped below zero.
            Activation::Relu => dy.select(V::zero(), kept.gt(V::zero())),
            Activation::LeakyRelu(slope) => dy.select(dy * V::splat(slope), kept.gt(V::zero())),
            Activation::Gelu => dy * gelu_slope(kept),
            Activation::Silu => dy * silu_slope(kept),
            Activation::Sigmoid => dy * (kept * (one - kept)),
            Activation::Tanh => dy * (-kept).fma(kept, one),
        }
    }

    /// The end of a product: a sum with what is beside it.
    #[inline(always)]
    pub(crate) fn finish<V: Simd>(self, sum: V, other: V, beside: Beside) -> V {
        match beside {
            Beside::Slope(_) => self.backward(other, sum),
            Beside::Added(_) => self.apply(sum) + other,
            Beside::Nothing | Beside::Sums(_) => self.apply(sum),
        }
    }
}

/// `Φ(x) + x · φ(x)` to 4e-7: one half and an odd function, of which this is a rational minimax approximation, fitted by
/// reweighted least squares. A fraction of the cost of an error function and an exponential.
#[inline(always)]
pub(crate) fn gelu_slope<V: Simd>(x: V) -> V {
    let clamped = V::splat(-5.8).max(V::splat(5.8).min(x));
    let square = clamped * clamped;
    let above = polynomial(
        square,
        [
            -1.894_528_5e-11,
            3.398_434_6e-9,
            -1.596_813e-7,
            3.267_214_2e-5,
            -1.840_441_4e-4,
            1.460_875_7e-2,
            -4.371_522_7e-2,
            0.797_884_7,
        ],
    );
    let below = polynomial(
        square,
        [
            4.957_569e-6,
            1.419_000_3e-4,
            2.839_319_2e-3,
            3.615_383e-2,
            0.278_546_1,
            1.0,
        ],
    );
    (clamped * above).fma(reciprocal(below), V::splat(0.5))
}

/// `s · (1 + x · (1 − s))` with the sigmoid `s`.
#[inline(always)]
pub(crate) fn silu_slope<V: Simd>(x: V) -> V {
    let one = V::splat(1.0);
    let s = sigmoid(x);
    s * x.fma(one - s, one)
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
    let (above, below) = tanh_ratio(x);
    x.select(above / below, x.abs().lt(V::splat(4e-4)))
}

/// Numerator and denominator of [`tanh`]; the latter lies within 0.004 and 0.4.
#[inline(always)]
pub(crate) fn tanh_ratio<V: Simd>(x: V) -> (V, V) {
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
    (clamped * above, below)
}

/// The error function to 4 ulp, by the rational minimax approximation of Eigen.
#[inline(always)]
pub(crate) fn erf<V: Simd>(x: V) -> V {
    let clamped = V::splat(-4.0).max(V::splat(4.0).min(x));
    let square = clamped * clamped;
    let above = polynomial(
        square,
        [
            2.726_142_3e-10,
            -2.770_681_5e-8,
            2.101_024e-6,
            5.692_506_5e-5,
            7.349_906e-4,
            2.954_6e-3,
            1.609_603_3e-2,
        ],
    );
    let below = polynomial(
        square,
        [
            1.456_607_2e-5,
            2.133_740_6e-4,
            1.682_827e-3,
            7.373_329_5e-3,
            1.426_473_9e-2,
        ],
    );
    quotient(clamped * above, below)
}

/// `1 / x` to 2 ulp for normal positive numbers far from the largest: Newton's method, of third order, beats a division.
#[inline(always)]
pub(crate) fn reciprocal<V: Simd>(x: V) -> V {
    let mut reciprocal = x.reciprocal_estimate();
    let mut step = 0;
    while step < 2 {
        let error = (-x).fma(reciprocal, V::splat(1.0));
        reciprocal = reciprocal.fma(error.fma(error, error), reciprocal);
        step += 1;
    }
    reciprocal
}

/// `a / b` as a division rounds it, but for rare last bits; `b` as [`reciprocal`] takes it.
#[inline(always)]
fn quotient<V: Simd>(a: V, b: V) -> V {
    let reciprocal = reciprocal(b);
    let quotient = a * reciprocal;
    (-quotient).fma(b, a).fma(reciprocal, quotient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, level::dispatch};

    dispatch! {
        fn apply(activation: Activation, values: &mut [f32]) => apply_generic
    }

    #[inline(always)]
    fn apply_generic<V: Simd>(activation: Activation, values: &mut [f32]) {
        for part in values.chunks_mut(V::LANES) {
            activation.apply(V::from_slice(part)).to_slice(part);
        }
    }

    /// The error function by its series, which converges fast enough below 6.
    fn erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    fn exact(activation: Activation, x: f64) -> f64 {
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        match activation {
            Activation::None => x,
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu(slope) => x.max(f64::from(slope) * x),
            Activation::Gelu => 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2)),
            Activation::Silu => x * sigmoid,
            Activation::Sigmoid => sigmoid,
            Activation::Tanh => x.tanh(),
        }
    }

    #[test]
    fn activations_are_exact_to_a_few_ulp_at_every_level() {
        let xs: Vec<f32> = (-60_000..60_000).map(|i| i as f32 * 1e-4).collect();
        for (activation, relative) in [
            (Activation::Relu, 0.0),
            (Activation::LeakyRelu(0.25), 0.0),
            (Activation::Gelu, 0.0),
            (Activation::Silu, 4.0),
            (Activation::Sigmoid, 4.0),
            (Activation::Tanh, 6.0),
        ] {
            for level in Level::available() {
                let mut ys = xs.clone();
                apply(level, activation, &mut ys);
                for (&x, &y) in xs.iter().zip(&ys) {
                    let exact = exact(activation, f64::from(x));
                    let error = (f64::from(y) - exact).abs() / f64::from(f32::EPSILON);
                    // Where two large terms cancel, the error is one of the terms'.
                    let bound = if relative > 0.0 {
                        relative * exact.abs()
                    } else {
                        3.0 * f64::from(x).abs().max(1.0)
                    };
                    assert!(
                        error <= bound,
                        "{level} {activation:?}({x}) = {y}, not {exact}"
                    );
                }
            }
        }
    }

    dispatch! {
        fn slopes(values: &mut [f32]) => slopes_generic
    }

    #[inline(always)]
    fn slopes_generic<V: Simd>(values: &mut [f32]) {
        for part in values.chunks_mut(V::LANES) {
            gelu_slope(V::from_slice(part)).to_slice(part);
        }
    }

    #[test]
    fn slopes_of_gelu_are_exact_to_a_few_ulp_of_one() {
        let xs: Vec<f32> = (-60_000..60_000).map(|i| i as f32 * 1e-4).collect();
        for level in Level::available() {
            let mut slopes_found = xs.clone();
            slopes(level, &mut slopes_found);
            for (&x, &found) in xs.iter().zip(&slopes_found) {
                let x = f64::from(x);
                let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                let exact = 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2)) + x * density;
                let error = (f64::from(found) - exact).abs();
                assert!(error <= 4e-7, "{level} slope at {x} = {found}, not {exact}");
            }
            let mut limits = [f32::NEG_INFINITY, -200.0, 200.0, f32::INFINITY, f32::NAN];
            slopes(level, &mut limits);
            assert!(limits[..2].iter().all(|slope| slope.abs() <= 4e-7));
            assert!(limits[2..4].iter().all(|slope| (slope - 1.0).abs() <= 4e-7));
            assert!(limits[4].is_nan());
        }
    }

    #[test]
    fn activations_meet_their_limits_and_keep_nan() {
        for level in Level::available() {
            let limits = |activation| {
                let mut values = [f32::NEG_INFINITY, -200.0, 200.0, f32::NAN, 0.0];
                apply(level, activation, &mut values);
                assert!(values[3].is_nan(), "{level} {activation:?}");
                values
            };
            let sigmoid = limits(Activation::Sigmoid);
            assert_eq!(
                [sigmoid[0], sigmoid[1], sigmoid[2], sigmoid[4]],
                [0.0, 0.0, 1.0, 0.5]
            );
            let tanh = limits(Activation::Tanh);
            assert!((tanh[0] + 1.0).abs() < 1e-6 && (tanh[2] - 1.0).abs() < 1e-6 && tanh[4] == 0.0);
            assert_eq!(limits(Activation::Relu)[..3], [0.0, 0.0, 200.0]);
            limits(Activation::Gelu);
            limits(Activation::Silu);
            limits(Activation::LeakyRelu(0.1));
        }
    }
}
