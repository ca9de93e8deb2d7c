//! A layer with its name and its inputs, as a recipe writes it.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Layer;

/// A layer in its place in a network.
///
/// In a recipe it is a table of one layer by its kind, and where the order of the list does not say it, of `name` and
/// `inputs`: `{ name = "stem", inputs = ["image"], conv2d = { filters = 16, kernel = 3 } }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The layer's own name; if none is given, its kind and a number, such as `conv2d_1`.
    pub name: Option<String>,
    /// The names of what it takes; if none is given, the entry before it, or the network's only input.
    pub inputs: Vec<String>,
    /// The layer.
    pub layer: Layer,
}

impl<L: Into<Layer>> From<L> for Entry {
    fn from(layer: L) -> Self {
        Self {
            name: None,
            inputs: Vec::new(),
            layer: layer.into(),
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// A layer's settings without its kind.
        struct Settings<'a>(&'a Layer);

        impl Serialize for Settings<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize_settings(serializer)
            }
        }

        let mut map = serializer.serialize_map(None)?;
        if let Some(name) = &self.name {
            map.serialize_entry("name", name)?;
        }
        if !self.inputs.is_empty() {
            map.serialize_entry("inputs", &self.inputs)?;
        }
        map.serialize_entry(self.layer.kind(), &Settings(&self.layer))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of one layer, such as { dense = { units = 10 } }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let (mut name, mut inputs, mut layer) = (None, None, None::<Layer>);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Name if name.is_none() => name = Some(map.next_value::<String>()?),
                Key::Name => return Err(de::Error::duplicate_field("name")),
                Key::Inputs if inputs.is_none() => inputs = Some(map.next_value::<Names>()?.0),
                Key::Inputs => return Err(de::Error::duplicate_field("inputs")),
                Key::Kind(kind) => {
                    if let Some(earlier) = &layer {
                        let earlier = earlier.kind();
                        let text = format!(
                            "one layer an entry, but there are `{earlier}` and `{kind}`; write two entries"
                        );
                        return Err(de::Error::custom(text));
                    }
                    layer = Layer::read(kind, &mut map)?;
                }
            }
        }
        let layer = layer.ok_or_else(|| {
            de::Error::custom("a layer is missing, such as dense = { units = 10 }")
        })?;
        Ok(Entry {
            name,
            inputs: inputs.unwrap_or_default(),
            layer,
        })
    }
}

enum Key {
    Name,
    Inputs,
    Kind(&'static str),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`name`, `inputs` or a kind of layer")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
        match key {
            "name" => Ok(Key::Name),
            "inputs" => Ok(Key::Inputs),
            kind => {
                let known = Layer::KINDS.iter().find(|known| **known == kind);
                known
                    .map(|kind| Key::Kind(kind))
                    .ok_or_else(|| E::unknown_field(kind, Layer::KINDS))
            }
        }
    }
}

/// One name or a list of names.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names, or one name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Names, E> {
        Ok(Names(vec![name.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        Ok(Names(names))
    }
}
