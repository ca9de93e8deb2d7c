//! Convolution of images: batch × height × width × channels, filters of height × width × channels of a
//! group × filters. No patch matrix is made: tiles of positions read the image where it lies, or a
//! copy with its border where there is padding.

use crate::{Level, gemm::tile::Run};

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
        let [top, bottom, ..] = self.padding;
        positions(
            self.height + top + bottom,
            self.kernel[0],
            self.stride[0],
            self.dilation[0],
        )
    }

    /// Columns of the result; 0 where the filter does not fit.
    pub fn out_width(&self) -> usize {
        let [.., left, right] = self.padding;
        positions(
            self.width + left + right,
            self.kernel[1],
            self.stride[1],
            self.dilation[1],
        )
    }

    /// Floats of the images.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Floats of the filters.
    pub fn filter_len(&self) -> usize {
        self.taps() * self.filters
    }

    /// Floats of the result.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_height() * self.out_width() * self.filters
    }

    /// Products in a sum.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels / self.groups
    }
}

fn positions(length: usize, kernel: usize, stride: usize, dilation: usize) -> usize {
    let span = dilation * (kernel - 1) + 1;
    if length < span {
        0
    } else {
        (length - span) / stride + 1
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

/// Floats behind a copied image that whole vectors may touch.
const SLACK: usize = 128;
/// Pieces aimed at.
pub(crate) const PIECES: usize = 8;

impl Geometry {
    pub(crate) fn new(shape: ConvShape) -> Self {
        let ConvShape {
            channels,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            ..
        } = shape;
        assert!(
            kernel
                .iter()
                .chain(&stride)
                .chain(&dilation)
                .all(|&n| n > 0)
                && groups > 0
                && channels.is_multiple_of(groups)
                && shape.filters.is_multiple_of(groups),
            "{shape:?}: kernel, stride, dilation and groups are at least 1, and groups divide channels and filters"
        );
        let row = (shape.width + padding[2] + padding[3]) * channels;
        let image = (shape.height + padding[0] + padding[1]) * row;
        assert!(
            u32::try_from(image).is_ok(),
            "{shape:?}: an image exceeds 2^32 floats"
        );
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
        let base = |y: usize, x: usize| (y * stride[0] * row + x * stride[1] * channels) as u32;
        let bases = (0..shape.out_height())
            .flat_map(|y| (0..shape.out_width()).map(move |x| base(y, x)))
            .collect();
        Self {
            shape,
            row,
            image,
            runs,
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
