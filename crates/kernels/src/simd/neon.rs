//! 128-bit vectors of 64-bit ARM. Tested under emulation only: the project has no such machine yet.

use super::{RECIPROCAL, Simd};
use std::{
    arch::aarch64::*,
    ops::{Add, Div, Mul, Neg, Sub},
};

/// Four floats.
#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t);

/// Calls an intrinsic of the instructions that every 64-bit ARM processor has.
macro_rules! call {
    ($call:expr) => {{
        // SAFETY: NEON belongs to the baseline of the target, and a caller of a load or a store
        // vouches for the memory.
        #[allow(unused_unsafe)]
        unsafe {
            $call
        }
    }};
}

macro_rules! operators {
    ($($trait:ident $name:ident $intrinsic:ident),*) => {$(
        impl $trait for Neon {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(call!($intrinsic(self.0, other.0)))
            }
        }
    )*};
}
operators!(Add add vaddq_f32, Sub sub vsubq_f32, Mul mul vmulq_f32, Div div vdivq_f32);

impl Neg for Neon {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(call!(vnegq_f32(self.0)))
    }
}

impl Simd for Neon {
    const LANES: usize = 4;
    const TILE_ROWS: usize = 4;
    type Mask = uint32x4_t;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(call!(vdupq_n_f32(value)))
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(call!(vld1q_f32(source)))
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Self {
        let mut lanes = [0.0; 4];
        call!(std::ptr::copy_nonoverlapping(
            source,
            lanes.as_mut_ptr(),
            count
        ));
        Self(call!(vld1q_f32(lanes.as_ptr())))
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        call!(vst1q_f32(target, self.0))
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        let mut lanes = [0.0; 4];
        call!(vst1q_f32(lanes.as_mut_ptr(), self.0));
        call!(std::ptr::copy_nonoverlapping(lanes.as_ptr(), target, count))
    }
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(call!(vfmaq_f32(addend.0, self.0, factor.0)))
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
        Self(call!(vsqrtq_f32(self.0)))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(call!(vabsq_f32(self.0)))
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(call!(vrndnq_f32(self.0)))
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Self(call!(vrndmq_f32(self.0)))
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        Self(call!(vbslq_f32(vdupq_n_u32(0x8000_0000), sign.0, self.0)))
    }
    #[inline(always)]
    fn exp2_integral(self) -> Self {
        let biased = call!(vaddq_s32(vcvtnq_s32_f32(self.0), vdupq_n_s32(127)));
        Self(call!(vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))))
    }
    #[inline(always)]
    fn reciprocal_estimate(self) -> Self {
        let bits = call!(vreinterpretq_s32_f32(self.0));
        let estimate = call!(vsubq_s32(vdupq_n_s32(RECIPROCAL as i32), bits));
        Self(call!(vreinterpretq_f32_s32(estimate)))
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        let biased = call!(vshrq_n_s32::<23>(vreinterpretq_s32_f32(self.0)));
        Self(call!(vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)))))
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        let one = Self::splat(1.0);
        Self(call!(vbslq_f32(vdupq_n_u32(0x007f_ffff), self.0, one.0)))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        call!(vcltq_f32(self.0, other.0))
    }
    #[inline(always)]
    fn le(self, other: Self) -> Self::Mask {
        call!(vcleq_f32(self.0, other.0))
    }
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        call!(vcgtq_f32(self.0, other.0))
    }
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        call!(vcgeq_f32(self.0, other.0))
    }
    #[inline(always)]
    fn eq(self, other: Self) -> Self::Mask {
        call!(vceqq_f32(self.0, other.0))
    }
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        call!(vmvnq_u32(vceqq_f32(self.0, self.0)))
    }
    #[inline(always)]
    fn select(self, other: Self, mask: Self::Mask) -> Self {
        Self(call!(vbslq_f32(mask, self.0, other.0)))
    }
    #[inline(always)]
    fn mask_and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        call!(vandq_u32(a, b))
    }
    #[inline(always)]
    fn mask_or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        call!(vorrq_u32(a, b))
    }
    #[inline(always)]
    fn mask_not(a: Self::Mask) -> Self::Mask {
        call!(vmvnq_u32(a))
    }
    #[inline(always)]
    fn mask_bits(mask: Self::Mask) -> u32 {
        let lane = call!(vld1q_u32([1, 2, 4, 8].as_ptr()));
        call!(vaddvq_u32(vandq_u32(mask, lane)))
    }
    #[inline(always)]
    fn mask_from_bits(bits: u32) -> Self::Mask {
        let lane = call!(vld1q_u32([1, 2, 4, 8].as_ptr()));
        call!(vtstq_u32(vdupq_n_u32(bits), lane))
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
        call!(vaddvq_f32(self.0))
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        call!(vmaxvq_f32(self.0))
    }
}
