//! `model.safetensors`: written in one go, read piece by piece straight into its destinations.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use jingwei_engine::{AlignedVec, Layout};
use jingwei_files::hexadecimal;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorView};
use sha2::{Digest, Sha256};

use crate::{Error, InputEntry, Manifest, OutputEntry, Result, TensorEntry, files};

/// The numbers of a bundle.
pub(crate) struct Tensors {
    /// By the layout of the manifest's parameters.
    pub parameters: AlignedVec,
    /// By the layout of the manifest's states.
    pub states: AlignedVec,
    /// The raw numbers behind them; empty if there are none.
    pub raw: Vec<f32>,
    /// The recorded samples of each input.
    pub inputs: Vec<Vec<f32>>,
    /// The recorded values of each output.
    pub outputs: Vec<Vec<f32>>,
}

/// The name under which the recorded samples of an input are stored.
pub(crate) fn input_name(input: &InputEntry) -> String {
    format!("{RECORDED}input/{}", input.name)
}

/// The name under which the recorded values of an output are stored.
pub(crate) fn output_name(output: &OutputEntry) -> String {
    format!("{RECORDED}output/{}", output.name)
}

/// The name under which the raw numbers of recorded samples are stored.
pub(crate) const RAW: &str = "recorded/raw";

/// What the names of recorded tensors begin with, and no parameter's may.
pub(crate) const RECORDED: &str = "recorded/";

/// The layout of a table.
pub(crate) fn layout(entries: &[TensorEntry]) -> Layout {
    Layout::new(
        entries
            .iter()
            .map(|entry| (entry.name.clone(), entry.shape.clone())),
    )
}

/// Bytes to read at once: they stay in the cache while they are hashed and converted.
const CHUNK: usize = 1 << 18;

/// All tensors that the file must hold, by name, with their shapes.
fn expected(manifest: &Manifest) -> Vec<(String, Vec<usize>)> {
    let tables = manifest.parameters.iter().chain(&manifest.states);
    let stored = tables.map(|entry| (entry.name.clone(), entry.shape.clone()));
    let samples = manifest.recorded.samples;
    let time = manifest.recorded.time;
    let batched = |sizes: Vec<usize>| [&[samples], &sizes[..]].concat();
    let inputs = manifest
        .inputs
        .iter()
        .map(|i| (input_name(i), batched(i.sizes(time))));
    let outputs = manifest
        .outputs
        .iter()
        .map(|o| (output_name(o), batched(o.sizes(time))));
    let raw = manifest
        .raw_shape()
        .map(|shape| (RAW.to_owned(), batched(shape)));
    stored.chain(inputs).chain(outputs).chain(raw).collect()
}

