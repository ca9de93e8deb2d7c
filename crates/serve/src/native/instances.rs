//! `{"instances": […]}`: pictures in Base64, pixels or numbers as lists, rows by the names of their columns.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jingwei_bundle::Record;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::MOST_SAMPLES;
use crate::error::Refusal;
use crate::numbers::{Numbers, Reading};

/// One record in JSON.
pub(super) enum Instance {
    Picture(Vec<u8>),
    Text(String),
    /// Numbers, and the same as pixels if they all are whole numbers of 0 to 255.
    Numbers(Numbers, Option<Vec<u8>>),
    Row(Vec<(String, f32)>),
}

/// The body.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    instances: Instances,
}

struct Instances(Vec<Instance>);

/// Reads the body of a request; where the model reads no texts, a text is a picture in Base64.
pub(super) fn parse(body: &[u8], reads_text: bool) -> Result<Vec<Instance>, Refusal> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        Refusal::bad(format!("the body is not {{\"instances\": […]}}: {error}"))
    })?;
    let instances = body.instances.0.into_iter().enumerate();
    let decoded = instances.map(|(index, instance)| match instance {
        Instance::Text(text) if !reads_text => {
            picture(&text).map_err(|cause| Refusal::bad(format!("record {index}: {cause}")))
        }
        other => Ok(other),
    });
    decoded.collect()
}

impl Instance {
    /// The record, of a model that reads samples of `shape`.
    pub(super) fn record<'i>(
        &'i self,
        index: usize,
        shape: &[usize],
    ) -> Result<Record<'i>, Refusal> {
        match self {
            Self::Picture(bytes) => Ok(Record::Image(bytes)),
            Self::Text(text) => Ok(Record::Text(text)),
            Self::Row(row) => Ok(Record::Row(row)),
            Self::Numbers(numbers, _) if shape.len() == 1 && numbers.shape.len() == 1 => {
                Ok(Record::Numbers(&numbers.values))
            }
            Self::Numbers(numbers, pixels) => {
                let count: usize = shape.iter().product();
                let flat = shape.len() > 1 && numbers.shape == [count];
                // Grey pictures may leave out the last dimension, which is 1.
                let grey = shape
                    .split_last()
                    .is_some_and(|(&last, rest)| last == 1 && numbers.shape == rest);
                if !flat && !grey && numbers.shape != shape {
                    let found = &numbers.shape;
                    return Err(Refusal::bad(format!(
                        "record {index}: expected numbers of the shape {shape:?}, found {found:?}"
                    )));
                }
                let pixels = pixels.as_ref().ok_or_else(|| {
                    Refusal::bad(format!(
                        "record {index}: expected pixels that are whole numbers of 0 to 255"
                    ))
                })?;
                Ok(Record::Pixels(pixels))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Instances {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Instances;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Instances, A::Error> {
                let mut instances = Vec::new();
                while let Some(instance) = list.next_element()? {
                    if instances.len() == MOST_SAMPLES {
                        return Err(A::Error::custom(format_args!(
                            "more than {MOST_SAMPLES} records"
                        )));
                    }
                    instances.push(instance);
                }
                Ok(Instances(instances))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Single)
    }
}

struct Single;

impl<'de> Visitor<'de> for Single {
    type Value = Instance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a picture in Base64, a list of numbers, or an object of columns")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Instance, E> {
        Ok(Instance::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Instance, A::Error> {
        let mut reading = Reading::default();
        reading.list(0, list)?;
        let numbers = reading.finish();
        let pixel = |&value: &f32| {
            let whole = (0.0..=255.0).contains(&value) && value.fract() == 0.0;
            whole.then_some(value as u8)
        };
        let pixels = numbers.values.iter().map(pixel).collect();
        Ok(Instance::Numbers(numbers, pixels))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Instance, A::Error> {
        let mut row = Vec::new();
        let mut image = None;
        while let Some(key) = map.next_key::<String>()? {
            match map.next_value()? {
                Cell::Number(value) => row.push((key, value)),
                Cell::Text(text)
                    if matches!(&*key, "b64" | "image" | "text") && image.is_none() =>
                {
                    image = Some(text);
                }
                Cell::Text(_) => return Err(A::Error::custom(format!("`{key:.64}` is no number"))),
            }
        }
        match image {
            Some(_) if !row.is_empty() => {
                Err(A::Error::custom("a picture and columns in one record"))
            }
            Some(image) => Ok(Instance::Text(image)),
            None => Ok(Instance::Row(row)),
        }
    }
}

/// The value of a column, or a picture.
enum Cell {
    Number(f32),
    Text(String),
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Cell, E> {
                Ok(Cell::Number(value as f32))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Cell, E> {
                Ok(Cell::Number(value as f32))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell::Number(value as f32))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Value)
    }
}

/// A picture in Base64, as it is or as a data URL.
fn picture(text: &str) -> Result<Instance, String> {
    let data = match text.split_once(";base64,") {
        Some((kind, data)) if kind.starts_with("data:") => data,
        _ => text,
    };
    let bytes = STANDARD.decode(data);
    bytes
        .map(Instance::Picture)
        .map_err(|error| format!("a picture is not in Base64: {error}"))
}
