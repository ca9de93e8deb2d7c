//! Reading an inference request: JSON, then perhaps the bytes of tensors.

use std::fmt;
use std::marker::PhantomData;

use axum::http::HeaderMap;
use jingwei_bounds::{Budget, product};
use jingwei_bundle::{Bundle, Dim, InputEntry};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::error::Refusal;
use crate::numbers::Numbers;
use crate::state::check_samples;

/// The header that tells where the JSON ends.
pub(super) const JSON_LENGTH: &str = "inference-header-content-length";

/// The JSON of a request. Parameters that it does not know are ignored, as the protocol asks.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Request {
    pub id: Option<String>,
    #[serde(deserialize_with = "few")]
    inputs: Vec<Input>,
    #[serde(default, deserialize_with = "few")]
    pub outputs: Vec<Requested>,
    #[serde(default)]
    pub parameters: RequestParameters,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct RequestParameters {
    #[serde(default)]
    pub binary_data_output: bool,
}

#[derive(Debug, serde::Deserialize)]
struct Input {
    name: String,
    #[serde(deserialize_with = "few")]
    shape: Vec<usize>,
    datatype: String,
    #[serde(default)]
    parameters: InputParameters,
    data: Option<Numbers>,
}

#[derive(Debug, Default, serde::Deserialize)]
struct InputParameters {
    binary_data_size: Option<usize>,
    shared_memory_region: Option<String>,
}

/// An output that is asked for.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Requested {
    pub name: String,
    #[serde(default)]
    pub parameters: OutputParameters,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct OutputParameters {
    pub binary_data: Option<bool>,
    pub classification: Option<usize>,
    pub shared_memory_region: Option<String>,
}

/// The values of every input, in the model's order.
#[derive(Debug)]
pub(super) struct Values {
    pub samples: usize,
    pub inputs: Vec<Vec<f32>>,
}

/// Tensors of a request, and sizes of a tensor.
const MOST: usize = 1024;

/// A list that is not long; nobody has a use for more, and each element takes more memory than its JSON.
fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Few<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = list.next_element()? {
                if elements.len() == MOST {
                    return Err(A::Error::invalid_length(MOST + 1, &self));
                }
                elements.push(element);
            }
            Ok(elements)
        }
    }
    deserializer.deserialize_seq(Few(PhantomData))
}

/// Bytes that a byte of JSON may take: two of them make a number of four, in a list that is copied when it grows.
const BYTES_FOR_BYTE: usize = 8;

/// Cuts a body into JSON and bytes, and reads the JSON.
pub(super) fn parse<'b>(
    headers: &HeaderMap,
    body: &'b [u8],
    budget: &Budget,
) -> Result<(Request, &'b [u8]), Refusal> {
    let length = match headers.get(JSON_LENGTH) {
        None => body.len(),
        Some(length) => length
            .to_str()
            .ok()
            .and_then(|length| length.parse().ok())
            .filter(|&length| length <= body.len())
            .ok_or_else(|| {
                let found = body.len();
                Refusal::bad(format!(
                    "Inference-Header-Content-Length is no length within the body of {found} bytes"
                ))
            })?,
    };
    let (json, bytes) = body.split_at(length);
    // The binary tensors become as many bytes again.
    budget.take(
        json.len()
            .saturating_mul(BYTES_FOR_BYTE)
            .saturating_add(bytes.len()),
    )?;
    let request: Request = serde_json::from_slice(json).map_err(|error| {
        Refusal::bad(format!("the request is not as the protocol says: {error}"))
    })?;
    let shared = request
        .inputs
        .iter()
        .map(|input| &input.parameters.shared_memory_region);
    let outputs = request
        .outputs
        .iter()
        .map(|output| &output.parameters.shared_memory_region);
    if shared.chain(outputs).any(Option::is_some) {
        return Err(Refusal::bad(
            "shared memory is not supported: send tensors in the body",
        ));
    }
    Ok((request, bytes))
}