/// Reads the file that a checked manifest describes.
pub(crate) fn read(path: &Path, manifest: &Manifest) -> Result<Tensors> {
    let expected = expected(manifest);
    let (mut file, size) = files::open(path)?;
    let refuse = |cause: String| Error::refused(path, cause);
    if size != manifest.weights.bytes {
        let stated = manifest.weights.bytes;
        return Err(refuse(format!(
            "has {size} bytes, the manifest states {stated}"
        )));
    }
    let mut hasher = Sha256::new();
    let header = read_header(&mut file, path, size, &expected, &mut hasher)?;
    let order = order(&header, size, &expected).map_err(refuse)?;
    let (parameters, states) = (layout(&manifest.parameters), layout(&manifest.states));
    let mut tensors = Tensors {
        parameters: AlignedVec::new(parameters.len()),
        states: AlignedVec::new(states.len()),
        raw: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let mut recorded = HashMap::new();
    let mut chunk = vec![0; CHUNK];
    for index in order {
        let (name, shape) = &expected[index];
        let mut values = Vec::new();
        let target = if let Some(entry) = parameters.entry(name) {
            &mut tensors.parameters[entry.range()]
        } else if let Some(entry) = states.entry(name) {
            &mut tensors.states[entry.range()]
        } else {
            values = vec![0.0; shape.iter().product()];
            &mut values
        };
        fill(&mut file, path, name, target, &mut chunk, &mut hasher)?;
        recorded.insert(name, values);
    }
    if hexadecimal(hasher) != manifest.weights.sha256 {
        return Err(refuse(
            "its SHA-256 is not the one that the manifest states".to_owned(),
        ));
    }
    let mut take = |name: String| recorded.remove(&name).unwrap_or_default();
    tensors.raw = take(RAW.to_owned());
    tensors.inputs = manifest
        .inputs
        .iter()
        .map(|input| take(input_name(input)))
        .collect();
    tensors.outputs = manifest
        .outputs
        .iter()
        .map(|output| take(output_name(output)))
        .collect();
    Ok(tensors)
}

/// Reads the length of the header and the header, which is bounded by what the expected tensors can need.
fn read_header(
    file: &mut File,
    path: &Path,
    size: u64,
    expected: &[(String, Vec<usize>)],
    hasher: &mut Sha256,
) -> Result<Vec<u8>> {
    let mut header = vec![0; 8];
    let reading = |error| Error::reading(path, error);
    if size < 8 {
        return Err(Error::refused(
            path,
            "is shorter than the length of its header",
        ));
    }
    file.read_exact(&mut header).map_err(reading)?;
    let length = u64::from_le_bytes(std::array::from_fn(|i| header[i]));
    let one = |(name, shape): &(String, Vec<usize>)| 256 + 6 * name.len() + 24 * shape.len();
    let most = 4096 + expected.iter().map(one).sum::<usize>() as u64;
    if length > most.min(size - 8) {
        let cause = format!("states a header of {length} bytes, too long for its tensors");
        return Err(Error::refused(path, cause));
    }
    header.resize(8 + length as usize, 0);
    file.read_exact(&mut header[8..]).map_err(reading)?;
    hasher.update(&header);
    Ok(header)
}

/// Checks the header against the expected tensors; returns their indices in the order of the file.
fn order(
    header: &[u8],
    size: u64,
    expected: &[(String, Vec<usize>)],
) -> std::result::Result<Vec<usize>, String> {
    unique_keys(&header[8..])?;
    let metadata: Metadata = serde_json::from_slice(&header[8..])
        .map_err(|error| format!("its header is wrong: {error}"))?;
    let mut infos: HashMap<String, _> = metadata.tensors();
    let mut order = Vec::new();
    for (index, (name, shape)) in expected.iter().enumerate() {
        let info = infos
            .remove(name)
            .ok_or_else(|| format!("lacks the tensor `{name}`"))?;
        if info.dtype != Dtype::F32 || info.shape != *shape {
            let (dtype, found) = (info.dtype, &info.shape);
            return Err(format!(
                "`{name}` should be F32 {shape:?}, found {dtype:?} {found:?}"
            ));
        }
        order.push((info.data_offsets, index));
    }
    if let Some(name) = infos.keys().min() {
        return Err(format!(
            "holds the tensor `{name}`, which the manifest does not name"
        ));
    }
    order.sort_unstable();
    let mut end = 0;
    for &((start, next), index) in &order {
        let len: usize = expected[index].1.iter().product();
        if start != end || next.checked_sub(start) != Some(len * size_of::<f32>()) {
            return Err(format!(
                "`{}` does not lie where it should",
                expected[index].0
            ));
        }
        end = next;
    }
    if (end + header.len()) as u64 != size {
        return Err(format!(
            "has {size} bytes, its tensors end at {}",
            end + header.len()
        ));
    }
    Ok(order.into_iter().map(|(_, index)| index).collect())
}

/// Refuses a JSON object that has a key twice, which parsers resolve in different ways.
fn unique_keys(json: &[u8]) -> std::result::Result<(), String> {
    struct Keys(HashSet<String>);
    impl<'de> serde::de::Visitor<'de> for Keys {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a table of tensors")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            mut self,
            mut map: A,
        ) -> std::result::Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                map.next_value::<serde::de::IgnoredAny>()?;
                if let Some(key) = self.0.replace(key) {
                    let cause = format!("the tensor `{key}` is there twice");
                    return Err(serde::de::Error::custom(cause));
                }
            }
            Ok(())
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    serde::de::Deserializer::deserialize_map(&mut reader, Keys(HashSet::new()))
        .map_err(|error| format!("its header is wrong: {error}"))
}

/// Reads, hashes and converts one tensor; every value must be finite.
fn fill(
    file: &mut File,
    path: &Path,
    name: &str,
    target: &mut [f32],
    chunk: &mut [u8],
    hasher: &mut Sha256,
) -> Result<()> {
    let mut at = 0;
    for target in target.chunks_mut(chunk.len() / size_of::<f32>()) {
        let bytes = &mut chunk[..size_of_val(target)];
        file.read_exact(bytes)
            .map_err(|error| Error::reading(path, error))?;
        hasher.update(&*bytes);
        let mut finite = true;
        for (value, bytes) in target.iter_mut().zip(bytes.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
            finite &= value.is_finite();
        }
        if let Some(bad) = target
            .iter()
            .position(|value| !finite && !value.is_finite())
        {
            let cause = format!("`{name}`: value {} is {}", at + bad, target[bad]);
            return Err(Error::refused(path, cause));
        }
        at += target.len();
    }
    Ok(())
}

/// Sizes and bytes of tensors, by name.
pub(crate) type Named = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

/// The bytes of a file of these tensors.
pub(crate) fn serialize(tensors: &Named) -> Result<Vec<u8>> {
    let mut views = Vec::new();
    for (name, (shape, bytes)) in tensors {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
            .map_err(|error| Error::Parts(error.to_string()))?;
        views.push((name, view));
    }
    safetensors::serialize(views, None).map_err(|error| Error::Parts(error.to_string()))
}
