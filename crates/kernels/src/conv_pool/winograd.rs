//! Forward by Winograd's F(2 × 2, 3 × 3) (Lavin and Gray, 2015): the tile of outputs is the pooling
//! window, and a window takes 16 products for each channel and filter instead of 36. The error grows
//! to a few ulp of the largest term.

use super::forward::{Call, finish_window};
use crate::{
    ConvShape, Level, Workers,
    gemm::tile::{Factors, multiply},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// Products of a window.
const TERMS: usize = 16;

/// Windows at most that are transformed together: rows of a register tile.
const fn group(level: Level) -> usize {
    match level {
        Level::Avx512 => 13,
        _ => level.tile_rows(),
    }
}

/// Whether it pays: the sums have to be long enough to carry the transforms.
pub(super) fn pays(level: Level, shape: &ConvShape) -> bool {
    shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
        && shape.channels.is_multiple_of(level.lanes())
        && shape.channels >= 16
        && shape.batch * (shape.out_height() / 2) * (shape.out_width() / 2) >= 96
}

/// Floats of temporary memory each worker needs: transformed windows, and products of a panel.
pub(super) fn scratch(level: Level, shape: &ConvShape) -> usize {
    TERMS * group(level) * (shape.channels + 2 * level.lanes())
}

/// Floats of the transformed filters.
pub(super) fn packed_len(level: Level, shape: &ConvShape) -> usize {
    let width = 2 * level.lanes();
    shape.filters.div_ceil(width) * TERMS * shape.channels * width
}

/// Transforms the filters into panels of two vectors: terms × channels × filters.
pub(super) fn pack(
    level: Level,
    workers: &Workers,
    shape: &ConvShape,
    w: &[f32],
    packed: &mut [f32],
) {
    let width = 2 * level.lanes();
    let panel = TERMS * shape.channels * width;
    let parts = Parts::new(packed);
    workers.run(shape.filters.div_ceil(width), &|piece, _| {
        // SAFETY: each piece packs a panel of its own.
        let packed = unsafe { parts.part(piece * panel, panel) };
        pack_panel(level, shape, w, piece * width, packed);
    });
}

dispatch! {
    fn pack_panel(shape: &ConvShape, w: &[f32], first: usize, packed: &mut [f32]) => pack_panel_generic
}

#[inline(always)]
fn pack_panel_generic<V: Simd>(shape: &ConvShape, w: &[f32], first: usize, packed: &mut [f32]) {
    let (channels, filters) = (shape.channels, shape.filters);
    for channel in 0..channels {
        for vector in 0..2 {
            let filter = first + vector * V::LANES;
            let count = filters.saturating_sub(filter).min(V::LANES);
            let mut taps = [[V::zero(); 3]; 3];
            for (y, row) in taps.iter_mut().enumerate() {
                for (x, tap) in row.iter_mut().enumerate() {
                    let from = ((3 * y + x) * channels + channel) * filters + filter;
                    *tap = V::from_slice(if count > 0 {
                        &w[from..from + count]
                    } else {
                        &[]
                    });
                }
            }
            let [a, b, c] = taps;
            let columns = [
                filter_terms([a[0], b[0], c[0]]),
                filter_terms([a[1], b[1], c[1]]),
                filter_terms([a[2], b[2], c[2]]),
            ];
            let [a, b, c] = columns;
            let columns = a.into_iter().zip(b).zip(c);
            for (row, ((a, b), c)) in columns.enumerate() {
                let terms = filter_terms([a, b, c]);
                for (column, value) in terms.into_iter().enumerate() {
                    let term = 4 * row + column;
                    let to = ((term * channels + channel) * 2 + vector) * V::LANES;
                    value.to_slice(&mut packed[to..to + V::LANES]);
                }
            }
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

dispatch! {
    /// Computes the windows; `index` may be empty.
    pub(super) fn pool_windows(call: &Call, scratch: &mut [f32], y: &mut [f32], index: &mut [u8])
        => pool_windows_generic
}

#[inline(always)]
fn pool_windows_generic<V: Simd>(
    call: &Call,
    scratch: &mut [f32],
    y: &mut [f32],
    index: &mut [u8],
) {
    let shape = call.windows.shape();
    let most = if V::LANES == 16 { 13 } else { V::TILE_ROWS };
    let (inputs, products) = scratch.split_at_mut(TERMS * most * shape.channels);
    assert!(call.x.len() >= call.windows.geometry.image && call.bias.len() == shape.filters);
    assert!(products.len() >= TERMS * most * 2 * V::LANES);
    assert!(y.len() == call.bases.len() * shape.filters);
    assert!(index.is_empty() || index.len() == y.len());
    let groups = call.bases.len().div_ceil(most).max(1);
    let size = call.bases.len().div_ceil(groups).max(1);
    let panel = TERMS * shape.channels * 2 * V::LANES;
    for (number, bases) in call.bases.chunks(size).enumerate() {
        // SAFETY: windows of 4 × 4 pixels lie within the image, and the scratch was sized for them.
        unsafe { transform_inputs::<V>(call, bases, inputs) };
        for (panel, packed) in call.packed.chunks_exact(panel).enumerate() {
            // SAFETY: the panel has all terms and channels; both sides were sized for the group.
            unsafe { multiply_terms::<V>(shape.channels, bases.len(), inputs, packed, products) };
            let first = panel * 2 * V::LANES;
            for window in 0..bases.len() {
                let row = (number * size + window) * shape.filters;
                for vector in 0..(shape.filters - first).div_ceil(V::LANES).min(2) {
                    let filter = first + vector * V::LANES;
                    let count = (shape.filters - filter).min(V::LANES);
                    let from = (window * 2 + vector) * V::LANES;
                    // SAFETY: the products of this window and vector lie within `products`.
                    let four = unsafe {
                        transform_output::<V>(
                            products.as_ptr().add(from),
                            bases.len() * 2 * V::LANES,
                        )
                    };
                    let to = row + filter..row + filter + count;
                    let index = index.get_mut(to.clone()).unwrap_or_default();
                    let index = if index.is_empty() {
                        std::ptr::null_mut()
                    } else {
                        index.as_mut_ptr()
                    };
                    let bias = V::from_slice(&call.bias[filter..filter + count]);
                    // SAFETY: both hold `count` elements, unless the index is null.
                    unsafe { finish_window(four, bias, count, y[to].as_mut_ptr(), index) };
                }
            }
        }
    }
}

/// # Safety
/// 4 × 4 pixels at each base lie within the image; `inputs` holds terms × bases × channels.
#[inline(always)]
unsafe fn transform_inputs<V: Simd>(call: &Call, bases: &[u32], inputs: &mut [f32]) {
    let channels = call.windows.shape().channels;
    let down = call.windows.geometry.row;
    for (window, &base) in bases.iter().enumerate() {
        for channel in (0..channels).step_by(V::LANES) {
            // SAFETY: as the caller vouches; channels are whole vectors.
            unsafe {
                let from = call.x.as_ptr().add(base as usize + channel);
                let mut rows = [[V::zero(); 4]; 4];
                for x in 0..4 {
                    let column = input_terms(load_four::<V>(from.add(x * channels), down));
                    for (row, value) in rows.iter_mut().zip(column) {
                        row[x] = value;
                    }
                }
                for (row, pixels) in rows.into_iter().enumerate() {
                    for (column, value) in input_terms(pixels).into_iter().enumerate() {
                        let at = (4 * row + column) * bases.len() + window;
                        value.store(inputs.as_mut_ptr().add(at * channels + channel));
                    }
                }
            }
        }
    }
}

/// Multiplies, term by term, `rows` windows of channels by a panel of filters.
///
/// # Safety
/// `inputs` holds terms × rows × channels, `packed` terms × channels × two vectors, `products` terms ×
/// rows × two vectors.
#[inline(always)]
unsafe fn multiply_terms<V: Simd>(
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

/// The four positions of a window from its sixteen products, `stride` apart.
///
/// # Safety
/// All products are readable.
#[inline(always)]
unsafe fn transform_output<V: Simd>(products: *const f32, stride: usize) -> [V; 4] {
    // SAFETY: as the caller vouches.
    let columns: [[V; 2]; 4] = unsafe {
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
