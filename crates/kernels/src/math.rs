//! Elementary functions on vectors beside those that activations need.
//!
//! They are ours, not the platform's, so that a result does not depend on a system library. Errors
//! are in units in the last place, measured against `f64` in the tests. Polynomials are those of
//! Cephes (Moshier) unless a source is given.

use crate::simd::Simd;

pub(crate) use crate::activation::{erf, exp, polynomial, sigmoid, tanh};

/// The natural logarithm within 2 units in the last place; −∞ at 0, not a number below.
#[inline(always)]
pub(crate) fn log<V: Simd>(x: V) -> V {
    let one = V::splat(1.0);
    let tiny = x.lt(V::splat(f32::MIN_POSITIVE));
    let scaled = (x * V::splat(8_388_608.0)).select(x, tiny);
    let mantissa = scaled.mantissa();
    let high = mantissa.gt(V::splat(std::f32::consts::SQRT_2));
    let mantissa = (mantissa * V::splat(0.5)).select(mantissa, high);
    let e = scaled.exponent() + one.select(V::zero(), high);
    let e = e - V::splat(23.0).select(V::zero(), tiny);
    let result = log_of_parts(mantissa - one, e);
    let infinity = V::splat(f32::INFINITY);
    let result = infinity.select(result, x.eq(infinity));
    let result = (-infinity).select(result, x.eq(V::zero()));
    // The comparison is false where `x` is not a number, too.
    result.select(V::splat(f32::NAN), x.ge(V::zero()))
}

/// log((1 + r) · 2ᵉ) for `1 + r` in √½ … √2.
#[inline(always)]
fn log_of_parts<V: Simd>(r: V, e: V) -> V {
    let square = r * r;
    let p = polynomial(
        r,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            0.333_333_3,
        ],
    );
    let p = e.fma(V::splat(-2.121_944_4e-4), p * r * square);
    let p = square.fma(V::splat(-0.5), p);
    e.fma(V::splat(0.693_359_4), r + p)
}

/// log(1 + x) for `x` in 0 … 1.
#[inline(always)]
pub(crate) fn log_1p_unit<V: Simd>(x: V) -> V {
    let one = V::splat(1.0);
    let sum = one + x;
    log(sum) + (x - (sum - one)) / sum
}

/// (sin, cos) of `2π · turns`, for `turns` in 0 … 1.
#[inline(always)]
pub(crate) fn sin_cos_turns<V: Simd>(turns: V) -> (V, V) {
    let quarters = turns * V::splat(4.0);
    let quadrant = quarters.round();
    let r = (quarters - quadrant) * V::splat(std::f32::consts::FRAC_PI_2);
    let square = r * r;
    let s = polynomial(square, [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
    let s = (s * square).fma(r, r);
    let c = polynomial(square, [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2]);
    let c = (c * square).fma(square, square.fma(V::splat(-0.5), V::splat(1.0)));
    let is = |number: f32| quadrant.eq(V::splat(number));
    let swap = V::mask_or(is(1.0), is(3.0));
    let (sin, cos) = (c.select(s, swap), s.select(c, swap));
    let sin = (-sin).select(sin, V::mask_or(is(2.0), is(3.0)));
    (sin, (-cos).select(cos, V::mask_or(is(1.0), is(2.0))))
}
