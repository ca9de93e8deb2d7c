//! Products of sizes that never wrap.

/// The product of sizes, or `None` if it does not fit into a `usize`.
///
/// A zero does not hide a product that wraps before it: the sizes other than zero must have a product that fits.
///
/// ```
/// use jingwei_bounds::product;
/// assert_eq!(product([28, 28, 3]), Some(2352));
/// assert_eq!(product([]), Some(1));
/// assert_eq!(product([usize::MAX, 2]), None);
/// assert_eq!(product([usize::MAX, 2, 0]), None);
/// ```
#[must_use]
pub fn product(sizes: impl IntoIterator<Item = usize>) -> Option<usize> {
    let mut zero = false;
    let mut all = 1usize;
    for size in sizes {
        zero |= size == 0;
        all = all.checked_mul(size.max(1))?;
    }
    Some(if zero { 0 } else { all })
}
