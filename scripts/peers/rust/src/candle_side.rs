//! candle on its own CPU back end.

use anyhow::Result;
use candle_core::{Module, Tensor, Var};
use candle_nn::{AdamW, Conv2d, Conv2dConfig, Linear, Optimizer, ParamsAdamW, loss};

use crate::measured::{INFER_SECONDS, Measured, TRAIN_SECONDS, median_ms, version};
use crate::start::{POOLED, Start};

struct Network {
    convolutions: Vec<Conv2d>,
    dense: Vec<Linear>,
    variables: Vec<Var>,
}

impl Network {
    fn new(start: &Start) -> Result<Self> {
        let mut variables = Vec::new();
        let mut variable = |values: &Tensor| -> Result<Tensor> {
            variables.push(Var::from_tensor(values)?);
            Ok(variables[variables.len() - 1].as_tensor().clone())
        };
        let (mut convolutions, mut dense) = (Vec::new(), Vec::new());
        for layer in &start.convolutions {
            let (kernel, bias) = (variable(&layer.kernel)?, variable(&layer.bias)?);
            convolutions.push(Conv2d::new(kernel, Some(bias), Conv2dConfig::default()));
        }
        for layer in &start.dense {
            let (kernel, bias) = (
                variable(&layer.kernel.t()?.contiguous()?)?,
                variable(&layer.bias)?,
            );
            dense.push(Linear::new(kernel, Some(bias)));
        }
        Ok(Self {
            convolutions,
            dense,
            variables,
        })
    }

    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let mut x = images.clone();
        for (number, convolution) in self.convolutions.iter().enumerate() {
            x = convolution.forward(&x)?.relu()?;
            if number < POOLED {
                x = even(&x)?.max_pool2d(2)?;
            }
        }
        x = x.flatten_from(1)?;
        for (number, dense) in self.dense.iter().enumerate() {
            x = dense.forward(&x)?;
            if number + 1 < self.dense.len() {
                x = x.relu()?;
            }
        }
        Ok(x)
    }
}

/// Without a last odd row and column. The maximum is the same without them, but candle's gradient of a pooling takes it
/// for granted that the windows cover the image.
fn even(images: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = images.dims4()?;
    Ok(images
        .narrow(2, 0, height / 2 * 2)?
        .narrow(3, 0, width / 2 * 2)?)
}

pub fn run(start: &Start) -> Result<Measured> {
    let network = Network::new(start)?;
    let settings = ParamsAdamW {
        lr: 1e-3,
        eps: 1e-7,
        weight_decay: 0.0,
        ..ParamsAdamW::default()
    };
    let mut adam = AdamW::new(network.variables.clone(), settings)?;
    let mut step = |images: &Tensor, labels: &Tensor| -> Result<Tensor> {
        let loss = loss::cross_entropy(&network.forward(images)?, labels)?;
        adam.backward_step(&loss)?;
        Ok(loss)
    };
    let mut losses = Vec::new();
    for (images, labels) in &start.batches {
        losses.push(step(images, labels)?.to_scalar()?);
    }
    let (images, labels) = &start.batches[0];
    let train_ms = median_ms(TRAIN_SECONDS, || step(images, labels).map(drop))?;
    // Without variables nothing is kept for a gradient.
    let fixed = |layer: &Tensor| layer.detach();
    let asked = Network {
        convolutions: network
            .convolutions
            .iter()
            .map(|layer| {
                Conv2d::new(
                    fixed(layer.weight()),
                    layer.bias().map(fixed),
                    *layer.config(),
                )
            })
            .collect(),
        dense: network
            .dense
            .iter()
            .map(|layer| Linear::new(fixed(layer.weight()), layer.bias().map(fixed)))
            .collect(),
        variables: Vec::new(),
    };
    let infer = |images: &Tensor| median_ms(INFER_SECONDS, || asked.forward(images).map(drop));
    Ok(Measured {
        peer: format!("candle {}", version("candle-core")),
        train_ms,
        infer_ms: infer(images)?,
        infer_one_ms: infer(&images.narrow(0, 0, 1)?)?,
        losses,
    })
}
