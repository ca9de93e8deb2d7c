//! Plain Rust over four lanes, which the compiler turns into the target's baseline vectors.

use super::{RECIPROCAL, Simd};
use std::ops::{Add, Div, Mul, Neg, Sub};

const LANES: usize = 4;

/// Four floats.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub(crate) struct Scalar([f32; LANES]);

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> Scalar {
    Scalar([f(0), f(1), f(2), f(3)])
}

#[inline(always)]
fn test(f: impl Fn(usize) -> bool) -> [bool; LANES] {
    [f(0), f(1), f(2), f(3)]
}

macro_rules! operator {
    ($($trait:ident $name:ident $sign:tt),*) => {$(
        impl $trait for Scalar {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                each(|i| self.0[i] $sign other.0[i])
            }
        }
    )*};
}
operator!(Add add +, Sub sub -, Mul mul *, Div div /);

impl Neg for Scalar {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        each(|i| -self.0[i])
    }
}

impl Simd for Scalar {
    const LANES: usize = LANES;
    const TILE_ROWS: usize = 4;
    type Mask = [bool; LANES];

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller vouches for four floats.
        Self(unsafe { source.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Self {
        each(|i| {
            if i < count {
                // SAFETY: the caller vouches for `count` floats.
                unsafe { *source.add(i) }
            } else {
                0.0
            }
        })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for four floats.
        unsafe { target.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        for (i, value) in self.0.into_iter().enumerate().take(count) {
            // SAFETY: the caller vouches for `count` floats.
            unsafe { *target.add(i) = value }
        }
    }
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.select(other, self.gt(other))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.select(other, self.lt(other))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        each(|i| self.0[i].sqrt())
    }
    #[inline(always)]
    fn abs(self) -> Self {
        each(|i| self.0[i].abs())
    }
    #[inline(always)]
    fn round(self) -> Self {
        each(|i| self.0[i].round_ties_even())
    }
    #[inline(always)]
    fn floor(self) -> Self {
        each(|i| self.0[i].floor())
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        each(|i| self.0[i].copysign(sign.0[i]))
    }
    #[inline(always)]
    fn exp2_integral(self) -> Self {
        // Of what is not finite nothing can be told, but this must not panic.
        each(|i| f32::from_bits(((self.0[i] as i32).wrapping_add(127) << 23) as u32))
    }
    #[inline(always)]
    fn reciprocal_estimate(self) -> Self {
        each(|i| f32::from_bits(RECIPROCAL.wrapping_sub(self.0[i].to_bits())))
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        each(|i| ((self.0[i].to_bits() >> 23) as i32 - 127) as f32)
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        each(|i| f32::from_bits(self.0[i].to_bits() & 0x007f_ffff | 0x3f80_0000))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        test(|i| self.0[i] < other.0[i])
    }
    #[inline(always)]
    fn le(self, other: Self) -> Self::Mask {
        test(|i| self.0[i] <= other.0[i])
    }
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        test(|i| self.0[i] > other.0[i])
    }
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        test(|i| self.0[i] >= other.0[i])
    }
    #[inline(always)]
    fn eq(self, other: Self) -> Self::Mask {
        test(|i| self.0[i] == other.0[i])
    }
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        test(|i| self.0[i].is_nan())
    }
    #[inline(always)]
    fn select(self, other: Self, mask: Self::Mask) -> Self {
        each(|i| if mask[i] { self.0[i] } else { other.0[i] })
    }
    #[inline(always)]
    fn mask_and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        test(|i| a[i] & b[i])
    }
    #[inline(always)]
    fn mask_or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        test(|i| a[i] | b[i])
    }
    #[inline(always)]
    fn mask_not(a: Self::Mask) -> Self::Mask {
        test(|i| !a[i])
    }
    #[inline(always)]
    fn mask_bits(mask: Self::Mask) -> u32 {
        mask.iter()
            .enumerate()
            .fold(0, |bits, (i, &set)| bits | u32::from(set) << i)
    }
    #[inline(always)]
    fn mask_from_bits(bits: u32) -> Self::Mask {
        test(|i| bits >> i & 1 == 1)
    }
    #[inline(always)]
    unsafe fn transpose(
        source: *const f32,
        source_stride: usize,
        rows: usize,
        columns: usize,
        target: *mut f32,
        target_stride: usize,
    ) {
        for column in 0..columns {
            for row in 0..Self::LANES {
                // SAFETY: the caller vouches for both blocks.
                unsafe {
                    *target.add(column * target_stride + row) = if row < rows {
                        *source.add(row * source_stride + column)
                    } else {
                        0.0
                    };
                }
            }
        }
    }
    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        let [a, b, c, d] = self.0;
        (a + c) + (b + d)
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        let [a, b, c, d] = self.0;
        a.max(c).max(b.max(d))
    }
}
