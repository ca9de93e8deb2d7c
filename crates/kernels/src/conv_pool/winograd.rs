//! Forward by Winograd's transforms: their tile of positions is the pooling window.

use super::forward::{Call, finish_window};
use crate::{
    ConvShape, Level,
    conv::winograd::{TERMS, group, multiply_terms, suits, transform_input, transform_output},
    level::dispatch,
    simd::Simd,
};

/// Whether it pays.
pub(super) fn pays(level: Level, shape: &ConvShape) -> bool {
    suits(
        level,
        shape,
        (shape.out_height() / 2) * (shape.out_width() / 2),
    )
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
    let most = group(V::TILE_ROWS);
    let (inputs, products) = scratch.split_at_mut(TERMS * most * shape.channels);
    assert!(products.len() >= TERMS * most * 2 * V::LANES);
    assert!(call.x.len() >= call.windows.geometry.image && call.bias.len() == shape.filters);
    assert!(y.len() == call.bases.len() * shape.filters && shape.channels.is_multiple_of(V::LANES));
    assert!(index.is_empty() || index.len() == y.len());
    let groups = call.bases.len().div_ceil(most).max(1);
    let size = call.bases.len().div_ceil(groups).max(1);
    let panel = TERMS * shape.channels * 2 * V::LANES;
    for (number, bases) in call.bases.chunks(size).enumerate() {
        // SAFETY: four neighbouring positions of filters of 3 × 3 with stride 1 cover 4 × 4 pixels, by `Geometry::new` within
        // `image` floats, which `x` has; `inputs` was cut for a group, of which `bases` are no more.
        unsafe { transform_inputs::<V>(call, bases, inputs) };
        for (panel, packed) in call.packed.chunks_exact(panel).enumerate() {
            // SAFETY: a panel was cut to all terms and channels; inputs and products have room for a group, by the assertion
            // above.
            unsafe { multiply_terms::<V>(shape.channels, bases.len(), inputs, packed, products) };
            let first = panel * 2 * V::LANES;
            for window in 0..bases.len() {
                let row = (number * size + window) * shape.filters;
                for vector in 0..(shape.filters - first).div_ceil(V::LANES).min(2) {
                    let filter = first + vector * V::LANES;
                    let count = (shape.filters - filter).min(V::LANES);
                    // SAFETY: products have room for a group, of which `window` is one.
                    let four =
                        unsafe { transform_output::<V>(products, bases.len(), window, vector) };
                    let to = row + filter..row + filter + count;
                    let index = index.get_mut(to.clone()).unwrap_or_default();
                    let index = if index.is_empty() {
                        std::ptr::null_mut()
                    } else {
                        index.as_mut_ptr()
                    };
                    let bias = V::from_slice(&call.bias[filter..filter + count]);
                    // SAFETY: both were cut to `count` elements, unless the index is null.
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
    let mut pixels = [[call.x.as_ptr(); 4]; 4];
    for (window, &base) in bases.iter().enumerate() {
        for (y, row) in pixels.iter_mut().enumerate() {
            let start = base as usize + y * call.windows.geometry.row;
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = call.x.as_ptr().wrapping_add(start + x * channels);
            }
        }
        // SAFETY: as the caller vouches; channels are whole vectors.
        unsafe {
            let to = inputs.as_mut_ptr().add(window * channels);
            transform_input::<V>(&pixels, channels, to, bases.len() * channels);
        }
    }
}
