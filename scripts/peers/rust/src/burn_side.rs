//! Burn on its own CPU back end, Flex.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLoss;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::measured::{INFER_SECONDS, Measured, TRAIN_SECONDS, median_ms, version};
use crate::start::{Layer, POOLED, Start};

#[derive(Module, Debug)]
struct Network {
    convolutions: Vec<Conv2d>,
    pool: MaxPool2d,
    dense: Vec<Linear>,
}

impl Network {
    fn new(start: &Start, device: &Device) -> Result<Self> {
        let convolution = |layer: &Layer| -> Result<Conv2d> {
            let (outputs, inputs, height, width) = layer.kernel.dims4()?;
            let mut made = Conv2dConfig::new([inputs, outputs], [height, width]).init(device);
            made.weight = Param::from_tensor(tensor(&layer.kernel, device)?);
            made.bias = Some(Param::from_tensor(tensor(&layer.bias, device)?));
            Ok(made)
        };
        let dense = |layer: &Layer| -> Result<Linear> {
            let (inputs, outputs) = layer.kernel.dims2()?;
            let mut made = LinearConfig::new(inputs, outputs).init(device);
            made.weight = Param::from_tensor(tensor(&layer.kernel, device)?);
            made.bias = Some(Param::from_tensor(tensor(&layer.bias, device)?));
            Ok(made)
        };
        Ok(Self {
            convolutions: start
                .convolutions
                .iter()
                .map(convolution)
                .collect::<Result<_>>()?,
            pool: MaxPool2dConfig::new([2, 2]).init(),
            dense: start.dense.iter().map(dense).collect::<Result<_>>()?,
        })
    }

    fn forward(&self, mut images: Tensor<4>) -> Tensor<2> {
        for (number, convolution) in self.convolutions.iter().enumerate() {
            images = relu(convolution.forward(images));
            if number < POOLED {
                images = self.pool.forward(images);
            }
        }
        let mut rows = images.flatten(1, 3);
        for (number, dense) in self.dense.iter().enumerate() {
            rows = dense.forward(rows);
            if number + 1 < self.dense.len() {
                rows = relu(rows);
            }
        }
        rows
    }
}

struct Training {
    /// Taken while the optimiser holds it.
    network: Option<Network>,
    loss: CrossEntropyLoss,
    optimizer: ModuleOptimizer,
}

impl Training {
    fn step(&mut self, images: &Tensor<4>, labels: &Tensor<1, Int>) -> Tensor<1> {
        let network = self.network.take().expect("it is there between steps");
        let loss = self
            .loss
            .forward(network.forward(images.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        self.network = Some(self.optimizer.step(1e-3, network, gradients));
        loss
    }
}

pub fn run(start: &Start) -> Result<Measured> {
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let mut batches = Vec::new();
    for (images, labels) in &start.batches {
        let labels: Vec<i32> = labels
            .to_vec1::<u32>()?
            .iter()
            .map(|&label| label as i32)
            .collect();
        let labels = TensorData::new(labels, [images.dim(0)?]);
        batches.push((tensor(images, &device)?, Tensor::from_data(labels, &device)));
    }
    let mut training = Training {
        network: Some(Network::new(start, &device)?),
        loss: CrossEntropyLoss::new(None, &device),
        optimizer: AdamConfig::new().with_epsilon(1e-7).init(),
    };
    let losses = batches
        .iter()
        .map(|(images, labels)| training.step(images, labels).into_scalar());
    let losses = losses.collect();
    let (images, labels) = &batches[0];
    let train_ms = median_ms(TRAIN_SECONDS, || {
        training.step(images, labels);
        Ok(())
    })?;
    let network = Network::new(start, &plain)?;
    let images: Tensor<4> = tensor(&start.batches[0].0, &plain)?;
    let one = images.clone().narrow(0, 0, 1);
    let infer = |images: &Tensor<4>| {
        median_ms(INFER_SECONDS, || {
            network.forward(images.clone());
            Ok(())
        })
    };
    Ok(Measured {
        peer: format!("Burn {} flex", version("burn")),
        train_ms,
        infer_ms: infer(&images)?,
        infer_one_ms: infer(&one)?,
        losses,
    })
}

fn tensor<const D: usize>(values: &candle_core::Tensor, device: &Device) -> Result<Tensor<D>> {
    let data = TensorData::new(
        values.flatten_all()?.to_vec1::<f32>()?,
        values.dims().to_vec(),
    );
    Ok(Tensor::from_data(data, device))
}
