//! Convolution, bias, ReLU and 2 × 2 maximum pooling in one, with its gradients.
//!
//! Forward computes only the positions that pooling reads, and pools in registers. Backward uses that
//! of the four positions of a window only one has a gradient for each channel, and none where the
//! ReLU cut it off: it lists those that have one and multiplies nothing else.

use crate::{ConvShape, Level, conv::Geometry, simd::Simd};

mod forward;
mod grad_filter;
mod grad_input;
mod grad_narrow;
mod winograd;

pub use forward::ConvReluPoolForward;
pub use grad_filter::ConvReluPoolGradFilter;
pub use grad_input::ConvReluPoolGradInput;

/// Filters and a number for each of them, which is added.
#[derive(Debug, Clone, Copy)]
pub struct BiasedFilters<'a> {
    /// The filters.
    pub w: &'a [f32],
    /// A number for each.
    pub bias: &'a [f32],
}

/// What pooling gave, and the gradient of it.
#[derive(Debug, Clone, Copy)]
pub struct PooledResults<'a> {
    /// The largest values.
    pub y: &'a [f32],
    /// Where in each window they stood.
    pub index: &'a [f32],
    /// The gradient of `y`.
    pub dy: &'a [f32],
}

/// Pooled windows of a convolution.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    pub geometry: Geometry,
    /// First float that a filter covers at the first position of each window. What a filter covers at any of the four lies
    /// within the image, since they are positions of the convolution.
    pub bases: Vec<u32>,
    /// From there to each of the four positions.
    pub corners: [usize; 4],
}

impl Windows {
    pub(crate) fn new(shape: ConvShape) -> Self {
        assert!(
            ConvReluPoolForward::supports(&shape, [2, 2]),
            "{shape:?}: fused pooling needs one group and a result of at least 2 × 2 and less than some 2^32 floats"
        );
        let geometry = Geometry::new(shape);
        // Two positions fit along each axis, so that a stride is shorter than the image.
        let right = shape.stride[1] * shape.channels;
        let down = shape.stride[0] * geometry.row;
        let columns = shape.out_width() / 2;
        let base = |window: usize| 2 * (window / columns * down + window % columns * right);
        let count = shape.out_height() / 2 * columns;
        Self {
            bases: (0..count).map(|window| base(window) as u32).collect(),
            corners: [0, right, down, down + right],
            geometry,
        }
    }

    pub(crate) fn shape(&self) -> &ConvShape {
        &self.geometry.shape
    }

    /// Floats of a pooled sample.
    pub(crate) fn pooled(&self) -> usize {
        self.bases.len() * self.shape().filters
    }

    /// Checks the lengths of pooled tensors.
    pub(crate) fn check(&self, y: &[f32], index: &[f32], dy: &[f32]) {
        let (shape, len) = (self.shape(), self.shape().batch * self.pooled());
        assert_eq!(y.len(), len, "pooled result of {shape:?}");
        assert_eq!(dy.len(), len, "pooled gradient of {shape:?}");
        assert_eq!(index.len(), len.div_ceil(4), "pooling index of {shape:?}");
    }
}

/// What forward left of one sample, and the gradient that came back: windows × filters each.
#[derive(Clone, Copy)]
pub(crate) struct Pooled {
    pub y: *const f32,
    pub dy: *const f32,
    /// Which of the four positions was the largest.
    pub index: *const u8,
}

// SAFETY: the pointers come from slices that outlive the run, and are only read.
unsafe impl Sync for Pooled {}

impl Pooled {
    /// Everything from `start` floats on.
    #[inline(always)]
    pub(crate) fn at(self, start: usize) -> Self {
        Self {
            y: self.y.wrapping_add(start),
            dy: self.dy.wrapping_add(start),
            index: self.index.wrapping_add(start),
        }
    }

    /// The gradient behind the ReLU and the position it goes to, of the first `count <= LANES`
    /// filters; zeros in the other lanes.
    ///
    /// # Safety
    /// All three are readable for `count` elements.
    #[inline(always)]
    pub(crate) unsafe fn load<V: Simd>(self, count: usize) -> (V, V) {
        // SAFETY: as the caller vouches.
        let (y, dy, index) = unsafe {
            if count >= V::LANES {
                (V::load(self.y), V::load(self.dy), V::load_bytes(self.index))
            } else {
                let mut bytes = [0u8; 16];
                std::ptr::copy_nonoverlapping(self.index, bytes.as_mut_ptr(), count);
                (
                    V::load_partial(self.y, count),
                    V::load_partial(self.dy, count),
                    V::load_bytes(bytes.as_ptr()),
                )
            }
        };
        (V::zero().select(dy, y.le(V::zero())), index)
    }
}

/// Vectors at most in a strip of a run that gradients keep in registers.
pub(crate) const fn strip_vectors(level: Level) -> usize {
    match level {
        Level::Avx512 | Level::Amx => 6,
        _ => 4,
    }
}
