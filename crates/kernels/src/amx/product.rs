//! The product of packed parts: 32 rows by 32 columns, summed in four tiles.

use super::{EXACT, GROUP, TILE, Tiles, group_step};
use std::arch::asm;

/// Floats of the sums of a group of rows and one of columns.
pub(crate) const SUMS: usize = GROUP * GROUP;

/// Where the sums of 32 rows by 32 columns go.
#[derive(Clone, Copy)]
pub(crate) struct Sums {
    pub start: *mut f32,
    /// Floats from one row to the next.
    pub stride: usize,
    /// They are added to what is there.
    pub keep: bool,
}

/// What is done four times over, for the tiles of the sums.
macro_rules! sums {
    ($sums:ident, $first:literal, $second:literal, $third:literal, $fourth:literal) => {
        asm!(
            $first,
            $second,
            "lea {lower}, [{stride} * 8]",
            "lea {lower}, [{sums} + {lower} * 2]",
            $third,
            $fourth,
            sums = in(reg) $sums.start,
            stride = in(reg) $sums.stride * 4,
            lower = out(reg) _,
            options(nostack),
        )
    };
}

/// Vector work that the processor does in the shade of a product, since tiles have a unit of their own.
pub(crate) trait Shade {
    /// Called [`breaks`] times a step.
    ///
    /// # Safety
    /// The processor has tiles and AVX-512.
    unsafe fn work(&mut self);
}

/// How often a step of so many parts gives shade.
pub(crate) const fn breaks(parts: usize) -> usize {
    if parts == EXACT { 6 } else { 3 }
}

/// Multiplies `steps` steps (at least one) of a group of rows and one of columns, packed by [`super::parts`] into three
/// parts or two.
///
/// # Safety
/// `a` and `b` hold `steps` steps of a group, and the sums 32 rows of 32 floats.
#[inline(always)]
pub(crate) unsafe fn multiply<const PARTS: usize>(
    _: &Tiles,
    [a, b]: [*const f32; 2],
    steps: usize,
    sums: Sums,
    shade: &mut impl Shade,
) {
    // SAFETY: by the contract; `Tiles` vouches for the instructions and the configuration. Nothing but these lines touches
    // tiles, so that they keep what they hold from one to the next.
    unsafe {
        if sums.keep {
            sums!(
                sums,
                "tileloadd tmm0, [{sums} + {stride}]",
                "tileloadd tmm1, [{sums} + {stride} + 64]",
                "tileloadd tmm2, [{lower} + {stride}]",
                "tileloadd tmm3, [{lower} + {stride} + 64]"
            );
        } else {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                options(nostack)
            );
        }
        for step in 0..steps {
            let factors = [a, b].map(|start| start.add(step * group_step(PARTS)));
            if PARTS == EXACT {
                multiply_exact(factors, shade);
            } else {
                multiply_short(factors, shade);
            }
        }
        sums!(
            sums,
            "tilestored [{sums} + {stride}], tmm0",
            "tilestored [{sums} + {stride} + 64], tmm1",
            "tilestored [{lower} + {stride}], tmm2",
            "tilestored [{lower} + {stride} + 64], tmm3"
        );
    }
}

/// The smaller products first; each part stays for as many products as can be.
#[inline(always)]
unsafe fn multiply_exact([a, b]: [*const f32; 2], shade: &mut impl Shade) {
    // SAFETY: as the caller vouches.
    unsafe {
        load_a::<0>(a);
        load_b::<2>(b);
        multiply_loaded(shade);
        load_b::<1>(b);
        multiply_loaded(shade);
        load_a::<1>(a);
        multiply_loaded(shade);
        load_b::<0>(b);
        multiply_loaded(shade);
        load_a::<2>(a);
        multiply_loaded(shade);
        load_a::<0>(a);
        multiply_loaded(shade);
    }
}

/// As [`multiply_exact`], of two parts.
#[inline(always)]
unsafe fn multiply_short([a, b]: [*const f32; 2], shade: &mut impl Shade) {
    // SAFETY: as the caller vouches.
    unsafe {
        load_a::<0>(a);
        load_b::<1>(b);
        multiply_loaded(shade);
        load_b::<0>(b);
        multiply_loaded(shade);
        load_a::<1>(a);
        multiply_loaded(shade);
    }
}

/// Loads both tiles of a part of `a`.
#[inline(always)]
unsafe fn load_a<const PART: usize>(a: *const f32) {
    // SAFETY: as the caller vouches.
    unsafe {
        asm!(
            "tileloadd tmm4, [{a} + {row} + {part}]",
            "tileloadd tmm5, [{a} + {row} + {part} + 1024]",
            a = in(reg) a,
            row = in(reg) 64usize,
            part = const PART * 2 * TILE * 4,
            options(nostack),
        );
    }
}

/// Loads both tiles of a part of `b`.
#[inline(always)]
unsafe fn load_b<const PART: usize>(b: *const f32) {
    // SAFETY: as the caller vouches.
    unsafe {
        asm!(
            "tileloadd tmm6, [{b} + {row} + {part}]",
            "tileloadd tmm7, [{b} + {row} + {part} + 1024]",
            b = in(reg) b,
            row = in(reg) 64usize,
            part = const PART * 2 * TILE * 4,
            options(nostack),
        );
    }
}

/// Adds the products of the parts that are loaded, which gives shade.
#[inline(always)]
unsafe fn multiply_loaded(shade: &mut impl Shade) {
    // SAFETY: as the caller vouches.
    unsafe {
        asm!(
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            options(nostack, nomem),
        );
        shade.work();
    }
}
