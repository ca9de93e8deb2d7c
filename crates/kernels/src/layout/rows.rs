//! Rows of a table, picked by their numbers.

use crate::sizes::floats;
use crate::workers::Parts;
use crate::{Workers, chunks, elementwise};

/// Writes, for each of `indices` (whole numbers), that row of `table` of `[rows, columns]`. Where an
/// index is no row of the table, what is written is not a number.
///
/// # Panics
/// Where the lengths do not fit, or there are no columns.
pub fn gather(workers: &Workers, columns: usize, table: &[f32], indices: &[f32], y: &mut [f32]) {
    check(columns, [table.len(), indices.len(), y.len()]);
    let y = Parts::new(y);
    chunks::for_each_block(workers, indices.len(), columns, |block| {
        for at in block {
            // SAFETY: each index has a row of its own, which `part` finds within `y`.
            let y = unsafe { y.part(at * columns, columns) };
            match row(indices[at], table.len() / columns) {
                Some(row) => y.copy_from_slice(&table[row * columns..][..columns]),
                None => y.fill(f32::NAN),
            }
        }
    });
}

/// Pieces that share out the rows of the table, each of which looks at every index.
const PIECES: usize = 8;

/// Writes the gradient of the table: for each row the sum of the gradients of the places that it went
/// to, in their order. Indices that are no row are passed over, as their outputs are not a number.
///
/// # Panics
/// As [`gather`].
pub fn gather_backward(
    workers: &Workers,
    columns: usize,
    indices: &[f32],
    dy: &[f32],
    dtable: &mut [f32],
) {
    check(columns, [dtable.len(), indices.len(), dy.len()]);
    elementwise::fill(workers, dtable, 0.0);
    let rows = dtable.len() / columns;
    let pieces = if dy.len() > chunks::CHUNK { PIECES } else { 1 };
    let step = rows.div_ceil(pieces).max(1);
    let dtable = Parts::new(dtable);
    chunks::for_each_piece(workers, pieces, |piece| {
        let mine = piece * step..(piece + 1) * step;
        for (index, dy) in indices.iter().zip(dy.chunks_exact(columns)) {
            if let Some(row) = row(*index, rows).filter(|row| mine.contains(row)) {
                // SAFETY: pieces have different rows, which `part` finds within the table, whatever the index.
                let target = unsafe { dtable.part(row * columns, columns) };
                target.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
            }
        }
    });
}

fn row(index: f32, rows: usize) -> Option<usize> {
    let row = index as usize;
    (row as f32 == index && row < rows).then_some(row)
}

fn check(columns: usize, [table, indices, rows]: [usize; 3]) {
    assert!(columns > 0, "rows without columns");
    assert!(
        table.is_multiple_of(columns),
        "a table of {table} elements in rows of {columns}"
    );
    let len = floats([indices, columns]);
    assert_eq!(rows, len, "a row of {columns} for each index");
}
