//! 256- and 512-bit vectors of x86-64.

use super::{RECIPROCAL, Simd};
use std::{
    arch::x86_64::*,
    ops::{Add, Div, Mul, Neg, Sub},
};

/// Eight floats.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

/// Sixteen floats.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

impl Avx512 {
    #[inline(always)]
    pub(crate) fn inner(self) -> __m512 {
        self.0
    }
}

/// Calls an intrinsic on behalf of a value that exists only where its instructions do.
macro_rules! call {
    ($call:expr) => {{
        // SAFETY: `dispatch!` checked for the instructions before any value of the type was made,
        // and a caller of a load or a store vouches for the memory.
        unsafe { $call }
    }};
}

macro_rules! operators {
    ($type:ident: $($trait:ident $name:ident $intrinsic:ident),*) => {$(
        impl $trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(call!($intrinsic(self.0, other.0)))
            }
        }
    )*};
}
operators!(Avx2: Add add _mm256_add_ps, Sub sub _mm256_sub_ps, Mul mul _mm256_mul_ps, Div div _mm256_div_ps);
operators!(Avx512: Add add _mm512_add_ps, Sub sub _mm512_sub_ps, Mul mul _mm512_mul_ps, Div div _mm512_div_ps);

impl Neg for Avx2 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(call!(_mm256_xor_ps(self.0, _mm256_set1_ps(-0.0))))
    }
}

impl Neg for Avx512 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(call!(_mm512_xor_ps(self.0, _mm512_set1_ps(-0.0))))
    }
}

/// All bits set in the first `count` of eight lanes.
#[inline(always)]
fn first_of_eight(count: usize) -> __m256i {
    call!(_mm256_cmpgt_epi32(
        _mm256_set1_epi32(count as i32),
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
    ))
}

/// The first `count <= 16` lanes.
#[inline(always)]
fn first_of_sixteen(count: usize) -> __mmask16 {
    ((1u32 << count) - 1) as __mmask16
}

#[inline(always)]
fn transpose_8(rows: [__m256; 8]) -> [__m256; 8] {
    let mut pairs = rows;
    for i in 0..4 {
        pairs[2 * i] = call!(_mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]));
        pairs[2 * i + 1] = call!(_mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]));
    }
    let mut lines = rows;
    for j in 0..4 {
        let (a, b) = (j / 2, 4 + j / 2);
        let quads = if j % 2 == 0 {
            call!((
                _mm256_shuffle_ps::<0x44>(pairs[a], pairs[a + 2]),
                _mm256_shuffle_ps::<0x44>(pairs[b], pairs[b + 2])
            ))
        } else {
            call!((
                _mm256_shuffle_ps::<0xee>(pairs[a], pairs[a + 2]),
                _mm256_shuffle_ps::<0xee>(pairs[b], pairs[b + 2])
            ))
        };
        lines[j] = call!(_mm256_permute2f128_ps::<0x20>(quads.0, quads.1));
        lines[4 + j] = call!(_mm256_permute2f128_ps::<0x31>(quads.0, quads.1));
    }
    lines
}

