//! Forward: tiles of windows, pooled before they leave the registers.

use jingwei_bounds::product;

use super::BiasedFilters;
use super::{Windows, winograd as windows};
use crate::{
    ConvShape, Level, Workers,
    conv::{PIECES, Panels, winograd},
    gemm::tile::multiply_runs,
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// `y = maximum over 2 × 2 windows of relu(x * w + bias)`, windows 2 apart; a last row or column of
/// positions that fills no window is dropped.
#[derive(Clone, Debug)]
pub struct ConvReluPoolForward {
    level: Level,
    windows: Windows,
    panels: Panels,
    winograd: bool,
}

impl ConvReluPoolForward {
    /// Whether the fused kernels, gradients included, can do this convolution and pooling.
    pub fn supports(shape: &ConvShape, pool: [usize; 2]) -> bool {
        let windows = [shape.out_height() / 2, shape.out_width() / 2];
        // Gradients number the results of an image, and a few more for each window, with 32 bits.
        let numbers = product([windows[0], windows[1], shape.filters.saturating_add(8)]);
        pool == [2, 2]
            && shape.groups == 1
            && windows.iter().all(|&windows| windows > 0)
            && numbers.is_some_and(|numbers| numbers < u32::MAX as usize - 16)
    }

    /// Plans one shape.
    ///
    /// # Panics
    /// Where `supports` says no, and as [`Conv2dForward::new`](crate::Conv2dForward::new).
    pub fn new(level: Level, shape: ConvShape) -> Self {
        Self {
            level,
            windows: Windows::new(shape),
            panels: Panels::new(level, &shape),
            winograd: windows::pays(level, &shape),
        }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        self.copy()
            + if self.winograd {
                winograd::scratch(self.level, self.windows.shape().channels)
            } else {
                0
            }
    }

    fn copy(&self) -> usize {
        if self.windows.geometry.padded() {
            self.windows.geometry.copy_len()
        } else {
            0
        }
    }

    /// Floats of the shared temporary.
    pub fn shared(&self) -> usize {
        if self.winograd {
            let shape = self.windows.shape();
            winograd::packed_len(self.level, shape.channels, shape.filters)
        } else {
            self.panels.len()
        }
    }

    /// Computes `y` (batch × out height / 2 × out width / 2 × filters). `index` (a quarter as many
    /// floats, rounded up) receives, as bytes, which position of each window was the largest, the
    /// first of equals; backward needs it, inference does not.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        x: &[f32],
        filters: BiasedFilters<'_>,
        y: &mut [f32],
        index: Option<&mut [f32]>,
        shared: &mut [f32],
    ) {
        let BiasedFilters { w, bias } = filters;
        let (geometry, shape) = (&self.windows.geometry, self.windows.shape());
        let pooled = self.windows.pooled();
        assert_eq!(x.len(), shape.input_len(), "images of {shape:?}");
        assert_eq!(w.len(), shape.filter_len(), "filters of {shape:?}");
        assert_eq!(bias.len(), shape.filters, "bias of {shape:?}");
        assert_eq!(y.len(), shape.batch * pooled, "pooled result of {shape:?}");
        let bytes = y.len().div_ceil(4);
        assert!(
            index.as_ref().is_none_or(|index| index.len() == bytes),
            "index of {shape:?}"
        );
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        let shared = &mut shared[..self.shared()];
        let packed = if self.winograd {
            let filters = winograd::Filters {
                w,
                channels: shape.channels,
                filters: shape.filters,
                turned: false,
            };
            winograd::pack(self.level, workers, filters, shared);
            shared
        } else {
            self.panels.prepare(self.level, workers, w, shared)
        };
        let count = self.windows.bases.len();
        let parts = if shape.batch < PIECES {
            PIECES / shape.batch.max(1)
        } else {
            1
        };
        let part = count.div_ceil(parts).next_multiple_of(3);
        let parts = count.div_ceil(part);
        let per_piece = if parts > 1 {
            1
        } else {
            geometry.samples_per_piece()
        };
        let output = Parts::new(y);
        let no_index: &mut [f32] = &mut [];
        let with_index = index.is_some();
        let indices = Parts::new(index.unwrap_or(no_index));
        workers.run(
            shape.batch.div_ceil(per_piece) * parts,
            &|piece, scratch| {
                let first = piece / parts * per_piece;
                let start = piece % parts * part;
                let windows = start..(start + part).min(count);
                for sample in first..(first + per_piece).min(shape.batch) {
                    let from = sample * pooled + start * shape.filters;
                    // SAFETY: pieces are disjoint ranges of windows, which `part` finds within `y`.
                    let y = unsafe { output.part(from, windows.len() * shape.filters) };
                    // SAFETY: as for `y`, which has no more floats than the index has bytes, by the assertion above.
                    let index = unsafe {
                        let start = indices.pointer().cast::<u8>().wrapping_add(from);
                        std::slice::from_raw_parts_mut(start, if with_index { y.len() } else { 0 })
                    };
                    let len = geometry.sample();
                    let x = &x[sample * len..(sample + 1) * len];
                    let (copy, scratch) = scratch.split_at_mut(self.copy());
                    let x = if geometry.padded() {
                        geometry.copy_in(x, copy);
                        &*copy
                    } else {
                        x
                    };
                    let call = Call {
                        windows: &self.windows,
                        bases: &self.windows.bases[windows.clone()],
                        x,
                        packed,
                        bias,
                    };
                    if self.winograd {
                        windows::pool_windows(self.level, &call, scratch, y, index);
                    } else {
                        pool_windows(self.level, self, &call, y, index);
                    }
                }
            },
        );
    }
}

