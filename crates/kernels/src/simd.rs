//! One vector type a level behind one trait, so that each kernel is written once.
//!
//! Values of these types are made only in functions that `dispatch!` reaches, after it has checked
//! that the processor has the instructions. That is what makes the intrinsics below sound.

use std::ops::{Add, Div, Mul, Neg, Sub};

#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use scalar::Scalar;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// The bits of a number less this are about those of its reciprocal: twice the bits of 1, lowered so that the error is
/// the same on both sides.
const RECIPROCAL: u32 = 0x7ef3_11c7;

/// Floats in the widest vector.
const MOST_LANES: usize = 16;

/// A vector of `f32`. Use `fma` where a product is added: `*` followed by `+` rounds twice.
pub(crate) trait Simd:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Floats in a vector.
    const LANES: usize;
    /// Rows of a matrix tile two vectors wide whose sums stay in registers; at most `LANES`.
    const TILE_ROWS: usize;
    /// One truth value a lane.
    type Mask: Copy;

    fn splat(value: f32) -> Self;

    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    /// # Safety
    /// `source` is readable for `LANES` floats.
    unsafe fn load(source: *const f32) -> Self;

    /// The first `count <= LANES` floats, and zeros in the rest.
    /// # Safety
    /// `source` is readable for `count` floats.
    unsafe fn load_partial(source: *const f32, count: usize) -> Self;

    /// # Safety
    /// `target` is writable for `LANES` floats.
    unsafe fn store(self, target: *mut f32);

    /// Writes the first `count <= LANES` floats.
    /// # Safety
    /// `target` is writable for `count` floats.
    unsafe fn store_partial(self, target: *mut f32, count: usize);

    /// Asks for the cache line of a place that will be needed soon, wherever that is.
    #[inline(always)]
    fn prefetch(_: *const f32) {}

    /// The first floats of a slice; a shorter slice is followed by zeros.
    #[inline(always)]
    fn from_slice(source: &[f32]) -> Self {
        // SAFETY: each branch reads no further than the slice.
        unsafe {
            if source.len() >= Self::LANES {
                Self::load(source.as_ptr())
            } else {
                Self::load_partial(source.as_ptr(), source.len())
            }
        }
    }

    /// Fills the first `LANES` floats of a slice, or the whole of a shorter one.
    #[inline(always)]
    fn to_slice(self, target: &mut [f32]) {
        // SAFETY: each branch writes no further than the slice.
        unsafe {
            if target.len() >= Self::LANES {
                self.store(target.as_mut_ptr())
            } else {
                self.store_partial(target.as_mut_ptr(), target.len())
            }
        }
    }

    /// `self * factor + addend`, rounded once (twice at the scalar level).
    fn fma(self, factor: Self, addend: Self) -> Self;

    /// `if self > other { self } else { other }`: a NaN in `other` stays, one in `self` is dropped.
    fn max(self, other: Self) -> Self;
    /// `if self < other { self } else { other }`: a NaN in `other` stays, one in `self` is dropped.
    fn min(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    /// To the nearest integer, ties to even.
    fn round(self) -> Self;
    fn floor(self) -> Self;
    /// The magnitude of `self` with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// `2^self` for an integral `self` in -126..=127.
    fn exp2_integral(self) -> Self;
    /// `1 / self` within an eighth, for normal positive numbers far from the largest.
    fn reciprocal_estimate(self) -> Self;
    /// The binary exponent of a normal positive number, as a float.
    fn exponent(self) -> Self;
    /// A normal positive number scaled into 1..2.
    fn mantissa(self) -> Self;

    fn lt(self, other: Self) -> Self::Mask;
    fn le(self, other: Self) -> Self::Mask;
    fn gt(self, other: Self) -> Self::Mask;
    fn ge(self, other: Self) -> Self::Mask;
    fn eq(self, other: Self) -> Self::Mask;
    /// Lanes that are NaN.
    fn is_nan(self) -> Self::Mask;
    /// `if mask { self } else { other }` in each lane.
    fn select(self, other: Self, mask: Self::Mask) -> Self;
    fn mask_and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn mask_or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn mask_not(a: Self::Mask) -> Self::Mask;
    /// Bit `i` is lane `i`.
    fn mask_bits(mask: Self::Mask) -> u32;
    /// Lane `i` is bit `i`.
    fn mask_from_bits(bits: u32) -> Self::Mask;

    /// `LANES` bytes as numbers.
    /// # Safety
    /// `source` is readable for `LANES` bytes.
    #[inline(always)]
    unsafe fn load_bytes(source: *const u8) -> Self {
        let mut lanes = [0.0; MOST_LANES];
        for (index, lane) in lanes.iter_mut().enumerate().take(Self::LANES) {
            // SAFETY: the caller vouches for `LANES` bytes.
            *lane = f32::from(unsafe { *source.add(index) });
        }
        Self::from_slice(&lanes)
    }

    /// Integral numbers in 0..=255 as `LANES` bytes.
    /// # Safety
    /// `target` is writable for `LANES` bytes.
    #[inline(always)]
    unsafe fn store_bytes(self, target: *mut u8) {
        let mut lanes = [0.0; MOST_LANES];
        self.to_slice(&mut lanes);
        for (index, lane) in lanes.iter().enumerate().take(Self::LANES) {
            // SAFETY: the caller vouches for `LANES` bytes.
            unsafe { *target.add(index) = *lane as u8 };
        }
    }

    /// Writes the lanes in `mask` one after the other and returns how many there are.
    /// # Safety
    /// `target` is writable for `LANES` floats, of which those after the last lane end unspecified.
    #[inline(always)]
    unsafe fn compress(self, mask: Self::Mask, target: *mut f32) -> usize {
        let mut lanes = [0.0; MOST_LANES];
        self.to_slice(&mut lanes);
        let bits = Self::mask_bits(mask);
        let mut count = 0;
        for (index, lane) in lanes.iter().enumerate().take(Self::LANES) {
            // SAFETY: `count <= index < LANES`.
            unsafe { *target.add(count) = *lane };
            count += (bits >> index & 1) as usize;
        }
        count
    }

    /// Copies the transpose of `rows` by `columns` floats, both at most `LANES`: writes `columns`
    /// rows of `LANES` floats, zeros after the first `rows`.
    /// # Safety
    /// `source` is readable for `rows` rows of `columns` floats, each `source_stride` after the last;
    /// `target` is writable for `columns` rows of `LANES` floats, each `target_stride` after the last.
    unsafe fn transpose(
        source: *const f32,
        source_stride: usize,
        rows: usize,
        columns: usize,
        target: *mut f32,
        target_stride: usize,
    );

    /// Lanes are added in a fixed order.
    fn reduce_sum(self) -> f32;
    /// The largest lane; where a lane is NaN the result is unspecified.
    fn reduce_max(self) -> f32;
}
