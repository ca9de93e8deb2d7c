//! Sizes, multiplied with checks.
//!
//! A shape may come from a file, and so be hostile. Whatever is public multiplies sizes by [`floats`] alone, and compares
//! the lengths of slices with what that gives. Behind such a check plain products of the same sizes cannot wrap, nor can
//! sums of a few of them, rounded up to whole vectors and tiles: they stay some 2²⁰ times below the largest number.

use jingwei_bounds::product;

/// Floats at most that sizes may multiply to: a tensor of 1 TiB.
pub const MOST_FLOATS: usize = 1 << 38;

/// The product of sizes. Sizes of zero do not excuse others: those that are left must not multiply to more than
/// [`MOST_FLOATS`] either, so that every product of some of the sizes is in bounds.
///
/// # Panics
/// Where it is more.
#[track_caller]
pub(crate) fn floats(sizes: impl AsRef<[usize]>) -> usize {
    let sizes = sizes.as_ref();
    let most = product(sizes.iter().map(|&size| size.max(1)));
    assert!(
        most.is_some_and(|most| most <= MOST_FLOATS),
        "sizes {sizes:?} multiply to more than 2^38 floats"
    );
    sizes.iter().product()
}
