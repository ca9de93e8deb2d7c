//! Writing a bundle.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use jingwei_data::Preparation;
use jingwei_engine::{AlignedVec, Function, Layout, Runtime, Weights};
use jingwei_files::hexadecimal;
use jingwei_graph::{Graph, passes};
use sha2::{Digest, Sha256};

use crate::check::{inputs, sample_shape};
use crate::hash::bytes;
use crate::recorded::Raw;
use crate::runner::Runner;
use crate::samples::{self, Samples};
use crate::tensors::{Named, RAW, RECORDED, input_name, output_name, serialize};
use crate::{
    Error, FORMAT, InputEntry, Limits, MANIFEST_FILE, Manifest, OutputEntry, OutputKind,
    RECIPE_FILE, REPORT_FILE, Reading, Recorded, Result, TensorEntry, VERSION, WEIGHTS_FILE,
    WeightsEntry, seal, weights_hash,
};

/// What a bundle is made of.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    /// What the model is for, as in the recipe, such as `image-classification`.
    pub task: &'a str,
    /// The computation of inference, with the batch as a symbol; what its outputs do not need is left out.
    pub function: &'a Function,
    /// Name and kind of each of the function's outputs, in order.
    pub outputs: &'a [(&'a str, OutputKind)],
    /// The parameters, by the function's layout.
    pub parameters: &'a [f32],
    /// The states, by the function's layout.
    pub states: &'a [f32],
    /// From raw records to the input.
    pub preparation: Option<&'a Preparation>,
    /// Where in files records and answers stand; none if there were no files.
    pub reading: Option<&'a Reading>,
    /// Prepared samples whose predictions are recorded, `samples × sample` for each input in the order of the graph;
    /// none for made-up ones, which with a preparation are raw records that [`Bundle::verify`](crate::Bundle::verify)
    /// prepares too. A bundle may travel further than data may: give no samples of data that must not.
    pub samples: &'a [&'a [f32]],
    /// The length of their sequences, padding included; 0 if they are none.
    pub time: usize,
    /// How good the model is, in any form.
    pub metrics: serde_json::Value,
    /// `report.html`.
    pub report: Option<&'a str>,
    /// `recipe.toml`.
    pub recipe: Option<&'a str>,
}

/// What becomes of a bundle that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and writing fails.
    Refuse,
    /// It is replaced, in one step. A folder that holds anything else than a bundle is never replaced.
    Replace,
}

/// Writes a bundle, after computing the predictions that it records.
///
/// The files are written beside `folder` under a temporary name, synced, and renamed: whatever happens meanwhile, a
/// bundle that was there stays as it was.
///
/// # Errors
/// [`Error::Parts`] if the parts do not fit each other, [`Error::Exists`] if the folder is in use, [`Error::File`] if
/// it cannot be written.
pub fn write(
    folder: impl AsRef<Path>,
    parts: &Parts<'_>,
    runtime: &Runtime,
    existing: Existing,
) -> Result<()> {
    let folder = folder.as_ref();
    check_destination(folder, existing)?;
    let draft = Draft::new(parts)?;
    let (manifest, weights) = draft.record(parts, runtime)?;
    let json = encode(&manifest)?;
    let target = crate::files::Draft::new(folder)?;
    target.write(WEIGHTS_FILE, &[&weights])?;
    target.write(MANIFEST_FILE, &[&json])?;
    for (name, text) in [(REPORT_FILE, parts.report), (RECIPE_FILE, parts.recipe)] {
        if let Some(text) = text {
            target.write(name, &[text.as_bytes()])?;
        }
    }
    target.put_in_place(existing)
}

/// A folder may be written if it is not there or empty, or if it holds a bundle and nothing else and may be replaced.
fn check_destination(folder: &Path, existing: Existing) -> Result<()> {
    let in_use = |cause: String, remedy| Error::Exists {
        path: folder.to_owned(),
        cause,
        remedy,
    };
    let files = match std::fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::writing(folder, error)),
    };
    let own = [WEIGHTS_FILE, MANIFEST_FILE, REPORT_FILE, RECIPE_FILE];
    for file in files {
        let name = file
            .map_err(|error| Error::writing(folder, error))?
            .file_name();
        if existing == Existing::Refuse {
            let cause = "is already there".to_owned();
            return Err(in_use(
                cause,
                "choose another name, or ask for it to be replaced",
            ));
        }
        if !own.iter().any(|own| name == *own) {
            let cause = format!("holds `{}`, which is no part of a bundle", name.display());
            return Err(in_use(cause, "choose another name, or move that file away"));
        }
    }
    Ok(())
}

