//! Whether a bundle could be loaded, before there are any weights.

use jingwei_engine::Runtime;
use jingwei_graph::passes;

use crate::bundle::{check_memory, function};
use crate::check::{inputs, sample_shape};
use crate::write::{encode, layout_read_by};
use crate::{
    Error, FORMAT, InputEntry, Limits, Manifest, OutputEntry, Parts, Recorded, Result, TensorEntry,
    VERSION, WeightsEntry,
};

/// Samples and steps of the predictions that are recorded, as far as they are foreseen.
const SAMPLES: usize = 16;

/// Checks that a bundle of these parts could be loaded again under the default [`Limits`], with the checks that loading
/// makes, so that no training ends in a model that nothing can read. Weights and samples of the parts are not looked
/// at; `reserved` bytes are left in the manifest for what is known only after the training, such as its metrics.
///
/// # Errors
/// [`Error::Parts`] with the first limit that is exceeded.
pub fn foresee(parts: &Parts<'_>, runtime: &Runtime, reserved: usize) -> Result<()> {
    let limits = Limits::default();
    let manifest = manifest(parts, runtime)?;
    let json = serde_json::to_vec(&manifest).map_err(|error| Error::Parts(error.to_string()))?;
    let bytes = json.len() as u64 + reserved as u64;
    if bytes > limits.manifest_bytes {
        return Err(Error::Parts(format!(
            "its manifest takes {bytes} bytes with the names of classes, columns and tokens in it, and the limit is {}; \
             give fewer or shorter names, or a smaller vocabulary",
            limits.manifest_bytes
        )));
    }
    encode(&manifest)?;
    manifest.check_readers(&limits).map_err(Error::Parts)?;
    check_memory(
        &function(&manifest, &limits),
        manifest.recorded.time,
        &limits,
    )
    .map(|_| ())
    .map_err(|cause| Error::Parts(format!("the model {cause}; use smaller layers")))
}

/// The manifest with room for everything that is not known yet.
fn manifest(parts: &Parts<'_>, runtime: &Runtime) -> Result<Manifest> {
    let (graph, nodes) = passes::simplify(&parts.function.graph, &parts.function.outputs);
    let output = |(&(name, kind), &node): (&(&str, _), _)| {
        let shape = graph.shape(node);
        Ok(OutputEntry {
            name: name.to_owned(),
            node,
            shape: sample_shape(shape)
                .ok_or_else(|| Error::Parts(format!("output `{name}` has the shape {shape}")))?,
            kind,
        })
    };
    let outputs = parts.outputs.iter().zip(&nodes).map(output);
    let outputs = outputs.collect::<Result<_>>()?;
    let inputs = inputs(&graph).map_err(Error::Parts)?;
    let is_sequence = inputs.iter().any(InputEntry::is_sequence);
    let digest = "0".repeat(64);
    Ok(Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        library: env!("CARGO_PKG_VERSION").to_owned(),
        task: parts.task.to_owned(),
        inputs,
        outputs,
        parameters: TensorEntry::list(&layout_read_by(&graph, &parts.function.parameters)),
        states: TensorEntry::list(&layout_read_by(&graph, &parts.function.states)),
        preparation: parts.preparation.cloned(),
        reading: parts.reading.cloned(),
        recorded: Recorded {
            samples: SAMPLES,
            time: if is_sequence { SAMPLES } else { 0 },
            level: runtime.level().to_string(),
            // They are made up from the preparation, and small.
            records: None,
        },
        weights: WeightsEntry {
            bytes: u64::MAX,
            sha256: digest.clone(),
            parameters_sha256: digest,
        },
        metrics: parts.metrics.clone(),
        graph,
    })
}