/// Windows of one image.
pub(super) struct Call<'a> {
    pub windows: &'a Windows,
    pub bases: &'a [u32],
    pub x: &'a [f32],
    pub packed: &'a [f32],
    pub bias: &'a [f32],
}

dispatch! {
    /// Computes the windows; `index` may be empty.
    fn pool_windows(plan: &ConvReluPoolForward, call: &Call, y: &mut [f32], index: &mut [u8])
        => pool_windows_generic
}

#[inline(always)]
fn pool_windows_generic<V: Simd>(
    plan: &ConvReluPoolForward,
    call: &Call,
    y: &mut [f32],
    index: &mut [u8],
) {
    let Call {
        bases: windows,
        x,
        packed,
        bias,
        ..
    } = *call;
    let filters = plan.windows.shape().filters;
    assert!(x.len() >= plan.windows.geometry.image && packed.len() == plan.panels.len());
    assert!(y.len() == windows.len() * filters && (index.is_empty() || index.len() == y.len()));
    assert!(bias.len() == filters);
    for (panel, packed) in packed.chunks_exact(plan.panels.panel()).enumerate() {
        let (first, count) = plan.panels.filters(panel);
        let tiles = Tiles {
            windows: &plan.windows,
            x: x.as_ptr(),
            panel: packed.as_ptr(),
            bias: bias[first..].as_ptr(),
            count,
        };
        let mut done = 0;
        while done < windows.len() {
            let start = done * filters + first;
            let y = y[start..].as_mut_ptr();
            let index = index.get_mut(start..).unwrap_or_default();
            let index = if index.is_empty() {
                std::ptr::null_mut()
            } else {
                index.as_mut_ptr()
            };
            // SAFETY: by `Windows` and `Geometry::new` what filters cover lies within `image` floats, which `x` has; `y` and
            // `index` have a row for each window, panels and bias the filters, by the assertions above.
            done += unsafe { tiles.next::<V>(&windows[done..], y, index) };
        }
    }
}

/// The tiles of one panel of filters.
struct Tiles<'a> {
    windows: &'a Windows,
    x: *const f32,
    panel: *const f32,
    bias: *const f32,
    count: usize,
}

