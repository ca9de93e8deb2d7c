//! Winograd's F(2 × 2, 3 × 3) (Lavin and Gray, 2015): a tile of 2 × 2 positions takes 16 products for
//! each channel and filter instead of 36. The error grows to a few ulp of the largest term.
//!
//! Here is what all its users share: the transforms, and the products between them.

use super::ConvShape;
use crate::{
    Level, Workers,
    gemm::tile::{Factors, multiply},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

mod images;

pub(crate) use images::Winograd;

/// Products of a tile.
pub(crate) const TERMS: usize = 16;

/// Taps of a filter.
const TAPS: usize = 9;

/// Floats of the widest vector.
const MOST_LANES: usize = Level::Avx512.lanes();

/// Tiles that are transformed together at any level.
const MOST_TILES: usize = group(Level::Avx512.tile_rows());

/// Tiles at most that are transformed together, of the rows of a register tile: as many, or one more
/// where that fills the registers.
pub(crate) const fn group(tile_rows: usize) -> usize {
    match tile_rows {
        12 => 13,
        rows => rows,
    }
}

/// Whether the transforms can do this convolution, and its sums are long enough to carry them.
pub(crate) fn suits(level: Level, shape: &ConvShape, tiles: usize) -> bool {
    shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
        && shape.groups == 1
        && shape.channels.is_multiple_of(level.lanes())
        && shape.channels >= 16
        && shape.batch * tiles >= 96
}

/// Floats of temporary memory each worker needs: transformed tiles, and products of a panel.
pub(crate) fn scratch(level: Level, channels: usize) -> usize {
    TERMS * group(level.tile_rows()) * (channels + 2 * level.lanes())
}

/// The filters of a convolution, 3 × 3 × channels × filters, or those of its gradient by the images:
/// turned round, and given as 3 × 3 × filters × channels.
#[derive(Clone, Copy)]
pub(crate) struct Filters<'a> {
    pub w: &'a [f32],
    pub channels: usize,
    pub filters: usize,
    pub turned: bool,
}

/// Floats of the transformed filters.
pub(crate) fn packed_len(level: Level, channels: usize, filters: usize) -> usize {
    let width = 2 * level.lanes();
    filters.div_ceil(width) * TERMS * channels * width
}

/// Transforms the filters into panels of two vectors: terms × channels × filters.
pub(crate) fn pack(level: Level, workers: &Workers, filters: Filters, packed: &mut [f32]) {
    let Filters { w, channels, .. } = filters;
    assert_eq!(packed.len(), packed_len(level, channels, filters.filters));
    assert!(w.len() == TAPS * channels * filters.filters && channels.is_multiple_of(level.lanes()));
    let blocks = channels / level.lanes();
    let panels = filters.filters.div_ceil(2 * level.lanes());
    let packed = Parts::new(packed);
    workers.run(panels * blocks, &|piece, _| {
        let (panel, channel) = (piece / blocks, piece % blocks * level.lanes());
        pack_block(level, filters, panel, channel, &packed);
    });
}

dispatch! {
    /// Transforms one vector of channels of a panel.
    fn pack_block(filters: Filters, panel: usize, channel: usize, packed: &Parts) => pack_block_generic
}

#[inline(always)]
fn pack_block_generic<V: Simd>(filters: Filters, panel: usize, channel: usize, packed: &Parts) {
    let channels = filters.channels;
    let packed = packed
        .pointer()
        .wrapping_add(panel * TERMS * channels * 2 * V::LANES);
    for vector in 0..2 {
        let first = (2 * panel + vector) * V::LANES;
        let mut taps = [0.0; TAPS * MOST_LANES * MOST_LANES];
        load_taps::<V>(filters, first, channel, &mut taps);
        for row in 0..V::LANES {
            let to = packed.wrapping_add(((channel + row) * 2 + vector) * V::LANES);
            // SAFETY: `pack` has checked that `packed` holds all panels; each piece writes channels of its own.
            unsafe { transform_filter::<V>(&taps, row, to, channels * 2 * V::LANES) };
        }
    }
}

/// The taps of a vector of channels by a vector of filters: taps × channels × filters; zeros beyond
/// the last filter.
#[inline(always)]
fn load_taps<V: Simd>(from: Filters, filter: usize, channel: usize, taps: &mut [f32]) {
    let Filters {
        w,
        channels,
        filters,
        turned,
    } = from;
    let count = filters.saturating_sub(filter).min(V::LANES);
    if count == 0 {
        return;
    }
    for (tap, taps) in taps
        .chunks_exact_mut(V::LANES * V::LANES)
        .take(TAPS)
        .enumerate()
    {
        if turned {
            let start = ((TAPS - 1 - tap) * filters + filter) * channels + channel;
            let source = &w[start..start + (count - 1) * channels + V::LANES];
            // SAFETY: `source` was cut to `count` rows of a vector each, `taps` to a square.
            unsafe {
                let (source, to) = (source.as_ptr(), taps.as_mut_ptr());
                V::transpose(source, channels, count, V::LANES, to, V::LANES);
            }
        } else {
            for (row, taps) in taps.chunks_exact_mut(V::LANES).enumerate() {
                let start = (tap * channels + channel + row) * filters + filter;
                V::from_slice(&w[start..start + count]).to_slice(taps);
            }
        }
    }
}

