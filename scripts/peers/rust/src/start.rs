//! First weights and batches, from Jingwei's layout (NHWC images, HWIO filters, dense weights [in, out]) to that of Burn
//! and candle (NCHW, OIHW).

use std::collections::HashMap;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};

/// Convolutions that a pooling follows: the first two in both workloads.
pub const POOLED: usize = 2;

/// A layer's weights.
pub struct Layer {
    /// A filter [out, in, height, width], or a matrix [in, out].
    pub kernel: Tensor,
    /// [out].
    pub bias: Tensor,
}

pub struct Start {
    pub convolutions: Vec<Layer>,
    pub dense: Vec<Layer>,
    /// Images [batch, channels, height, width] and labels [batch].
    pub batches: Vec<(Tensor, Tensor)>,
}

impl Start {
    pub fn load(folder: &str, workload: &str) -> Result<Self> {
        let path = format!("{folder}/{workload}.safetensors");
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu)
            .with_context(|| format!("{path}: cannot be read; torch_side.py writes it"))?;
        let mut convolutions = layers(&tensors, "conv2d")?;
        for layer in &mut convolutions {
            layer.kernel = layer.kernel.permute((3, 2, 0, 1))?.contiguous()?;
        }
        let mut dense = layers(&tensors, "dense")?;
        let channels = convolutions
            .last()
            .context("there are convolutions")?
            .bias
            .dim(0)?;
        let first = dense.first_mut().context("there are dense layers")?;
        first.kernel = by_channels(&first.kernel, channels)?;
        let images = tensors["batches/x"]
            .permute((0, 1, 4, 2, 3))?
            .contiguous()?;
        let labels = tensors["batches/labels"].to_dtype(DType::U32)?;
        let batches = (0..images.dim(0)?).map(|batch| Ok((images.get(batch)?, labels.get(batch)?)));
        Ok(Self {
            convolutions,
            dense,
            batches: batches.collect::<Result<_>>()?,
        })
    }
}

fn layers(tensors: &HashMap<String, Tensor>, kind: &str) -> Result<Vec<Layer>> {
    let get = |number: usize, part: &str| tensors.get(&format!("{kind}_{number}/{part}")).cloned();
    let layers = (1..).map_while(|number| {
        Some(Layer {
            kernel: get(number, "kernel")?,
            bias: get(number, "bias")?,
        })
    });
    Ok(layers.collect())
}

/// The rows of the first matrix after the convolutions, from [height, width, channels] to [channels, height, width].
fn by_channels(kernel: &Tensor, channels: usize) -> Result<Tensor> {
    let (rows, columns) = kernel.dims2()?;
    let side = (rows / channels).isqrt();
    let split = kernel.reshape((side, side, channels, columns))?;
    Ok(split.permute((2, 0, 1, 3))?.reshape((rows, columns))?)
}
