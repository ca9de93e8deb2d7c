//! Numbers in JSON, flat or nested, read without building a tree of them.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Lists of lists of numbers, with their shape.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Numbers {
    /// The lengths of the lists, outermost first.
    pub shape: Vec<usize>,
    /// The numbers in order.
    pub values: Vec<f32>,
}

/// Lists within lists.
const MOST_RANK: usize = 16;

/// What is known so far.
#[derive(Default)]
pub(crate) struct Reading {
    lengths: Vec<Option<usize>>,
    values: Vec<f32>,
    /// The depth at which numbers stand.
    leaves: Option<usize>,
}

impl Reading {
    /// Reads the elements of a list at a depth.
    pub(crate) fn list<'de, A: SeqAccess<'de>>(
        &mut self,
        depth: usize,
        mut list: A,
    ) -> Result<(), A::Error> {
        if depth == MOST_RANK {
            return Err(A::Error::custom(format_args!(
                "lists are nested deeper than {MOST_RANK}"
            )));
        }
        if self.lengths.len() == depth {
            self.lengths.push(None);
        }
        let mut length = 0;
        while list
            .next_element_seed(Element {
                reading: self,
                depth: depth + 1,
            })?
            .is_some()
        {
            length += 1;
        }
        match self.lengths[depth].replace(length) {
            Some(expected) if expected != length => {
                let reason =
                    format!("a list of {length} elements stands where others have {expected}");
                Err(A::Error::custom(reason))
            }
            _ => Ok(()),
        }
    }

    fn number<E: Error>(&mut self, depth: usize, value: f32) -> Result<(), E> {
        if *self.leaves.get_or_insert(depth) != depth || self.lengths.len() > depth {
            return Err(E::custom("numbers and lists stand side by side"));
        }
        self.values.push(value);
        Ok(())
    }

    /// What was read.
    pub(crate) fn finish(self) -> Numbers {
        let shape = self
            .lengths
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        Numbers {
            shape,
            values: self.values,
        }
    }
}

/// A number, or a list of elements.
struct Element<'r> {
    reading: &'r mut Reading,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a list of numbers")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.reading.number(self.depth, value as f32)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.reading.number(self.depth, value as f32)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.reading.number(self.depth, value as f32)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.reading.list(self.depth, list)
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Outermost;
        impl<'de> Visitor<'de> for Outermost {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Numbers, A::Error> {
                let mut reading = Reading::default();
                reading.list(0, list)?;
                Ok(reading.finish())
            }
        }
        deserializer.deserialize_seq(Outermost)
    }
}
