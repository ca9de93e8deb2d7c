//! Cutting flat buffers and rows into pieces by their lengths alone.

use crate::workers::Parts;
use crate::{Level, Workers};
use std::ops::Range;

/// Elements in one piece of a flat buffer: 64 KiB, so that a piece of several buffers stays in a
/// core's cache, and enough work to be worth handing to another thread.
pub(crate) const CHUNK: usize = 16 * 1024;

/// How many pieces `len` elements make; at least one.
pub(crate) fn count(len: usize) -> usize {
    len.div_ceil(CHUNK).max(1)
}

/// The elements of one piece.
pub(crate) fn range(piece: usize, len: usize) -> Range<usize> {
    piece * CHUNK..((piece + 1) * CHUNK).min(len)
}

/// Rows in one piece, where a row has `columns` elements; at least one.
pub(crate) fn rows_in_piece(columns: usize) -> usize {
    (CHUNK / columns.max(1)).max(1)
}

/// Runs `f` for every piece.
pub(crate) fn for_each_piece(workers: &Workers, pieces: usize, f: impl Fn(usize) + Sync) {
    workers.run(pieces, &|piece, _| f(piece));
}

/// Runs `f` on each chunk of `len` elements.
pub(crate) fn for_each_chunk(workers: &Workers, len: usize, f: impl Fn(Range<usize>) + Sync) {
    for_each_piece(workers, count(len), |piece| f(range(piece, len)));
}

/// Runs `f` on each block of whole rows.
pub(crate) fn for_each_block(
    workers: &Workers,
    rows: usize,
    columns: usize,
    f: impl Fn(Range<usize>) + Sync,
) {
    let step = rows_in_piece(columns);
    for_each_piece(workers, rows.div_ceil(step), |piece| {
        f(piece * step..((piece + 1) * step).min(rows));
    });
}

/// Runs `f` on each chunk of flat buffers of one length.
///
/// # Panics
/// Where the lengths differ.
pub(crate) fn run_flat<const R: usize>(
    workers: &Workers,
    inputs: [&[f32]; R],
    output: &mut [f32],
    f: impl Fn(Level, [&[f32]; R], &mut [f32]) + Sync,
) {
    let len = output.len();
    assert!(
        inputs.iter().all(|input| input.len() == len),
        "inputs and output have the same number of elements"
    );
    let output = Parts::new(output);
    let level = workers.level();
    for_each_chunk(workers, len, |range| {
        // SAFETY: chunks do not overlap, and `part` finds them within the output.
        let part = unsafe { output.part(range.start, range.len()) };
        f(level, inputs.map(|input| &input[range.clone()]), part);
    });
}