/// The graph without what inference does not need, and the tables around it.
struct Draft {
    function: Function,
    parameters: Arc<AlignedVec>,
    states: Arc<AlignedVec>,
    inputs: Vec<InputEntry>,
    outputs: Vec<OutputEntry>,
}

impl Draft {
    fn new(parts: &Parts<'_>) -> Result<Self> {
        let Function {
            graph,
            outputs,
            parameters,
            states,
            ..
        } = parts.function;
        let (graph, nodes) = passes::simplify(graph, outputs);
        if parts.outputs.len() != nodes.len() {
            let (names, found) = (parts.outputs.len(), nodes.len());
            return Err(Error::Parts(format!(
                "{names} outputs are named, {found} are computed"
            )));
        }
        let mut outputs = Vec::new();
        for (&(name, kind), &node) in parts.outputs.iter().zip(&nodes) {
            let shape = sample_shape(graph.shape(node)).ok_or_else(|| {
                let shape = graph.shape(node);
                Error::Parts(format!(
                    "output `{name}` has the shape {shape}, not [batch, sizes…]"
                ))
            })?;
            outputs.push(OutputEntry {
                name: name.to_owned(),
                node,
                shape,
                kind,
            });
        }
        check_values("parameters", parameters, parts.parameters)?;
        check_values("states", states, parts.states)?;
        let (parameters, parameter_values) = read_by(&graph, parameters, parts.parameters);
        let (states, state_values) = read_by(&graph, states, parts.states);
        Ok(Self {
            inputs: inputs(&graph).map_err(Error::Parts)?,
            outputs,
            function: Function::new(graph, nodes, parameters, states).frozen(),
            parameters: Arc::new(parameter_values),
            states: Arc::new(state_values),
        })
    }

    /// Computes the predictions, and makes the manifest and the bytes of the weights.
    fn record(&self, parts: &Parts<'_>, runtime: &Runtime) -> Result<(Manifest, Vec<u8>)> {
        let runner = Runner::new(
            self.function.clone(),
            self.inputs.clone(),
            self.outputs.clone(),
            Weights::new(self.parameters.clone(), self.states.clone()),
            runtime.clone(),
            Arc::new(
                self.function
                    .plan_for(1, samples::time(&self.inputs), runtime.level())?,
            ),
        );
        let predict = |spread| -> Result<(Samples, Vec<Vec<f32>>)> {
            let samples = Samples::new(parts, &self.inputs, &self.outputs, &runner, spread)?;
            let slices: Vec<&[f32]> = samples.inputs.iter().map(Vec::as_slice).collect();
            let (recorded, _) = runner.run_recorded(&slices, samples.count)?;
            Ok((samples, recorded))
        };
        let (mut samples, mut recorded) = predict(1.0)?;
        if !recorded.iter().flatten().all(|value| value.is_finite()) {
            // Made-up numbers may lie farther apart than any that the model was trained on. A model that overflows there
            // has a prediction in the middle all the same.
            (samples, recorded) = predict(0.0)?;
        }
        let weights = serialize(&self.tensors(&samples, &recorded)?)?;
        Ok((self.manifest(parts, runtime, &samples, &weights), weights))
    }

    /// Everything that `model.safetensors` holds.
    fn tensors(&self, samples: &Samples, recorded: &[Vec<f32>]) -> Result<Named> {
        let mut tensors = Named::new();
        let tables = [
            (&self.function.parameters, &self.parameters),
            (&self.function.states, &self.states),
        ];
        for (layout, values) in tables {
            for entry in layout.entries() {
                let content = (entry.sizes.clone(), bytes(&values[entry.range()]));
                tensors.insert(entry.name.clone(), content);
            }
        }
        let (count, time) = (samples.count, samples.time);
        let mut insert = |name, sizes: Vec<usize>, values: &[f32]| {
            let shape = [&[count], &sizes[..]].concat();
            tensors.insert(name, (shape, bytes(values)));
        };
        for (input, values) in self.inputs.iter().zip(&samples.inputs) {
            insert(input_name(input), input.sizes(time), values);
        }
        for (output, values) in self.outputs.iter().zip(recorded) {
            finite(&output.name, values)?;
            insert(output_name(output), output.sizes(time), values);
        }
        if let Some(Raw::Numbers(raw)) = &samples.raw {
            insert(RAW.to_owned(), self.inputs[0].sizes(time), raw);
        }
        Ok(tensors)
    }