/// Sixteen terms, `stride` apart, of the taps of channel `row` of a block.
///
/// # Safety
/// All terms are writable.
#[inline(always)]
unsafe fn transform_filter<V: Simd>(taps: &[f32], row: usize, to: *mut f32, stride: usize) {
    let mut rows = [[V::zero(); 3]; 4];
    for x in 0..3 {
        let mut column = [V::zero(); 3];
        for (y, value) in column.iter_mut().enumerate() {
            *value = V::from_slice(&taps[((3 * y + x) * V::LANES + row) * V::LANES..]);
        }
        for (row, value) in rows.iter_mut().zip(filter_terms(column)) {
            row[x] = value;
        }
    }
    for (row, taps) in rows.into_iter().enumerate() {
        for (column, value) in filter_terms(taps).into_iter().enumerate() {
            // SAFETY: as the caller vouches.
            unsafe { value.store(to.add((4 * row + column) * stride)) };
        }
    }
}

/// Four terms of three taps.
#[inline(always)]
fn filter_terms<V: Simd>([a, b, c]: [V; 3]) -> [V; 4] {
    let half = V::splat(0.5);
    let (even, odd) = ((a + c) * half, b * half);
    [a, even + odd, even - odd, c]
}

/// Four terms of four pixels.
#[inline(always)]
fn input_terms<V: Simd>([a, b, c, d]: [V; 4]) -> [V; 4] {
    [a - c, b + c, c - b, b - d]
}

/// Two outputs of four products.
#[inline(always)]
fn outputs<V: Simd>([a, b, c, d]: [V; 4]) -> [V; 2] {
    [(a + b) + c, (b - c) - d]
}

/// Four vectors, `stride` floats apart. (`array::map` would not inline the loads.)
///
/// # Safety
/// All four are readable.
#[inline(always)]
unsafe fn load_four<V: Simd>(from: *const f32, stride: usize) -> [V; 4] {
    // SAFETY: as the caller vouches.
    unsafe {
        [
            V::load(from),
            V::load(from.add(stride)),
            V::load(from.add(2 * stride)),
            V::load(from.add(3 * stride)),
        ]
    }
}

/// The pixels that a tile covers: rows of columns, each the first channel of one.
pub(crate) type Pixels = [[*const f32; 4]; 4];

/// The terms of a tile, `stride` apart, for each channel.
///
/// # Safety
/// Each pixel has `channels` floats, a multiple of the vector; all terms are writable.
#[inline(always)]
pub(crate) unsafe fn transform_input<V: Simd>(
    pixels: &Pixels,
    channels: usize,
    to: *mut f32,
    stride: usize,
) {
    for channel in (0..channels).step_by(V::LANES) {
        // SAFETY: as the caller vouches.
        unsafe {
            let mut rows = [[V::zero(); 4]; 4];
            for x in 0..4 {
                let mut column = [V::zero(); 4];
                for y in 0..4 {
                    column[y] = V::load(pixels[y][x].add(channel));
                }
                for (row, value) in rows.iter_mut().zip(input_terms(column)) {
                    row[x] = value;
                }
            }
            for (row, pixels) in rows.into_iter().enumerate() {
                for (column, value) in input_terms(pixels).into_iter().enumerate() {
                    value.store(to.add((4 * row + column) * stride + channel));
                }
            }
        }
    }
}

/// Multiplies, term by term, `rows` tiles of channels by a panel of filters.
///
/// # Safety
/// `inputs` holds terms × rows × channels, `packed` terms × channels × two vectors, `products` terms ×
/// rows × two vectors.
#[inline(always)]
pub(crate) unsafe fn multiply_terms<V: Simd>(
    channels: usize,
    rows: usize,
    inputs: &[f32],
    packed: &[f32],
    products: &mut [f32],
) {
    let width = 2 * V::LANES;
    for term in 0..TERMS {
        let factors = Factors {
            a: inputs.as_ptr().wrapping_add(term * rows * channels),
            a_stride: channels,
            b: packed.as_ptr().wrapping_add(term * channels * width),
            b_stride: width,
            depth: channels,
        };
        let to = products.as_mut_ptr().wrapping_add(term * rows * width);
        macro_rules! tile {
            ($($rows:literal)*) => {
                match rows {
                    // SAFETY: as the caller vouches.
                    $($rows => unsafe {
                        let sums = multiply::<V, $rows, 2, false>(factors, [[V::zero(); 2]; $rows]);
                        for (row, sums) in sums.into_iter().enumerate() {
                            sums[0].store(to.add(row * width));
                            sums[1].store(to.add(row * width + V::LANES));
                        }
                    },)*
                    rows => unreachable!("no tile of {rows} rows"),
                }
            };
        }
        match V::TILE_ROWS {
            12 => tile!(13 12 11 10 9 8 7 6 5 4 3 2 1),
            6 => tile!(6 5 4 3 2 1),
            _ => tile!(4 3 2 1),
        }
    }
}

/// The four positions of tile `row` of `rows`, and vector 0 or 1 of its filters.
///
/// # Safety
/// `products` holds terms × rows × two vectors.
#[inline(always)]
pub(crate) unsafe fn transform_output<V: Simd>(
    products: &[f32],
    rows: usize,
    row: usize,
    vector: usize,
) -> [V; 4] {
    let stride = rows * 2 * V::LANES;
    // SAFETY: as the caller vouches.
    let columns: [[V; 2]; 4] = unsafe {
        let products = products.as_ptr().add((row * 2 + vector) * V::LANES);
        [
            outputs(load_four(products, 4 * stride)),
            outputs(load_four(products.add(stride), 4 * stride)),
            outputs(load_four(products.add(2 * stride), 4 * stride)),
            outputs(load_four(products.add(3 * stride), 4 * stride)),
        ]
    };
    let [a, b, c, d] = columns;
    let top = outputs([a[0], b[0], c[0], d[0]]);
    let bottom = outputs([a[1], b[1], c[1], d[1]]);
    [top[0], top[1], bottom[0], bottom[1]]
}