impl Tiles<'_> {
    /// Computes a tile of the first windows and returns how many.
    ///
    /// # Safety
    /// The windows lie within the image at `x`; `y` and, unless null, `index` hold their results.
    #[inline(always)]
    unsafe fn next<V: Simd>(&self, windows: &[u32], y: *mut f32, index: *mut u8) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            match (V::TILE_ROWS, windows.len()) {
                (12, 3..) => self.both::<V, 3, 12>(windows, y, index),
                (12, 2..) => self.both::<V, 2, 8>(windows, y, index),
                _ => self.both::<V, 1, 4>(windows, y, index),
            }
        }
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn both<V: Simd, const WINDOWS: usize, const ROWS: usize>(
        &self,
        windows: &[u32],
        y: *mut f32,
        index: *mut u8,
    ) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            if self.count > V::LANES {
                self.tile::<V, ROWS, 2>(windows, y, index);
            } else {
                self.tile::<V, ROWS, 1>(windows, y, index);
            }
        }
        WINDOWS
    }

    /// Four rows a window.
    ///
    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn tile<V: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        windows: &[u32],
        y: *mut f32,
        index: *mut u8,
    ) {
        let mut rows = [self.x; ROWS];
        for (row, pointer) in rows.iter_mut().enumerate() {
            let offset = windows[row / 4] as usize + self.windows.corners[row % 4];
            *pointer = pointer.wrapping_add(offset);
        }
        let runs = self.windows.geometry.runs.iter().copied();
        let zeros = [[V::zero(); VECTORS]; ROWS];
        // SAFETY: as the caller vouches; panels are two vectors wide.
        unsafe {
            let sums =
                multiply_runs::<V, ROWS, VECTORS>(rows, runs, 1, self.panel, 2 * V::LANES, zeros);
            for (vector, first) in (0..VECTORS).map(|vector| (vector, vector * V::LANES)) {
                let count = (self.count - first).min(V::LANES);
                let bias = V::load_partial(self.bias.add(first), count);
                for window in 0..ROWS / 4 {
                    let at = window * self.windows.geometry.shape.filters + first;
                    let row = 4 * window;
                    let four = [
                        sums[row][vector],
                        sums[row + 1][vector],
                        sums[row + 2][vector],
                        sums[row + 3][vector],
                    ];
                    let index = if index.is_null() {
                        index
                    } else {
                        index.add(at)
                    };
                    finish_window(four, bias, count, y.add(at), index);
                }
            }
        }
    }
}

/// The largest of four and its position, the first of equals; a NaN is larger than all.
#[inline(always)]
fn largest<V: Simd>(four: [V; 4]) -> (V, V) {
    let (mut largest, mut position) = (four[0], V::zero());
    for (corner, value) in four.into_iter().enumerate().skip(1) {
        let larger = V::mask_or(value.gt(largest), value.is_nan());
        largest = value.select(largest, larger);
        position = V::splat(corner as f32).select(position, larger);
    }
    (largest, position)
}

/// Adds the bias to the largest of the four positions of a window, applies ReLU and stores it.
///
/// # Safety
/// `y` and, unless null, `index` are writable for `count <= LANES` elements.
#[inline(always)]
pub(super) unsafe fn finish_window<V: Simd>(
    four: [V; 4],
    bias: V,
    count: usize,
    y: *mut f32,
    index: *mut u8,
) {
    let (largest, position) = largest(four);
    let result = V::zero().max(largest + bias);
    // SAFETY: as the caller vouches.
    unsafe {
        if count == V::LANES {
            result.store(y);
            if !index.is_null() {
                position.store_bytes(index);
            }
        } else {
            result.store_partial(y, count);
            if !index.is_null() {
                let mut bytes = [0u8; 16];
                position.store_bytes(bytes.as_mut_ptr());
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), index, count);
            }
        }
    }
}
