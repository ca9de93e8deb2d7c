//! Numbers in JSON, flat or nested, read without building a tree of them.

use std::cell::Cell;
use std::fmt;

use jingwei_bounds::{Budget, Exceeded};
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

/// What reading JSON takes from a budget. A reader of JSON has only one kind of error, so that of the budget is kept
/// aside.
pub(crate) struct Purse<'b> {
    budget: &'b Budget,
    exceeded: Cell<Option<Exceeded>>,
}

impl<'b> Purse<'b> {
    pub(crate) fn new(budget: &'b Budget) -> Self {
        Self {
            budget,
            exceeded: Cell::new(None),
        }
    }

    pub(crate) fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        self.budget.take(bytes).map_err(|exceeded| {
            self.exceeded.set(Some(exceeded));
            E::custom(exceeded)
        })
    }

    /// Why reading ended, if the budget did.
    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }
}

/// What is known so far.
pub(crate) struct Reading<'p> {
    purse: &'p Purse<'p>,
    lengths: Vec<Option<usize>>,
    values: Vec<f32>,
    /// The depth at which numbers stand.
    leaves: Option<usize>,
}

impl<'p> Reading<'p> {
    pub(crate) fn new(purse: &'p Purse<'p>) -> Self {
        Self {
            purse,
            lengths: Vec::new(),
            values: Vec::new(),
            leaves: None,
        }
    }

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
        let capacity = self.values.capacity();
        if self.values.len() == capacity {
            let more = capacity.max(16);
            self.purse.take::<E>(more * size_of::<f32>())?;
            self.values.reserve_exact(more);
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
struct Element<'r, 'p> {
    reading: &'r mut Reading<'p>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
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

/// Reads lists of numbers within a budget.
pub(crate) struct Lists<'p>(pub(crate) &'p Purse<'p>);

impl<'de> DeserializeSeed<'de> for Lists<'_> {
    type Value = Numbers;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Numbers, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Lists<'_> {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Numbers, A::Error> {
        let mut reading = Reading::new(self.0);
        reading.list(0, list)?;
        Ok(reading.finish())
    }
}

/// Without a budget, for bodies whose whole length was taken from one.
impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let budget = Budget::unlimited();
        Lists(&Purse::new(&budget)).deserialize(deserializer)
    }
}