impl Request {
    /// The values of the inputs, after checking them against what the model reads.
    pub(super) fn values(&mut self, mut bytes: &[u8], bundle: &Bundle) -> Result<Values, Refusal> {
        let entries = bundle.inputs();
        let mut inputs: Vec<Option<Vec<f32>>> = vec![None; entries.len()];
        let mut samples = None;
        for input in &mut self.inputs {
            let place = entries.iter().position(|entry| entry.name == input.name);
            let place = place.ok_or_else(|| unknown(&input.name, entries))?;
            let count = input.check(&entries[place])?;
            if *samples.get_or_insert(count) != count {
                let reason = format!(
                    "input `{}` has {count} samples, others have another number",
                    input.name
                );
                return Err(Refusal::bad(reason));
            }
            let values = input.values(&mut bytes)?;
            if inputs[place].replace(values).is_some() {
                return Err(Refusal::bad(format!(
                    "input `{}` is there twice",
                    input.name
                )));
            }
        }
        if !bytes.is_empty() {
            let reason = format!("{} bytes behind the tensors belong to none", bytes.len());
            return Err(Refusal::bad(reason));
        }
        let missing = |place: usize| {
            Refusal::bad(format!(
                "input `{}` of shape {} is missing",
                entries[place].name,
                shape(&entries[place])
            ))
        };
        let inputs = inputs.into_iter().enumerate();
        let inputs: Result<Vec<_>, _> = inputs
            .map(|(place, values)| values.ok_or_else(|| missing(place)))
            .collect();
        Ok(Values {
            samples: samples.unwrap_or(0),
            inputs: inputs?,
        })
    }
}

impl Input {
    /// Checks type and shape; returns the number of samples.
    fn check(&self, entry: &InputEntry) -> Result<usize, Refusal> {
        let name = &entry.name;
        if self.datatype != "FP32" {
            let reason = format!(
                "input `{name}`: expected the datatype FP32, found {:.32}",
                self.datatype
            );
            return Err(Refusal::bad(reason));
        }
        match self.shape.split_first() {
            Some((&samples, rest)) if fits(rest, entry) => check_samples(samples).map(|()| samples),
            _ => {
                let (expected, found) = (shape(entry), &self.shape);
                Err(Refusal::bad(format!(
                    "input `{name}`: expected the shape {expected}, found {found:?}"
                )))
            }
        }
    }

    /// The values, from the JSON or from the front of `bytes`.
    fn values(&mut self, bytes: &mut &[u8]) -> Result<Vec<f32>, Refusal> {
        let name = &self.name;
        let expected = product(self.shape.iter().copied());
        let expected = expected.filter(|&values| values <= usize::MAX / size_of::<f32>());
        let expected = expected.ok_or_else(|| {
            let shape = &self.shape;
            Refusal::bad(format!(
                "input `{name}`: no body holds the values of the shape {shape:?}"
            ))
        })?;
        match (self.parameters.binary_data_size, self.data.take()) {
            (Some(size), None) => {
                let needed = expected * size_of::<f32>();
                if size != needed || size > bytes.len() {
                    let found = bytes.len();
                    let reason = format!(
                        "input `{name}`: expected {needed} bytes, {size} are stated, {found} are left in the body"
                    );
                    return Err(Refusal::bad(reason));
                }
                let (own, rest) = bytes.split_at(size);
                *bytes = rest;
                Ok(own
                    .as_chunks()
                    .0
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect())
            }
            (None, Some(data)) if data.shape == [expected] || data.shape == self.shape => {
                Ok(data.values)
            }
            (None, Some(data)) => {
                let (expected, found) = (&self.shape, data.shape);
                Err(Refusal::bad(format!(
                    "input `{name}`: expected data of the shape {expected:?}, flat or nested, found {found:?}"
                )))
            }
            (None, None) => Err(Refusal::bad(format!(
                "input `{name}` has neither `data` nor `binary_data_size`"
            ))),
            (Some(_), Some(_)) => Err(Refusal::bad(format!(
                "input `{name}` has both `data` and `binary_data_size`"
            ))),
        }
    }
}

/// Whether sizes are those of a sample; the length of a sequence is free.
fn fits(sizes: &[usize], entry: &InputEntry) -> bool {
    let same = |(size, dim): (&usize, &Dim)| match dim {
        Dim::Size(expected) => size == expected,
        Dim::Symbol(_) => *size > 0,
    };
    sizes.len() == entry.shape.len() && sizes.iter().zip(&entry.shape).all(same)
}

fn shape(entry: &InputEntry) -> String {
    let sizes: Vec<String> = entry.shape.iter().map(Dim::to_string).collect();
    format!(
        "[{}]",
        [&["samples".to_owned()], &sizes[..]].concat().join(", ")
    )
}

fn unknown(name: &str, entries: &[InputEntry]) -> Refusal {
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    Refusal::bad(format!(
        "the model has no input `{name:.64}`: it reads {}",
        names.join(", ")
    ))
}
