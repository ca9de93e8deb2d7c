//! Where a measurement starts: first weights and batches.

use std::path::Path;

use anyhow::{Context, Result, bail};
use jingwei_engine::{AlignedVec, Layout};
use jingwei_nn::ParameterSpec;
use jingwei_train::fit::{Functions, Weights};
use safetensors::{Dtype, SafeTensors};

use super::{BATCHES, Workload};

/// First weights and batches.
pub struct Start {
    /// The parameters and states.
    pub weights: Weights,
    /// Samples of all batches, one after another.
    pub samples: Vec<f32>,
    /// Their classes, or those of each of their tokens.
    pub labels: Vec<u32>,
}

impl Start {
    /// Reads a safetensors file that holds every parameter by its name, `batches/x` and `batches/labels`.
    pub fn read(path: &Path, workload: Workload, functions: &Functions) -> Result<Self> {
        let place = || path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", place()))?;
        let tensors = SafeTensors::deserialize(&bytes)
            .with_context(|| format!("{}: is no safetensors file", place()))?;
        let get = |name: &str, sizes: &[usize]| {
            let tensor = tensors
                .tensor(name)
                .with_context(|| format!("{}: has no tensor `{name}`", place()))?;
            if tensor.shape() != sizes || tensor.dtype() != Dtype::F32 {
                let (shape, kind) = (tensor.shape(), tensor.dtype());
                bail!(
                    "{}: `{name}` is {shape:?} of {kind:?}; {} takes {sizes:?} of F32",
                    place(),
                    workload.name()
                );
            }
            let (values, _) = tensor.data().as_chunks::<4>();
            Ok(values
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect::<Vec<f32>>())
        };
        let sizes = [&[BATCHES, workload.batch()], workload.sizes()].concat();
        let labels = match workload.is_language_model() {
            true => get("batches/labels", &sizes)?,
            false => get("batches/labels", &sizes[..2])?,
        };
        let mut weights = first_weights(functions);
        for entry in functions.training.parameters.entries() {
            weights.parameters[entry.range()].copy_from_slice(&get(&entry.name, &entry.sizes)?);
        }
        Ok(Self {
            weights,
            samples: get("batches/x", &sizes)?,
            labels: labels.into_iter().map(|label| label as u32).collect(),
        })
    }

    /// Weights by seed 0 and noise; the classes go round.
    pub fn made_up(workload: Workload, functions: &Functions) -> Self {
        let samples = BATCHES * workload.batch();
        let value = |index| match workload.vocabulary() {
            Some(tokens) => (noise(index) * tokens as f32).floor(),
            None => noise(index),
        };
        Self {
            weights: first_weights(functions),
            samples: (0..(samples * workload.sample_len()) as u64)
                .map(value)
                .collect(),
            labels: (0..samples * workload.labels_len())
                .map(|sample| (sample % workload.classes()) as u32)
                .collect(),
        }
    }
}

fn first_weights(functions: &Functions) -> Weights {
    let values = |layout: &Layout, initial: &dyn Fn(usize) -> Vec<f32>| {
        let mut values = AlignedVec::new(layout.len());
        for (at, entry) in layout.entries().iter().enumerate() {
            values[entry.range()].copy_from_slice(&initial(at));
        }
        values
    };
    let parameter = |spec: &ParameterSpec| spec.initial(0);
    Weights {
        parameters: values(&functions.training.parameters, &|at| {
            parameter(&functions.parameters[at])
        }),
        states: values(&functions.training.states, &|at| {
            functions.states[at].initial()
        }),
    }
}

/// A number in [0, 1) that looks random.
fn noise(index: u64) -> f32 {
    (jingwei_random::mix(0, index.wrapping_add(1)) >> 40) as f32 / (1 << 24) as f32
}
