//! How exact products are.

use std::{fmt, str::FromStr};

/// How exact a product is, in the terms of PyTorch's `float32_matmul_precision`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As exact as sums of products of `f32`.
    #[default]
    Highest,
    /// On AMX tiles each factor counts as the sum of two bf16 numbers, which takes about half the time: each product of
    /// two floats is wrong by less than 2⁻¹⁴ of itself, a sum of many by 4·10⁻⁶ as a rule. Other levels know no
    /// difference.
    High,
}

impl Precision {
    const ALL: [Self; 2] = [Self::Highest, Self::High];
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Highest => "highest",
            Self::High => "high",
        })
    }
}

/// A name that is no precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPrecision(String);

impl fmt::Display for UnknownPrecision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "unknown precision {:?}: use \"highest\" or \"high\"",
            self.0
        )
    }
}

impl std::error::Error for UnknownPrecision {}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|precision| precision.to_string() == name)
            .ok_or_else(|| UnknownPrecision(name.to_owned()))
    }
}
