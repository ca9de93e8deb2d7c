//! The product of packed parts: 32 rows by 32 columns, summed in four tiles.

use super::{GROUP, Tiles};
use std::arch::asm;

/// Sums of 32 rows by 32 columns, tile after tile.
pub(crate) const SUMS: usize = GROUP * GROUP;

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

/// Writes the sums of `steps` steps (at least one) of a group of rows and one of columns, packed by [`super::parts`]: four
/// tiles, rows first. Meanwhile what lies `ahead` is brought to the second-level cache.
///
/// # Safety
/// `a` and `b` hold `steps` steps of a group, `sums` is writable for [`SUMS`] floats.
#[inline(always)]
pub(crate) unsafe fn multiply(
    _: &Tiles,
    [a, b]: [*const f32; 2],
    steps: usize,
    sums: *mut f32,
    ahead: Ahead,
) {
    // SAFETY: by the contract; `Tiles` vouches for the instructions and the configuration; fetching ahead never faults.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
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
            "tilestored [{sums} + {row}], tmm0",
            "tilestored [{sums} + {row} + 1024], tmm1",
            "tilestored [{sums} + {row} + 2048], tmm2",
            "tilestored [{sums} + {row} + 3072], tmm3",
            a = inout(reg) a => _,
            b = inout(reg) b => _,
            steps = inout(reg) steps => _,
            sums = in(reg) sums,
            row = in(reg) 64usize,
            ahead = inout(reg) ahead.start => _,
            lines = in(reg) ahead.lines,
            line = out(reg) _,
            options(nostack),
        );
    }
}
