//! Convolution of images.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Conv2dGradFilter, Conv2dGradInput, Operator, check, window};
use crate::{Dim, Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// How a convolution's filter moves over the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvAttributes {
    /// Steps down and to the right; 1 by default.
    pub stride: [usize; 2],
    /// Zeros around the image: top, bottom, left, right; none by default.
    pub padding: [usize; 4],
    /// Distance between neighbouring filter values, down and to the right; 1 by default.
    pub dilation: [usize; 2],
    /// Into how many groups the channels are cut, each with its own filters; 1 by default.
    pub groups: usize,
}

impl Default for ConvAttributes {
    fn default() -> Self {
        Self {
            stride: [1; 2],
            padding: [0; 4],
            dilation: [1; 2],
            groups: 1,
        }
    }
}

impl fmt::Display for ConvAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([down, right], [top, bottom, left, rightmost]) = (self.stride, self.padding);
        let [dilation_down, dilation_right] = self.dilation;
        write!(
            f,
            "stride {down} by {right}, padding {top}, {bottom}, {left}, {rightmost}, "
        )?;
        write!(f, "dilation {dilation_down} by {dilation_right}")
    }
}

impl ConvAttributes {
    /// Height and width of the result for an image and a filter of a height and width, or `None` if the filter does
    /// not fit or a size, a stride or a dilation is zero.
    ///
    /// ```
    /// use jingwei_graph::ops::ConvAttributes;
    /// let same = ConvAttributes { padding: [1; 4], ..Default::default() };
    /// assert_eq!(same.output([28, 28], [3, 3]), Some([28, 28]));
    /// ```
    #[must_use]
    pub fn output(&self, image: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| match self.along(axis, image[axis].into(), kernel[axis])? {
            Dim::Size(size) => Some(size),
            Dim::Symbol(_) => None,
        };
        Some([along(0)?, along(1)?])
    }

    /// One dimension of the result. An open size is kept where the stride is 1 and the padding makes up for the filter.
    fn along(&self, axis: usize, image: Dim, kernel: usize) -> Option<Dim> {
        let reach = kernel
            .checked_sub(1)?
            .checked_mul(self.dilation[axis])?
            .checked_add(1)?;
        let padding = [self.padding[2 * axis], self.padding[2 * axis + 1]];
        let stride = self.stride[axis];
        let places = match image {
            Dim::Size(size) => window::steps(size, reach, stride, padding)?.into(),
            open => {
                let added = padding[0].checked_add(padding[1])?;
                (stride == 1 && added == reach - 1).then_some(open)?
            }
        };
        (self.dilation[axis] > 0).then_some(places)
    }

    /// The shape of the convolution of images `x` with filters `w`.
    pub(super) fn convolved(&self, op: &'static str, x: &Shape, w: &Shape) -> Result<Shape> {
        let &[batch, height, width, Dim::Size(channels)] = x.0.as_slice() else {
            return Err(Error::shape(
                op,
                "images [batch, height, width, channels]",
                x.to_string(),
            ));
        };
        let Some(&[kernel_height, kernel_width, filter_channels, filters]) = w.sizes().as_deref()
        else {
            let expected = "filters [height, width, channels / groups, filters]";
            return Err(Error::shape(op, expected, w.to_string()));
        };
        check::steps(op, [self.stride, self.dilation].concat())?;
        check::steps(op, self.padding)?;
        check::padded(op, x, self.padding)?;
        let groups = self.groups;
        let divides = |size: usize| groups > 0 && size > 0 && size.is_multiple_of(groups);
        if !divides(channels) || !divides(filters) {
            let expected = format!("channels and filters in {groups} equal groups");
            return Err(Error::shape(
                op,
                expected,
                format!("images {x} and filters {w}"),
            ));
        }
        if channels / groups != filter_channels {
            let expected = format!(
                "filters of {} channels for images {x} in {groups} groups",
                channels / groups
            );
            return Err(Error::shape(op, expected, format!("filters {w}")));
        }
        let places = self
            .along(0, height, kernel_height)
            .zip(self.along(1, width, kernel_width));
        let (out_height, out_width) = places.ok_or_else(|| {
            let expected = "filters that fit into the padded image, and a stride and a dilation that are not zero";
            Error::shape(op, expected, format!("images {x} and filters {w}, {self}"))
        })?;
        check::filter(op, w, [out_height, out_width])?;
        Ok(Shape(vec![batch, out_height, out_width, filters.into()]))
    }