#[inline(always)]
fn transpose_16(rows: [__m512; 16]) -> [__m512; 16] {
    let mut pairs = rows;
    for i in 0..8 {
        pairs[2 * i] = call!(_mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]));
        pairs[2 * i + 1] = call!(_mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]));
    }
    // Line 4g + j: rows 4g..4g + 4 of column 4l + j in the 128-bit lane l.
    let mut quads = rows;
    for g in 0..4 {
        for j in 0..4 {
            let (a, b) = (pairs[4 * g + j / 2], pairs[4 * g + j / 2 + 2]);
            quads[4 * g + j] = if j % 2 == 0 {
                call!(_mm512_shuffle_ps::<0x44>(a, b))
            } else {
                call!(_mm512_shuffle_ps::<0xee>(a, b))
            };
        }
    }
    let mut lines = rows;
    for j in 0..4 {
        let even_low = call!(_mm512_shuffle_f32x4::<0x88>(quads[j], quads[4 + j]));
        let odd_low = call!(_mm512_shuffle_f32x4::<0xdd>(quads[j], quads[4 + j]));
        let even_high = call!(_mm512_shuffle_f32x4::<0x88>(quads[8 + j], quads[12 + j]));
        let odd_high = call!(_mm512_shuffle_f32x4::<0xdd>(quads[8 + j], quads[12 + j]));
        lines[j] = call!(_mm512_shuffle_f32x4::<0x88>(even_low, even_high));
        lines[4 + j] = call!(_mm512_shuffle_f32x4::<0x88>(odd_low, odd_high));
        lines[8 + j] = call!(_mm512_shuffle_f32x4::<0xdd>(even_low, even_high));
        lines[12 + j] = call!(_mm512_shuffle_f32x4::<0xdd>(odd_low, odd_high));
    }
    lines
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const TILE_ROWS: usize = 6;
    type Mask = __m256;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(call!(_mm256_set1_ps(value)))
    }
    #[inline(always)]
    fn prefetch(place: *const f32) {
        call!(_mm_prefetch::<_MM_HINT_T0>(place.cast()))
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(call!(_mm256_loadu_ps(source)))
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        call!(_mm256_storeu_ps(target, self.0))
    }
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(call!(_mm256_fmadd_ps(self.0, factor.0, addend.0)))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(call!(_mm256_max_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(call!(_mm256_min_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(call!(_mm256_sqrt_ps(self.0)))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(call!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0)))
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        let bit = Self::splat(-0.0);
        Self(call!(_mm256_or_ps(
            _mm256_andnot_ps(bit.0, self.0),
            _mm256_and_ps(bit.0, sign.0)
        )))
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Self {
        Self(call!(_mm256_maskload_ps(source, first_of_eight(count))))
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        call!(_mm256_maskstore_ps(target, first_of_eight(count), self.0))
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(call!(_mm256_round_ps::<
            { _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC },
        >(self.0)))
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Self(call!(_mm256_floor_ps(self.0)))
    }
    #[inline(always)]
    fn exp2_integral(self) -> Self {
        let biased = call!(_mm256_add_epi32(
            _mm256_cvtps_epi32(self.0),
            _mm256_set1_epi32(127)
        ));
        Self(call!(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))))
    }
    #[inline(always)]
    fn reciprocal_estimate(self) -> Self {
        let bits = call!(_mm256_castps_si256(self.0));
        let estimate = call!(_mm256_sub_epi32(_mm256_set1_epi32(RECIPROCAL as i32), bits));
        Self(call!(_mm256_castsi256_ps(estimate)))
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        let biased = call!(_mm256_srli_epi32::<23>(_mm256_castps_si256(self.0)));
        Self(call!(_mm256_cvtepi32_ps(_mm256_sub_epi32(
            biased,
            _mm256_set1_epi32(127)
        ))))
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        let fraction = call!(_mm256_and_si256(
            _mm256_castps_si256(self.0),
            _mm256_set1_epi32(0x007f_ffff)
        ));
        Self(call!(_mm256_castsi256_ps(_mm256_or_si256(
            fraction,
            _mm256_set1_epi32(0x3f80_0000)
        ))))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        call!(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn le(self, other: Self) -> Self::Mask {
        call!(_mm256_cmp_ps::<_CMP_LE_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        call!(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        call!(_mm256_cmp_ps::<_CMP_GE_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn eq(self, other: Self) -> Self::Mask {
        call!(_mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        call!(_mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0))
    }
    #[inline(always)]
    fn select(self, other: Self, mask: Self::Mask) -> Self {
        Self(call!(_mm256_blendv_ps(other.0, self.0, mask)))
    }
    #[inline(always)]
    fn mask_and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        call!(_mm256_and_ps(a, b))
    }
    #[inline(always)]
    fn mask_or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        call!(_mm256_or_ps(a, b))
    }
    #[inline(always)]
    fn mask_not(a: Self::Mask) -> Self::Mask {
        call!(_mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(-1))))
    }
    #[inline(always)]
    fn mask_bits(mask: Self::Mask) -> u32 {
        call!(_mm256_movemask_ps(mask)) as u32
    }
    #[inline(always)]
    fn mask_from_bits(bits: u32) -> Self::Mask {
        let lane = call!(_mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128));
        let set = call!(_mm256_and_si256(_mm256_set1_epi32(bits as i32), lane));
        call!(_mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lane)))
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
        let mut block = [Self::splat(0.0).0; 8];
        for (row, line) in block.iter_mut().enumerate() {
            if row < rows {
                let from = source.wrapping_add(row * source_stride);
                // SAFETY: the caller vouches for `columns` floats of each row.
                *line = unsafe {
                    if columns == 8 {
                        Self::load(from).0
                    } else {
                        Self::load_partial(from, columns).0
                    }
                };
            }
        }
        let lines = transpose_8(block);
        for (column, line) in lines.into_iter().enumerate() {
            if column < columns {
                // SAFETY: the caller vouches for `columns` rows of the target.
                unsafe { Self(line).store(target.add(column * target_stride)) }
            }
        }
    }
    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        let four = call!(_mm_add_ps(
            _mm256_castps256_ps128(self.0),
            _mm256_extractf128_ps::<1>(self.0)
        ));
        let two = call!(_mm_add_ps(four, _mm_movehl_ps(four, four)));
        call!(_mm_cvtss_f32(_mm_add_ss(
            two,
            _mm_shuffle_ps::<1>(two, two)
        )))
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        let four = call!(_mm_max_ps(
            _mm256_castps256_ps128(self.0),
            _mm256_extractf128_ps::<1>(self.0)
        ));
        let two = call!(_mm_max_ps(four, _mm_movehl_ps(four, four)));
        call!(_mm_cvtss_f32(_mm_max_ss(
            two,
            _mm_shuffle_ps::<1>(two, two)
        )))
    }
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    const TILE_ROWS: usize = 12;
    type Mask = __mmask16;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(call!(_mm512_set1_ps(value)))
    }
    #[inline(always)]
    fn prefetch(place: *const f32) {
        call!(_mm_prefetch::<_MM_HINT_T0>(place.cast()))
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(call!(_mm512_loadu_ps(source)))
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        call!(_mm512_storeu_ps(target, self.0))
    }
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(call!(_mm512_fmadd_ps(self.0, factor.0, addend.0)))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(call!(_mm512_max_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(call!(_mm512_min_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(call!(_mm512_sqrt_ps(self.0)))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(call!(_mm512_andnot_ps(_mm512_set1_ps(-0.0), self.0)))
    }
    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        let bit = Self::splat(-0.0);
        Self(call!(_mm512_or_ps(
            _mm512_andnot_ps(bit.0, self.0),
            _mm512_and_ps(bit.0, sign.0)
        )))
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Self {
        Self(call!(_mm512_maskz_loadu_ps(
            first_of_sixteen(count),
            source
        )))
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        call!(_mm512_mask_storeu_ps(
            target,
            first_of_sixteen(count),
            self.0
        ))
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(call!(_mm512_roundscale_ps::<
            { _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC },
        >(self.0)))
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Self(call!(_mm512_roundscale_ps::<
            { _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC },
        >(self.0)))
    }
    #[inline(always)]
    fn exp2_integral(self) -> Self {
        let biased = call!(_mm512_add_epi32(
            _mm512_cvtps_epi32(self.0),
            _mm512_set1_epi32(127)
        ));
        Self(call!(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased))))
    }
    #[inline(always)]
    fn reciprocal_estimate(self) -> Self {
        let bits = call!(_mm512_castps_si512(self.0));
        let estimate = call!(_mm512_sub_epi32(_mm512_set1_epi32(RECIPROCAL as i32), bits));
        Self(call!(_mm512_castsi512_ps(estimate)))
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        Self(call!(_mm512_getexp_ps(self.0)))
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        Self(call!(_mm512_getmant_ps::<
            _MM_MANT_NORM_1_2,
            _MM_MANT_SIGN_SRC,
        >(self.0)))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        call!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn le(self, other: Self) -> Self::Mask {
        call!(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        call!(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        call!(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn eq(self, other: Self) -> Self::Mask {
        call!(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0))
    }
    #[inline(always)]
    fn is_nan(self) -> Self::Mask {
        call!(_mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0))
    }
    #[inline(always)]
    fn select(self, other: Self, mask: Self::Mask) -> Self {
        Self(call!(_mm512_mask_blend_ps(mask, other.0, self.0)))
    }
    #[inline(always)]
    fn mask_and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        a & b
    }
    #[inline(always)]
    fn mask_or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        a | b
    }
    #[inline(always)]
    fn mask_not(a: Self::Mask) -> Self::Mask {
        !a
    }
    #[inline(always)]
    fn mask_bits(mask: Self::Mask) -> u32 {
        mask.into()
    }
    #[inline(always)]
    fn mask_from_bits(bits: u32) -> Self::Mask {
        bits as __mmask16
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
        let mut block = [Self::splat(0.0).0; 16];
        for (row, line) in block.iter_mut().enumerate() {
            if row < rows {
                let from = source.wrapping_add(row * source_stride);
                // SAFETY: the caller vouches for `columns` floats of each row.
                *line = unsafe {
                    if columns == 16 {
                        Self::load(from).0
                    } else {
                        Self::load_partial(from, columns).0
                    }
                };
            }
        }
        let lines = transpose_16(block);
        for (column, line) in lines.into_iter().enumerate() {
            if column < columns {
                // SAFETY: the caller vouches for `columns` rows of the target.
                unsafe { Self(line).store(target.add(column * target_stride)) }
            }
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(source: *const u8) -> Self {
        Self(call!(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(
            _mm_loadu_si128(source.cast())
        ))))
    }
    #[inline(always)]
    unsafe fn store_bytes(self, target: *mut u8) {
        let bytes = call!(_mm512_cvtepi32_epi8(_mm512_cvtps_epi32(self.0)));
        call!(_mm_storeu_si128(target.cast(), bytes));
    }
    #[inline(always)]
    unsafe fn compress(self, mask: Self::Mask, target: *mut f32) -> usize {
        call!(_mm512_storeu_ps(
            target,
            _mm512_maskz_compress_ps(mask, self.0)
        ));
        mask.count_ones() as usize
    }
    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        let high = call!(_mm512_extractf32x8_ps::<1>(self.0));
        (Avx2(call!(_mm512_castps512_ps256(self.0))) + Avx2(high)).reduce_sum()
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        let high = call!(_mm512_extractf32x8_ps::<1>(self.0));
        Avx2(call!(_mm512_castps512_ps256(self.0)))
            .max(Avx2(high))
            .reduce_max()
    }
}
