//! Convolution of images: batch × height × width × channels, filters of height × width × channels of a
//! group × filters. No patch matrix is made: tiles of positions read the image where it lies, or a
//! copy with its border where there is padding.

use crate::{Level, gemm::tile::Run, sizes::floats};

mod forward;
mod grad_filter;
mod grad_input;
pub(crate) mod winograd;

pub use forward::Conv2dForward;
pub(crate) use forward::Panels;
pub use grad_filter::Conv2dGradFilter;
pub(crate) use grad_filter::sum_partials;
pub use grad_input::Conv2dGradInput;

/// The shape of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Channels of the result.
    pub filters: usize,
    /// Rows and columns of a filter.
    pub kernel: [usize; 2],
    /// Rows and columns from one position to the next.
    pub stride: [usize; 2],
    /// Zeros at the top, bottom, left and right.
    pub padding: [usize; 4],
    /// Rows and columns from one element of a filter to the next.
    pub dilation: [usize; 2],
    /// Groups of channels, each with its own filters.
    pub groups: usize,
}

impl ConvShape {
    /// Rows of the result; 0 where the filter does not fit.
    pub fn out_height(&self) -> usize {
        self.positions(0)
    }

    /// Columns of the result; 0 where the filter does not fit.
    pub fn out_width(&self) -> usize {
        self.positions(1)
    }

    /// Floats of the images.
    pub fn input_len(&self) -> usize {
        floats([self.batch, self.height, self.width, self.channels])
    }

    /// Floats of the filters.
    pub fn filter_len(&self) -> usize {
        let [height, width] = self.kernel;
        floats([height, width, self.channels / self.groups, self.filters])
    }

    /// Floats of the result.
    pub fn output_len(&self) -> usize {
        floats([
            self.batch,
            self.out_height(),
            self.out_width(),
            self.filters,
        ])
    }

    /// Products in a sum.
    pub(crate) fn taps(&self) -> usize {
        let [height, width] = self.kernel;
        floats([height, width, self.channels / self.groups])
    }

    /// The same shape, if its sizes fit one another and memory. A stride or a dilation beyond the image is never taken, and
    /// becomes one as long as the image.
    fn checked(mut self) -> Self {
        let steps = [self.kernel, self.stride, self.dilation];
        let divides = |size: usize| size > 0 && size.is_multiple_of(self.groups);
        assert!(
            steps.as_flattened().iter().all(|&step| step > 0)
                && self.groups > 0
                && divides(self.channels)
                && divides(self.filters),
            "{self:?}: kernel, stride and dilation are at least 1, and groups divide channels and filters"
        );
        let [height, width] = [0, 1].map(|axis| self.padded(axis));
        floats([self.batch, height, width, self.channels]);
        self.filter_len();
        self.output_len();
        // A plan remembers each of these.
        let positions = floats([self.out_height(), self.out_width()]);
        let runs = floats(self.kernel);
        assert!(
            positions.max(self.taps()) <= MOST_PLACES && runs <= MOST_RUNS,
            "{self:?}: more than 2^28 positions or taps of a filter, or a filter of more than 2^24"
        );
        for (axis, size) in [height.max(1), width.max(1)].into_iter().enumerate() {
            self.stride[axis] = self.stride[axis].min(size);
            self.dilation[axis] = self.dilation[axis].min(size);
        }
        self
    }

    /// Where the floats lie that a filter covers, of an image with rows of so many floats, in which it fits.
    fn runs(&self, row: usize) -> Vec<Run> {
        let ConvShape {
            channels,
            kernel,
            dilation,
            groups,
            ..
        } = *self;
        let mut runs = Vec::new();
        for y in 0..kernel[0] {
            let start = y * dilation[0] * row;
            if dilation[1] == 1 && groups == 1 {
                runs.push(Run {
                    offset: start,
                    len: kernel[1] * channels,
                });
            } else {
                runs.extend((0..kernel[1]).map(|x| Run {
                    offset: start + x * dilation[1] * channels,
                    len: channels / groups,
                }));
            }
        }
        runs
    }

    /// Rows (axis 0) or columns (axis 1) of an image with its border.
    fn padded(&self, axis: usize) -> usize {
        let [before, after] = [self.padding[2 * axis], self.padding[2 * axis + 1]];
        let size = [self.height, self.width][axis];
        size.saturating_add(before).saturating_add(after)
    }

