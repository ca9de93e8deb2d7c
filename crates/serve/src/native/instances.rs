//! `{"instances": […]}`: pictures in Base64, pixels or numbers as lists, rows by the names of their columns.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jingwei_bounds::Budget;
use jingwei_bundle::Record;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::MOST_SAMPLES;
use crate::error::Refusal;
use crate::numbers::{Numbers, Purse, Reading};

/// One record in JSON.
pub(super) enum Instance {
    Picture(Vec<u8>),
    Text(String),
    /// Numbers, and the same as pixels if they all are whole numbers of 0 to 255.
    Numbers(Numbers, Option<Vec<u8>>),
    Row(Vec<(String, f32)>),
}

/// Reads the body of a request; where the model reads no texts, a text is a picture in Base64.
pub(super) fn parse(
    body: &[u8],
    reads_text: bool,
    budget: &Budget,
) -> Result<Vec<Instance>, Refusal> {
    let purse = Purse::new(budget);
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = Body(&purse).deserialize(&mut json);
    let parsed = parsed.and_then(|instances| json.end().map(|()| instances));
    let instances = parsed.map_err(|error| match purse.exceeded() {
        Some(exceeded) => Refusal::from(exceeded),
        None => Refusal::bad(format!("the body is not {{\"instances\": […]}}: {error}")),
    })?;
    let decoded = instances.into_iter().enumerate().map(|(index, instance)| {
        let Instance::Text(text) = &instance else {
            return Ok(instance);
        };
        if reads_text {
            return Ok(instance);
        }
        budget.take(text.len())?;
        let picture = picture(text);
        // The text goes.
        budget.give_back(text.len());
        picture.map_err(|cause| Refusal::bad(format!("record {index}: {cause}")))
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

/// The body: an object with the one key `instances`.
struct Body<'p>(&'p Purse<'p>);

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = Vec<Instance>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = Vec<Instance>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the key `instances`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Instance>, A::Error> {
        const KEY: &str = "instances";
        let mut instances = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != KEY {
                return Err(A::Error::custom(format!("unknown field `{key:.64}`")));
            }
            if instances.is_some() {
                return Err(A::Error::duplicate_field(KEY));
            }
            instances = Some(map.next_value_seed(List(self.0))?);
        }
        instances.ok_or_else(|| A::Error::missing_field(KEY))
    }
}

struct List<'p>(&'p Purse<'p>);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Vec<Instance>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<Instance>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Instance>, A::Error> {
        let mut instances = Vec::new();
        while let Some(instance) = list.next_element_seed(Single(self.0))? {
            if instances.len() == MOST_SAMPLES {
                return Err(A::Error::custom(format_args!(
                    "more than {MOST_SAMPLES} records"
                )));
            }
            // A list is up to twice as long as it must be.
            self.0.take::<A::Error>(2 * size_of::<Instance>())?;
            instances.push(instance);
        }
        Ok(instances)
    }
}

/// One record.
struct Single<'p>(&'p Purse<'p>);

impl<'de> DeserializeSeed<'de> for Single<'_> {
    type Value = Instance;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Instance, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Single<'_> {
    type Value = Instance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a picture in Base64, a list of numbers, or an object of columns")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Instance, E> {
        self.0.take::<E>(text.len())?;
        Ok(Instance::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Instance, A::Error> {
        let mut reading = Reading::new(self.0);
        reading.list(0, list)?;
        let numbers = reading.finish();
        let pixel = |&value: &f32| {
            let whole = (0.0..=255.0).contains(&value) && value.fract() == 0.0;
            whole.then_some(value as u8)
        };
        // A list that grows is up to twice as long as it must be.
        self.0.take::<A::Error>(2 * numbers.values.len())?;
        let pixels = numbers.values.iter().map(pixel).collect();
        Ok(Instance::Numbers(numbers, pixels))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Instance, A::Error> {
        // What a name takes beside its bytes.
        const NAME: usize = 16;
        let mut row: Vec<(String, f32)> = Vec::new();
        let mut image = None;
        while let Some(key) = map.next_key::<String>()? {
            match map.next_value()? {
                Cell::Number(value) => {
                    let bytes = key.len() + NAME + 2 * size_of::<(String, f32)>();
                    self.0.take::<A::Error>(bytes)?;
                    row.push((key, value));
                }
                Cell::Text(text)
                    if matches!(&*key, "b64" | "image" | "text") && image.is_none() =>
                {
                    self.0.take::<A::Error>(text.len())?;
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
