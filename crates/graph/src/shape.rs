//! Dimensions and shapes.

use std::fmt;

use jingwei_bounds::product;
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{MOST_DIMENSIONS, MOST_VALUES};

/// A dimension whose size is known only when a graph runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symbol {
    /// The number of samples in a batch.
    Batch,
    /// The number of steps of a sequence.
    Time,
}

/// One dimension: a number, or a symbol that [`crate::passes::bind`] replaces by one.
///
/// In a file it is a number or the symbol's name: `["batch", 28, 28, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A known size.
    Size(usize),
    /// A size that is known at run time.
    Symbol(Symbol),
}

impl From<usize> for Dim {
    fn from(size: usize) -> Self {
        Self::Size(size)
    }
}

impl Serialize for Dim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Size(size) => size.serialize(serializer),
            Self::Symbol(symbol) => symbol.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Dim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DimVisitor)
    }
}

struct DimVisitor;

impl Visitor<'_> for DimVisitor {
    type Value = Dim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size, \"batch\" or \"time\"")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Dim, E> {
        let size = usize::try_from(value);
        size.map(Dim::Size)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Dim, E> {
        let size = usize::try_from(value);
        size.map(Dim::Size)
            .map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Dim, E> {
        match value {
            "batch" => Ok(Dim::Symbol(Symbol::Batch)),
            "time" => Ok(Dim::Symbol(Symbol::Time)),
            _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => size.fmt(f),
            Self::Symbol(Symbol::Batch) => f.write_str("batch"),
            Self::Symbol(Symbol::Time) => f.write_str("time"),
        }
    }
}

/// The shape of a tensor, outermost dimension first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(pub Vec<Dim>);

impl Shape {
    /// The shape of a single number.
    #[must_use]
    pub fn scalar() -> Self {
        Self(Vec::new())
    }

    /// A shape of known sizes.
    #[must_use]
    pub fn fixed(sizes: &[usize]) -> Self {
        Self(sizes.iter().map(|&size| Dim::Size(size)).collect())
    }

    /// A batch of samples of known sizes.
    ///
    /// ```
    /// use jingwei_graph::Shape;
    /// assert_eq!(Shape::batch_of(&[28, 28, 1]).to_string(), "[batch, 28, 28, 1]");
    /// ```
    #[must_use]
    pub fn batch_of(sizes: &[usize]) -> Self {
        let mut dims = vec![Dim::Symbol(Symbol::Batch)];
        dims.extend(sizes.iter().map(|&size| Dim::Size(size)));
        Self(dims)
    }

    /// The number of dimensions.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The size of a dimension, if it is a number.
    #[must_use]
    pub fn size(&self, axis: usize) -> Option<usize> {
        match self.0.get(axis) {
            Some(Dim::Size(size)) => Some(*size),
            _ => None,
        }
    }

    /// All sizes, if every dimension is a number.
    #[must_use]
    pub fn sizes(&self) -> Option<Vec<usize>> {
        (0..self.rank()).map(|axis| self.size(axis)).collect()
    }

    /// The number of values, if every dimension is a number and their product fits.
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        product(self.sizes()?)
    }

    /// Whether a tensor of this shape, with 1 in place of each symbol, has at most [`MOST_VALUES`] values.
    pub(crate) fn is_addressable(&self) -> bool {
        let known = (0..self.rank()).map(|axis| self.size(axis).unwrap_or(1).max(1));
        product(known).is_some_and(|values| values <= MOST_VALUES)
    }

    /// Whether a tensor of this shape stays within the limits.
    pub(crate) fn is_bounded(&self) -> bool {
        self.rank() <= MOST_DIMENSIONS && self.is_addressable()
    }

    /// Whether the shape is known to hold no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.contains(&Dim::Size(0))
    }

    /// The shape that two operands broadcast to by NumPy's rule, or `None` if they do not fit.
    #[must_use]
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let rank = self.rank().max(other.rank());
        let dim = |shape: &Self, axis: usize| {
            (axis + shape.rank())
                .checked_sub(rank)
                .map_or(Dim::Size(1), |own| shape.0[own])
        };
        (0..rank)
            .map(|axis| match (dim(self, axis), dim(other, axis)) {
                (a, b) if a == b => Some(a),
                (Dim::Size(1), b) => Some(b),
                (a, Dim::Size(1)) => Some(a),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, dim) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            dim.fmt(f)?;
        }
        f.write_str("]")
    }
}
