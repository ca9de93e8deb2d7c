//! Windows that slide over the height and width of images.

use serde::{Deserialize, Serialize};

use super::check;
use crate::{Dim, Error, Result, Shape};

/// A window that pooling slides over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Height and width.
    pub size: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Rows and columns added around the image: top, bottom, left, right. Each is smaller than the window, so that
    /// every window sees a value of the image.
    pub padding: [usize; 4],
}

impl Window {
    /// A square window that moves by its own size, without padding.
    #[must_use]
    pub fn square(size: usize) -> Self {
        Self {
            size: [size; 2],
            stride: [size; 2],
            padding: [0; 4],
        }
    }

    /// Height and width of the result for an image of a height and width, or `None` if the window does not fit, a
    /// size or a stride is zero, or the padding is not smaller than the window.
    ///
    /// ```
    /// use jingwei_graph::ops::Window;
    /// let window = Window { size: [3, 3], stride: [2, 2], padding: [0, 1, 0, 1] };
    /// assert_eq!(window.output(28, 27), Some([14, 13]));
    /// ```
    #[must_use]
    pub fn output(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let [top, bottom, left, right] = self.padding;
        let fits = top.max(bottom) < self.size[0]
            && left.max(right) < self.size[1]
            && height > 0
            && width > 0;
        fits.then_some(())?;
        Some([
            steps(height, self.size[0], self.stride[0], [top, bottom])?,
            steps(width, self.size[1], self.stride[1], [left, right])?,
        ])
    }

    /// The rows and columns of the image that the window at `place` of the result sees.
    pub(super) fn seen(&self, place: [usize; 2], image: [usize; 2]) -> [std::ops::Range<usize>; 2] {
        [0, 1].map(|axis| {
            let (start, before) = (place[axis] * self.stride[axis], self.padding[2 * axis]);
            let end = (start + self.size[axis])
                .saturating_sub(before)
                .min(image[axis]);
            start.saturating_sub(before)..end
        })
    }

    /// The shape of what pooling makes of `x`.
    pub(super) fn pooled(&self, op: &'static str, x: &Shape) -> Result<Shape> {
        let &[batch, Dim::Size(height), Dim::Size(width), channels] = x.0.as_slice() else {
            return Err(Error::shape(
                op,
                "images [batch, height, width, channels]",
                x.to_string(),
            ));
        };
        check::steps(op, self.stride)?;
        check::steps(op, self.padding)?;
        check::padded(op, x, self.padding)?;
        let [height, width] = self.output(height, width).ok_or_else(|| {
            let ([h, w], [down, right]) = (self.size, self.stride);
            let expected = format!(
                "images that a window of {h} by {w} fits in, a stride that is not zero and a padding smaller than the window"
            );
            Error::shape(op, expected, format!("{x}, stride {down} by {right}, padding {:?}", self.padding))
        })?;
        Ok(Shape(vec![batch, height.into(), width.into(), channels]))
    }
}

/// How many places a window of `size` takes along a dimension of `length` with padding before and after.
pub(super) fn steps(
    length: usize,
    size: usize,
    stride: usize,
    padding: [usize; 2],
) -> Option<usize> {
    let padded = length.checked_add(padding[0])?.checked_add(padding[1])?;
    if size == 0 {
        return None;
    }
    padded
        .checked_sub(size)?
        .checked_div(stride)?
        .checked_add(1)
}
