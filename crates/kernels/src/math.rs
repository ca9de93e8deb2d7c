//! Elementary functions on vectors, the same for every kernel.
//!
//! They are ours, not the platform's, so that a result does not depend on a system library. Errors
//! are in units in the last place, measured against `f64` in the tests. Polynomials are those of
//! Cephes (Moshier) unless a source is given.

use crate::simd::Simd;

/// The polynomial whose coefficients are given from the highest power down.
#[inline(always)]
pub(crate) fn polynomial<V: Simd, const N: usize>(x: V, coefficients: [f32; N]) -> V {
    let mut sum = V::splat(coefficients[0]);
    let mut i = 1;
    while i < N {
        sum = sum.fma(x, V::splat(coefficients[i]));
        i += 1;
    }
    sum
}

/// eˣ within 2 units in the last place. Results below the smallest normal number are 0.
#[inline(always)]
pub(crate) fn exp<V: Simd>(x: V) -> V {
    let lowest = V::splat(-87.336_54);
    let highest = V::splat(88.722_84);
    // The order of the operands keeps what is not a number.
    let clamped = highest.min(lowest.max(x));
    let n = (clamped * V::splat(std::f32::consts::LOG2_E)).round();
    let r = n.fma(V::splat(-0.693_359_4), clamped);
    let r = n.fma(V::splat(2.121_944_4e-4), r);
    let p = polynomial(
        r,
        [
            1.987_569_1e-4,
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            5.000_000_1e-1,
        ],
    );
    let p = p.fma(r * r, r) + V::splat(1.0);
    // In two factors, since 2¹²⁸ alone is too large.
    let half = (n * V::splat(0.5)).floor();
    let result = p * half.exp2_integral() * (n - half).exp2_integral();
    let result = V::zero().select(result, x.lt(lowest));
    V::splat(f32::INFINITY).select(result, x.gt(highest))
}

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
            3.333_333_1e-1,
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

/// The hyperbolic tangent within 3 units in the last place.
#[inline(always)]
pub(crate) fn tanh<V: Simd>(x: V) -> V {
    let one = V::splat(1.0);
    let square = x * x;
    let p = polynomial(
        square,
        [
            -5.704_988_7e-3,
            2.063_908_9e-2,
            -5.373_971_6e-2,
            1.333_144_2e-1,
            -3.333_328_2e-1,
        ],
    );
    let near = (p * square).fma(x, x);
    let power = exp(x.abs() + x.abs());
    let far = (one - V::splat(2.0) / (power + one)).copysign(x);
    // Not a number goes the first way.
    far.select(near, x.abs().ge(V::splat(0.625)))
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn sigmoid<V: Simd>(x: V) -> V {
    let one = V::splat(1.0);
    one / (one + exp(-x))
}

/// The error function within 5 units in the last place (the rational approximation of Eigen's
/// `generic_fast_erf_float`).
#[inline(always)]
pub(crate) fn erf<V: Simd>(x: V) -> V {
    let limit = V::splat(4.0);
    let clamped = limit.min((-limit).max(x));
    let square = clamped * clamped;
    let p = polynomial(
        square,
        [
            -2.726_142_3e-10,
            2.770_681_5e-8,
            -2.101_024e-6,
            -5.692_506_6e-5,
            -7.349_906_5e-4,
            -2.954_599_8e-3,
            -1.609_603_3e-2,
        ],
    );
    let q = polynomial(
        square,
        [
            -1.456_607_2e-5,
            -2.133_740_6e-4,
            -1.682_826_9e-3,
            -7.373_329e-3,
            -1.426_473_9e-2,
        ],
    );
    clamped * p / q
}
