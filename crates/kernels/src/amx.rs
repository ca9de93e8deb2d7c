//! Products of `f32` matrices on the tiles of AMX, a processor's unit for 16-bit floats.
//!
//! A float's 24 bits are the exact sum of three bf16 numbers of 8 bits: `x = x₀ + x₁ + x₂`, each the nearest to what is
//! left. Of the nine products of two floats' parts six are summed, in `f32`; the other three are below 2⁻²⁵ of the whole,
//! so that a sum is as exact as one of `f32` products (Henry, Tang, Heinecke, "Leveraging the bfloat16 Artificial
//! Intelligence Datatype For Higher-Precision Computations", 2019). Sums with infinities become NaN.
//!
//! Where fewer bits do, a float counts as two parts, and three products are summed.
//!
//! A tile has sixteen rows of 64 bytes. Lane `i` of a row holds the parts of steps `i` and `i + 16` of the 32 that a tile
//! spans: any order does as long as both factors have the same, and this one needs no shuffles.

pub(crate) mod parts;
pub(crate) mod product;

use std::{
    arch::{asm, x86_64::__cpuid_count},
    sync::OnceLock,
};

/// Rows of the left and columns of the right factor that a product handles at once: two tiles each.
pub(crate) const GROUP: usize = 32;
/// Steps of the depth in a tile.
pub(crate) const STEP: usize = 32;
/// Floats of memory in a tile.
pub(crate) const TILE: usize = 256;
/// Parts of a float that make it exact.
pub(crate) const EXACT: usize = 3;
/// Parts that leave out its last bits.
pub(crate) const SHORT: usize = 2;

/// Floats of memory that so many parts of a group take for one step.
pub(crate) const fn group_step(parts: usize) -> usize {
    2 * parts * TILE
}

/// Whether the processor has tiles for bf16 and the system lets this process use them.
pub(crate) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| has_instructions() && is_permitted())
}

fn has_instructions() -> bool {
    const BF16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    #[allow(unused_unsafe, reason = "safe to call in newer compilers only")]
    // SAFETY: every 64-bit x86 processor has this instruction.
    let features = unsafe { __cpuid_count(7, 0) }.edx;
    features & BF16 != 0 && features & TILES != 0
}

/// Linux gives a process the memory for tiles when it asks, which also proves that the system saves them.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const REQUEST_PERMISSION: libc::c_ulong = 0x1023;
    const TILE_DATA: libc::c_ulong = 18;
    // SAFETY: the call changes nothing but the permission.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// The tiles of this thread, configured as long as this lives.
pub(crate) struct Tiles(());

#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    first_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    first_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl Tiles {
    pub(crate) fn new() -> Self {
        assert!(is_available(), "this processor has no tiles");
        // SAFETY: checked above; nothing else in this thread uses tiles across calls.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &CONFIGURATION, options(nostack, readonly)) }
        Self(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: only where `new` found tiles.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}
