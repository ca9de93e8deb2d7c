//! Pooling over windows of images, and over whole images.
//!
//! Images are `[batch, height, width, channels]`; sequences are images of height 1.

mod average;
mod global;
mod maximum;

pub use global::GlobalMaximum;
pub use maximum::packed_positions;

use crate::Workers;
use crate::chunks;
use crate::sizes::floats;
use jingwei_bounds::product;
use std::ops::Range;

/// The shape of a pooling: `[batch, height, width, channels]` to
/// `[batch, output[0], output[1], channels]`.
///
/// Output `o` of an axis sees inputs `o · stride − padding .. o · stride − padding + window`, of which
/// those outside the image are left out. Padding at the far end follows from the size of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// Images.
    pub batch: usize,
    /// Height and width of an image.
    pub input: [usize; 2],
    /// Channels of both sides.
    pub channels: usize,
    /// Height and width of the window.
    pub window: [usize; 2],
    /// Distance between windows.
    pub stride: [usize; 2],
    /// Padding above and to the left, smaller than the window.
    pub padding: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
}

/// The part of one window that lies in the image.
#[derive(Clone, Copy)]
struct Seen {
    /// First position in the window, and in the image, along each axis.
    window: [usize; 2],
    image: [usize; 2],
    /// Positions along each axis.
    count: [usize; 2],
}

impl Pooling {
    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        let [height, width] = self.input;
        floats([self.batch, height, width, self.channels])
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output;
        floats([self.batch, height, width, self.channels])
    }

    fn input_sample(&self) -> usize {
        self.input[0] * self.input[1] * self.channels
    }

    fn output_sample(&self) -> usize {
        self.output[0] * self.output[1] * self.channels
    }

    fn check(&self, input: usize, output: usize) {
        assert_eq!(input, self.input_len(), "the input of {self:?}");
        assert_eq!(output, self.output_len(), "the output of {self:?}");
        floats(self.window);
        assert!(
            (0..2).all(|axis| self.sees(axis)),
            "each window of {self:?} sees a part of the image"
        );
    }

    /// Whether every window has a position within the image along an axis, and the last one begins at a number.
    fn sees(&self, axis: usize) -> bool {
        let steps = self.output[axis].saturating_sub(1);
        let last = steps.checked_mul(self.stride[axis]);
        let end = self.input[axis].saturating_add(self.padding[axis]);
        self.padding[axis] < self.window[axis] && last.is_some_and(|last| last < end)
    }

    /// What a piece's size is measured by: elements that windows of some outputs see, at most.
    fn work(&self, outputs: usize) -> usize {
        product([outputs, self.window[0], self.window[1]]).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn seen(&self, output: [usize; 2]) -> Seen {
        let mut seen = Seen {
            window: [0; 2],
            image: [0; 2],
            count: [0; 2],
        };
        for (axis, output) in output.into_iter().enumerate() {
            let start = output * self.stride[axis];
            let before = self.padding[axis].saturating_sub(start);
            let image = (start + before) - self.padding[axis];
            seen.window[axis] = before;
            seen.image[axis] = image;
            seen.count[axis] = (self.window[axis] - before).min(self.input[axis] - image);
        }
        seen
    }

    /// Runs `f(sample, rows of the output)` so that pieces have about the same work.
    fn for_each_rows(&self, workers: &Workers, f: impl Fn(usize, Range<usize>) + Sync) {
        if self.output_len() == 0 {
            return;
        }
        let work = self.work(self.output[1] * self.channels);
        let rows = chunks::rows_in_piece(work);
        let blocks = self.output[0].div_ceil(rows);
        let samples = (rows / self.output[0].max(1)).max(1);
        chunks::for_each_piece(workers, self.batch.div_ceil(samples) * blocks, |piece| {
            let first = piece / blocks * samples;
            let start = piece % blocks * rows;
            for sample in first..(first + samples).min(self.batch) {
                f(sample, start..(start + rows).min(self.output[0]));
            }
        });
    }

    /// Runs `f(sample)`, several in a piece where they are small.
    fn for_each_sample(&self, workers: &Workers, f: impl Fn(usize) + Sync) {
        if self.input_len() == 0 {
            return;
        }
        let work = self.work(self.output_sample());
        chunks::for_each_block(workers, self.batch, work, |samples| samples.for_each(&f));
    }
}
