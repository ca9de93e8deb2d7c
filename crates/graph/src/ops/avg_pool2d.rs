//! The mean of each window.

use serde::{Deserialize, Serialize};

use super::conv2d::accumulate;
use super::{Operator, Window, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The mean of each window of an image, channel by channel.
///
/// # Shapes
/// `[batch, height, width, channels]` to the same with the height and width of [`Window::output`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2d {
    /// The window.
    pub window: Window,
    /// Whether the padding counts as zeros (PyTorch's default) or not at all (Keras).
    pub include_padding: bool,
}

impl Operator for AvgPool2d {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("avg_pool2d", inputs)?;
        self.window.pooled("avg_pool2d", x)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        accumulate(output, |sums| {
            each_share(
                &self.window,
                self.include_padding,
                x.shape,
                shape,
                |from, to, share| {
                    sums[to] += f64::from(x.data[from]) * share;
                },
            );
        });
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let &Self {
            window,
            include_padding,
        } = self;
        let x = graph.shape(graph.node(node).inputs[0]);
        let [height, width] = [1, 2].map(|axis| x.size(axis).unwrap_or_default());
        let op = AvgPool2dGrad {
            window,
            include_padding,
            height,
            width,
        };
        Ok(vec![Some(graph.add(op.into(), &[upstream])?)])
    }
}

/// The gradient of [`AvgPool2d`]: each dy is spread evenly over its window.
///
/// # Shapes
/// dy `[batch, height, width, channels]` of the pooled size; the result has the image's `height` and `width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2dGrad {
    /// The window.
    pub window: Window,
    /// Whether the padding counts as zeros.
    pub include_padding: bool,
    /// The height of the images.
    pub height: usize,
    /// The width of the images.
    pub width: usize,
}

impl Operator for AvgPool2dGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [dy] = check::inputs("avg_pool2d_grad", inputs)?;
        let &[batch, _, _, channels] = dy.0.as_slice() else {
            return Err(Error::shape(
                "avg_pool2d_grad",
                "a gradient [batch, height, width, channels]",
                dy.to_string(),
            ));
        };
        let x = Shape(vec![batch, self.height.into(), self.width.into(), channels]);
        let pooled = self.window.pooled("avg_pool2d_grad", &x)?;
        if &pooled != dy {
            let expected = format!("a gradient {pooled} for images {x}");
            return Err(Error::shape("avg_pool2d_grad", expected, dy.to_string()));
        }
        Ok(x)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let dy = inputs[0];
        accumulate(output, |sums| {
            each_share(
                &self.window,
                self.include_padding,
                shape,
                dy.shape,
                |from, to, share| {
                    sums[from] += f64::from(dy.data[to]) * share;
                },
            );
        });
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        _: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let op = AvgPool2d {
            window: self.window,
            include_padding: self.include_padding,
        };
        Ok(vec![Some(graph.add(op.into(), &[upstream])?)])
    }
}

/// Calls `visit` with each place in x, the place in y of a window that sees it, and its share in that window's mean.
fn each_share(
    window: &Window,
    include_padding: bool,
    x: &[usize],
    y: &[usize],
    mut visit: impl FnMut(usize, usize, f64),
) {
    let (&[_, height, width, channels], &[batch, out_height, out_width, _]) = (x, y) else {
        return;
    };
    for pixel in 0..batch * out_height * out_width {
        let (n, place) = (
            pixel / (out_height * out_width),
            [pixel / out_width % out_height, pixel % out_width],
        );
        let [rows, columns] = window.seen(place, [height, width]);
        let count = if include_padding {
            window.size[0] * window.size[1]
        } else {
            rows.len() * columns.len()
        };
        for (row, column) in rows.flat_map(|row| columns.clone().map(move |column| (row, column))) {
            for channel in 0..channels {
                let from = ((n * height + row) * width + column) * channels + channel;
                visit(from, pixel * channels + channel, 1.0 / count as f64);
            }
        }
    }
}