    /// Calls `visit` with the places in x, w and y of each product that a convolution adds.
    pub(super) fn each_product(
        &self,
        x: &[usize],
        w: &[usize],
        y: &[usize],
        mut visit: impl FnMut(usize, usize, usize),
    ) {
        let &[_, height, width, channels] = x else {
            return;
        };
        let &[kernel_height, kernel_width, group_channels, filters] = w else {
            return;
        };
        let group_filters = filters / self.groups;
        // The row (or column) of the image under filter row `k` at output row `o`, if it is not padding.
        let under = |axis: usize, o: usize, k: usize, size: usize| {
            (o * self.stride[axis] + k * self.dilation[axis])
                .checked_sub(self.padding[2 * axis])
                .filter(|&place| place < size)
        };
        for (pixel, [n, i, j]) in pixels(y).enumerate() {
            for (tap, (a, b)) in (0..kernel_height)
                .flat_map(|a| (0..kernel_width).map(move |b| (a, b)))
                .enumerate()
            {
                let (Some(row), Some(column)) = (under(0, i, a, height), under(1, j, b, width))
                else {
                    continue;
                };
                let image = ((n * height + row) * width + column) * channels;
                for filter in 0..filters {
                    let first = image + filter / group_filters * group_channels;
                    for channel in 0..group_channels {
                        let weight = (tap * group_channels + channel) * filters + filter;
                        visit(first + channel, weight, pixel * filters + filter);
                    }
                }
            }
        }
    }
}

/// The sample, row and column of each pixel of images of sizes `y`.
fn pixels(y: &[usize]) -> impl Iterator<Item = [usize; 3]> + use<> {
    let [batch, height, width] = [y[0], y[1], y[2]];
    (0..batch).flat_map(move |n| (0..height).flat_map(move |i| (0..width).map(move |j| [n, i, j])))
}

/// Writes sums that were gathered in double precision.
pub(super) fn accumulate(output: &mut [f32], add: impl FnOnce(&mut [f64])) {
    let mut sums = vec![0.0f64; output.len()];
    add(&mut sums);
    for (y, sum) in output.iter_mut().zip(sums) {
        *y = sum as f32;
    }
}

/// Convolution (a cross-correlation, as everywhere in the field) of images with filters.
///
/// # Shapes
/// Images `[batch, height, width, channels]`, filters `[height, width, channels / groups, filters]`, result
/// `[batch, height, width, filters]` with (size + padding − dilation · (filter − 1) − 1) / stride + 1 rows, rounded
/// down, and columns likewise. Of images of open height or width only a padding that keeps it is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// How the filters move.
    pub attributes: ConvAttributes,
}

impl Operator for Conv2d {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, w] = check::inputs("conv2d", inputs)?;
        self.attributes.convolved("conv2d", x, w)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let (x, w) = (inputs[0], inputs[1]);
        accumulate(output, |sums| {
            self.attributes
                .each_product(x.shape, w.shape, shape, |i, j, k| {
                    sums[k] += f64::from(x.data[i]) * f64::from(w.data[j]);
                });
        });
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        g: NodeId,
        needed: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, w) = (graph.node(node).inputs[0], graph.node(node).inputs[1]);
        let dx = needed[0]
            .then(|| Conv2dGradInput::add(self.attributes, graph, w, g, x))
            .transpose()?;
        let dw = needed[1]
            .then(|| Conv2dGradFilter::add(self.attributes, graph, x, g, w))
            .transpose()?;
        Ok(vec![dx, dw])
    }
}