    fn manifest(
        &self,
        parts: &Parts<'_>,
        runtime: &Runtime,
        samples: &Samples,
        weights: &[u8],
    ) -> Manifest {
        let parameters = &self.function.parameters;
        Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            library: env!("CARGO_PKG_VERSION").to_owned(),
            task: parts.task.to_owned(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            parameters: TensorEntry::list(parameters),
            states: TensorEntry::list(&self.function.states),
            preparation: parts.preparation.cloned(),
            reading: parts.reading.cloned(),
            recorded: Recorded {
                samples: samples.count,
                time: samples.time,
                level: runtime.level().to_string(),
                records: samples.raw.as_ref().map(Raw::entry),
            },
            weights: WeightsEntry {
                bytes: weights.len() as u64,
                sha256: hexadecimal(Sha256::new_with_prefix(weights)),
                parameters_sha256: weights_hash(parameters, &self.parameters),
            },
            metrics: parts.metrics.clone(),
            graph: self.function.graph.clone(),
        }
    }
}

/// The tensors of a layout that a graph reads, with their values.
fn read_by(graph: &Graph, layout: &Layout, values: &[f32]) -> (Layout, AlignedVec) {
    let kept = layout_read_by(graph, layout);
    let mut chosen = AlignedVec::new(kept.len());
    let names: HashSet<&str> = kept.entries().iter().map(|entry| &*entry.name).collect();
    let read = layout.entries().iter();
    let read = read.filter(|entry| names.contains(&*entry.name));
    for (from, to) in read.zip(kept.entries()) {
        chosen[to.range()].copy_from_slice(&values[from.range()]);
    }
    (kept, chosen)
}

/// The tensors of a layout that a graph reads.
pub(crate) fn layout_read_by(graph: &Graph, layout: &Layout) -> Layout {
    let nodes = graph.nodes().iter();
    let names: HashSet<&str> = nodes.filter_map(|node| node.op.leaf_name()).collect();
    let read = layout.entries().iter();
    let read = read.filter(|entry| names.contains(&*entry.name));
    Layout::new(read.map(|entry| (entry.name.clone(), entry.sizes.clone())))
}

fn check_values(kind: &str, layout: &Layout, values: &[f32]) -> Result<()> {
    if values.len() != layout.len() {
        let (expected, found) = (layout.len(), values.len());
        return Err(Error::Parts(format!(
            "{found} {kind} are given, the layout has {expected}"
        )));
    }
    for entry in layout.entries() {
        finite(&entry.name, &values[entry.range()])?;
        if entry.name.starts_with(RECORDED) || entry.name == "__metadata__" {
            return Err(Error::Parts(format!(
                "the name `{}` is reserved",
                entry.name
            )));
        }
    }
    Ok(())
}

pub(crate) fn finite(name: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::Parts(format!(
            "`{name}`: value {at} is {}",
            values[at]
        ))),
        None => Ok(()),
    }
}

/// The manifest as sealed JSON, read back to be sure that it says the same and will be read.
pub(crate) fn encode(manifest: &Manifest) -> Result<Vec<u8>> {
    let limits = Limits::default();
    manifest.check(&limits).map_err(Error::Parts)?;
    let json = serde_json::to_vec(manifest).map_err(|error| Error::Parts(error.to_string()))?;
    let back: Manifest = serde_json::from_slice(&json)
        .map_err(|error| Error::Parts(format!("the manifest cannot be read back: {error}")))?;
    if back != *manifest {
        return Err(Error::Parts(
            "the manifest reads back differently".to_owned(),
        ));
    }
    let sealed = seal(&json);
    if sealed.len() as u64 > limits.manifest_bytes {
        let (found, most) = (sealed.len(), limits.manifest_bytes);
        return Err(Error::Parts(format!(
            "the manifest has {found} bytes, the limit is {most}"
        )));
    }
    Ok(sealed)
}
