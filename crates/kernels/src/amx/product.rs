//! The product of packed parts: 32 rows by 32 columns, summed in four tiles.

use super::{GROUP, Tiles};
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

/// Loads both tiles of a part of `a`, which begin at these bytes of a step.
macro_rules! a {
    ($first:literal, $second:literal) => {
        concat!(
            "tileloadd tmm4, [{a} + {row} + ",
            $first,
            "]\n",
            "tileloadd tmm5, [{a} + {row} + ",
            $second,
            "]",
        )
    };
}

/// Loads both tiles of a part of `b`, and adds the products with the part of `a` that is loaded.
macro_rules! b {
    ($first:literal, $second:literal) => {
        concat!(
            "tileloadd tmm6, [{b} + {row} + ",
            $first,
            "]\n",
            "tileloadd tmm7, [{b} + {row} + ",
            $second,
            "]\n",
            multiply!(),
        )
    };
}

macro_rules! multiply {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6
        tdpbf16ps tmm1, tmm4, tmm7
        tdpbf16ps tmm2, tmm5, tmm6
        tdpbf16ps tmm3, tmm5, tmm7"
    };
}

/// Memory that will be needed soon, and how many cache lines of it to fetch with each step.
#[derive(Clone, Copy)]
pub(crate) struct Ahead {
    pub start: *const f32,
    pub lines: usize,
}

impl Ahead {
    /// Nothing.
    pub(crate) const NONE: Self = Self {
        start: std::ptr::null(),
        lines: 0,
    };
}

/// What is done four times over, for the tiles of the sums.
macro_rules! sums {
    ($first:literal, $second:literal, $third:literal, $fourth:literal) => {
        concat!(
            $first,
            "\n",
            $second,
            "\nlea {lower}, [{stride} * 8]\nlea {lower}, [{sums} + {lower} * 2]\n",
            $third,
            "\n",
            $fourth,
        )
    };
}

macro_rules! run {
    ($begin:expr, $a:ident, $b:ident, $steps:ident, $sums:ident, $ahead:ident) => {
        asm!(
            $begin,
            "2:",
            // The smaller products first; each part stays for as many products as can be.
            a!(0, 1024),
            b!(4096, 5120),
            b!(2048, 3072),
            a!(2048, 3072),
            multiply!(),
            "mov {line}, {lines}",
            "test {line}, {line}",
            "jz 4f",
            "3:",
            "prefetcht1 [{ahead}]",
            "add {ahead}, 64",
            "dec {line}",
            "jnz 3b",
            "4:",
            b!(0, 1024),
            a!(4096, 5120),
            multiply!(),
            a!(0, 1024),
            multiply!(),
            "add {a}, 6144",
            "add {b}, 6144",
            "dec {steps}",
            "jnz 2b",
            sums!(
                "tilestored [{sums} + {stride}], tmm0",
                "tilestored [{sums} + {stride} + 64], tmm1",
                "tilestored [{lower} + {stride}], tmm2",
                "tilestored [{lower} + {stride} + 64], tmm3"
            ),
            a = inout(reg) $a => _,
            b = inout(reg) $b => _,
            steps = inout(reg) $steps => _,
            sums = in(reg) $sums.start,
            stride = in(reg) $sums.stride * 4,
            lower = out(reg) _,
            row = in(reg) 64usize,
            ahead = inout(reg) $ahead.start => _,
            lines = in(reg) $ahead.lines,
            line = out(reg) _,
            options(nostack),
        )
    };
}

/// Multiplies `steps` steps (at least one) of a group of rows and one of columns, packed by [`super::parts`]. Meanwhile what
/// lies `ahead` is brought to the second-level cache.
///
/// # Safety
/// `a` and `b` hold `steps` steps of a group, and the sums 32 rows of 32 floats.
#[inline(always)]
pub(crate) unsafe fn multiply(
    _: &Tiles,
    [a, b]: [*const f32; 2],
    steps: usize,
    sums: Sums,
    ahead: Ahead,
) {
    // SAFETY: by the contract; `Tiles` vouches for the instructions and the configuration; fetching ahead never faults.
    unsafe {
        if sums.keep {
            run!(
                sums!(
                    "tileloadd tmm0, [{sums} + {stride}]",
                    "tileloadd tmm1, [{sums} + {stride} + 64]",
                    "tileloadd tmm2, [{lower} + {stride}]",
                    "tileloadd tmm3, [{lower} + {stride} + 64]"
                ),
                a,
                b,
                steps,
                sums,
                ahead
            );
        } else {
            run!(
                "tilezero tmm0\ntilezero tmm1\ntilezero tmm2\ntilezero tmm3",
                a,
                b,
                steps,
                sums,
                ahead
            );
        }
    }
}
