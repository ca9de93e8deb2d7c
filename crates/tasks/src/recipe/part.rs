//! How a recipe says where a part of the data comes from.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where the validation or test part comes from: `"folder/or/file"`, `{ fraction = 0.1 }` of the training data, or
/// `false` for none.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Part {
    /// There is none.
    #[default]
    None,
    /// Files of its own, relative to the recipe.
    Path(String),
    /// Held back from the training data.
    Held(Held),
}

/// A share of the training data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Held {
    /// The share, above 0 and below 1; default 0.1.
    pub fraction: f64,
    /// Whether each class gives the same share; default true.
    pub stratify: bool,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            fraction: 0.1,
            stratify: true,
        }
    }
}

impl Part {
    /// The default of the validation part: a stratified tenth.
    pub(super) fn tenth() -> Self {
        Self::Held(Held::default())
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_bool(false),
            Self::Path(path) => serializer.serialize_str(path),
            Self::Held(held) => held.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, a share such as { fraction = 0.1 }, or false for none")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Part, E> {
        match value {
            true => Err(E::invalid_value(de::Unexpected::Bool(true), &self)),
            false => Ok(Part::None),
        }
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<Part, E> {
        Ok(Part::Path(path.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part, A::Error> {
        Held::deserialize(MapAccessDeserializer::new(map)).map(Part::Held)
    }
}