    /// Positions of a filter along an axis. What is too large for a number does not fit.
    fn positions(&self, axis: usize) -> usize {
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        let steps = kernel.checked_sub(1);
        let span = steps.and_then(|steps| steps.checked_mul(self.dilation[axis])?.checked_add(1));
        let rest = span.and_then(|span| self.padded(axis).checked_sub(span));
        rest.and_then(|rest| rest.checked_div(stride)?.checked_add(1))
            .unwrap_or(0)
    }
}

/// Where things lie in the image that kernels read: the image itself, or a copy with its border.
#[derive(Clone, Debug)]
pub(crate) struct Geometry {
    pub shape: ConvShape,
    /// Floats of a row with its border.
    pub row: usize,
    /// Floats of an image with its border.
    pub image: usize,
    /// Runs of contiguous floats that a filter covers, in the order of its taps.
    pub runs: Vec<Run>,
    /// First float that a filter covers at each position.
    pub bases: Vec<u32>,
}

/// Positions of a filter in an image, and taps of a filter, at most.
const MOST_PLACES: usize = 1 << 28;
/// Rows times columns of a filter at most.
const MOST_RUNS: usize = 1 << 24;
/// Floats behind a copied image that whole vectors may touch.
const SLACK: usize = 128;
/// Pieces aimed at.
pub(crate) const PIECES: usize = 8;

impl Geometry {
    /// Measures a shape. For every shape that passes, a filter at any of `bases` covers floats within `image` alone, run
    /// after run, and no product of the shape's sizes wraps: what kernels say of their safety rests on that.
    ///
    /// # Panics
    /// Where [`Conv2dForward::new`] says so.
    pub(crate) fn new(shape: ConvShape) -> Self {
        let shape = shape.checked();
        let row = shape.padded(1) * shape.channels;
        let image = shape.padded(0) * row;
        assert!(
            u32::try_from(image).is_ok(),
            "{shape:?}: an image exceeds 2^32 floats"
        );
        let [down, right] = [shape.stride[0] * row, shape.stride[1] * shape.channels];
        let width = shape.out_width();
        let base = |position: usize| (position / width * down + position % width * right) as u32;
        let bases: Vec<u32> = (0..shape.out_height() * width).map(base).collect();
        Self {
            shape,
            row,
            image,
            runs: if bases.is_empty() {
                Vec::new()
            } else {
                shape.runs(row)
            },
            bases,
        }
    }

    /// Floats of one image without its border.
    pub(crate) fn sample(&self) -> usize {
        self.shape.height * self.shape.width * self.shape.channels
    }

    pub(crate) fn padded(&self) -> bool {
        self.shape.padding != [0; 4]
    }

    /// Whether runs leave part of a vector unused, so that whole vectors need the slack of a copy.
    pub(crate) fn ragged(&self, level: Level) -> bool {
        self.runs
            .iter()
            .any(|run| !run.len.is_multiple_of(level.lanes()))
    }

    /// Floats of a copied image.
    pub(crate) fn copy_len(&self) -> usize {
        self.image + SLACK
    }

    /// Rows of an image: (start in the copy, start in the image, floats).
    fn rows(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let [top, _, left, _] = self.shape.padding;
        let (channels, len) = (self.shape.channels, self.shape.width * self.shape.channels);
        (0..self.shape.height).map(move |y| ((top + y) * self.row + left * channels, y * len, len))
    }

    /// Copies an image into its border.
    pub(crate) fn copy_in(&self, image: &[f32], copy: &mut [f32]) {
        copy[..self.copy_len()].fill(0.0);
        for (to, from, len) in self.rows() {
            copy[to..to + len].copy_from_slice(&image[from..from + len]);
        }
    }

    /// Copies an image out of its border.
    pub(crate) fn copy_out(&self, copy: &[f32], image: &mut [f32]) {
        for (from, to, len) in self.rows() {
            image[to..to + len].copy_from_slice(&copy[from..from + len]);
        }
    }

    /// Samples a piece walks.
    pub(crate) fn samples_per_piece(&self) -> usize {
        self.shape.batch.div_ceil(PIECES).max(1)
    }

    /// Pieces of whole samples.
    pub(crate) fn pieces(&self) -> usize {
        self.shape.batch.div_ceil(self.samples_per_piece())
    }

    /// Samples of a piece.
    pub(crate) fn samples(&self, piece: usize) -> std::ops::Range<usize> {
        let count = self.samples_per_piece();
        piece * count..((piece + 1) * count).min(self.shape.batch)
    }
}
