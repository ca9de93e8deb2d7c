//! Ids of many lengths to rows of one.

use crate::prepare::{PADDING, Side};

/// Puts ids into a row as whole numbers, cut at `truncate` if they are too many and padded on the side `pad` if too few.
///
/// ```
/// use jingwei_text::prepare::{Side, place};
///
/// let mut row = [9.0; 4];
/// place(&[5, 6], &mut row, Side::After, Side::Before);
/// assert_eq!(row, [0.0, 0.0, 5.0, 6.0]);
/// ```
pub fn place(ids: &[u32], row: &mut [f32], truncate: Side, pad: Side) {
    let kept = match truncate {
        Side::After => &ids[..ids.len().min(row.len())],
        Side::Before => &ids[ids.len().saturating_sub(row.len())..],
    };
    let (filled, rest) = match pad {
        Side::After => row.split_at_mut(kept.len()),
        Side::Before => {
            let (rest, filled) = row.split_at_mut(row.len() - kept.len());
            (filled, rest)
        }
    };
    for (value, &id) in filled.iter_mut().zip(kept) {
        *value = id as f32;
    }
    rest.fill(PADDING as f32);
}
