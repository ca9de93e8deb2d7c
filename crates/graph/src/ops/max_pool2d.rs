//! The largest value of each window.

use serde::{Deserialize, Serialize};

use super::{Operator, Window, check};
use crate::{Error, Graph, NodeId, Result, RunContext, Shape, Tensor};

/// The largest value of each window of an image, channel by channel. Padding never wins; NaN always does.
///
/// # Shapes
/// `[batch, height, width, channels]` to the same with the height and width of [`Window::output`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    /// The window.
    pub window: Window,
}

impl Operator for MaxPool2d {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("max_pool2d", inputs)?;
        self.window.pooled("max_pool2d", x)
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], shape: &[usize], output: &mut [f32], _: RunContext) {
        let x = inputs[0];
        each_maximum(&self.window, x, shape, |from, to| output[to] = x.data[from]);
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let x = graph.node(node).inputs[0];
        Ok(vec![Some(
            graph.add(
                MaxPool2dGrad {
                    window: self.window,
                }
                .into(),
                &[x, upstream],
            )?,
        )])
    }
}

/// The gradient of [`MaxPool2d`]: each dy goes to the first maximum of its window, row by row, or to the last NaN.
///
/// # Shapes
/// x `[batch, height, width, channels]` and dy of the pooled shape; the result has x's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2dGrad {
    /// The window.
    pub window: Window,
}

impl Operator for MaxPool2dGrad {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, dy] = check::inputs("max_pool2d_grad", inputs)?;
        let pooled = self.window.pooled("max_pool2d_grad", x)?;
        if &pooled != dy {
            let expected = format!("a gradient {pooled} for images {x}");
            return Err(Error::shape("max_pool2d_grad", expected, dy.to_string()));
        }
        Ok(x.clone())
    }

    fn evaluate(&self, inputs: &[Tensor<'_>], _: &[usize], output: &mut [f32], _: RunContext) {
        let (x, dy) = (inputs[0], inputs[1]);
        output.fill(0.0);
        each_maximum(&self.window, x, dy.shape, |from, to| {
            output[from] += dy.data[to]
        });
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        node: NodeId,
        _: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(check::no_gradient(
            graph,
            node,
            "the second derivative of max pooling is not implemented",
        ))
    }
}

/// Calls `visit` with the place of the first maximum in x and the place of its window in y.
fn each_maximum(window: &Window, x: Tensor<'_>, y: &[usize], mut visit: impl FnMut(usize, usize)) {
    let (&[_, height, width, channels], &[batch, out_height, out_width, _]) = (x.shape, y) else {
        return;
    };
    for pixel in 0..batch * out_height * out_width {
        let (n, place) = (
            pixel / (out_height * out_width),
            [pixel / out_width % out_height, pixel % out_width],
        );
        let [rows, columns] = window.seen(place, [height, width]);
        for channel in 0..channels {
            let at = |row: usize, column: usize| {
                ((n * height + row) * width + column) * channels + channel
            };
            let mut best = at(rows.start, columns.start);
            for candidate in rows
                .clone()
                .flat_map(|row| columns.clone().map(move |column| at(row, column)))
            {
                let (value, largest) = (x.data[candidate], x.data[best]);
                if value > largest || value.is_nan() {
                    best = candidate;
                }
            }
            visit(best, pixel * channels + channel);
        }
    }
}
