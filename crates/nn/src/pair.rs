//! Sizes of windows and strides.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A height and a width; in a recipe a number where both are the same, or a list of two.
///
/// ```
/// use jingwei_nn::Pair;
/// assert_eq!(Pair::from(3), Pair::from([3, 3]));
/// assert_eq!(serde_json::from_str::<Pair>("[1, 5]")?, Pair { height: 1, width: 5 });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Along the first dimension of an image.
    pub height: usize,
    /// Along the second.
    pub width: usize,
}

impl Pair {
    /// Height and width in the order of the dimensions.
    #[must_use]
    pub fn sizes(self) -> [usize; 2] {
        [self.height, self.width]
    }
}

impl From<usize> for Pair {
    fn from(size: usize) -> Self {
        Self {
            height: size,
            width: size,
        }
    }
}

impl From<[usize; 2]> for Pair {
    fn from([height, width]: [usize; 2]) -> Self {
        Self { height, width }
    }
}

impl From<(usize, usize)> for Pair {
    fn from((height, width): (usize, usize)) -> Self {
        Self { height, width }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.height, self.width)
    }
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.height == self.width {
            return self.height.serialize(serializer);
        }
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&self.height)?;
        tuple.serialize_element(&self.width)?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairVisitor)
    }
}

struct PairVisitor;

impl<'de> Visitor<'de> for PairVisitor {
    type Value = Pair;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or a list of two: height and width")
    }

    fn visit_u64<E: de::Error>(self, size: u64) -> Result<Pair, E> {
        let size = usize::try_from(size)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(size), &self))?;
        Ok(Pair::from(size))
    }

    fn visit_i64<E: de::Error>(self, size: i64) -> Result<Pair, E> {
        let positive = u64::try_from(size)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(size), &self))?;
        self.visit_u64(positive)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pair, A::Error> {
        let height = list
            .next_element()?
            .ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let width = list
            .next_element()?
            .ok_or_else(|| de::Error::invalid_length(1, &self))?;
        match list.next_element::<de::IgnoredAny>()? {
            None => Ok(Pair { height, width }),
            Some(_) => Err(de::Error::invalid_length(3, &self)),
        }
    }
}
