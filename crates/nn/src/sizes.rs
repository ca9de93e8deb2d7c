//! The sizes of a sample.

use std::fmt;

use jingwei_graph::{Dim, Shape, Symbol};
use serde::{Deserialize, Serialize};

/// The length of sequences, where it differs from batch to batch.
pub const TIME: Dim = Dim::Symbol(Symbol::Time);

/// The sizes of a sample, without the batch: numbers, or [`TIME`].
///
/// ```
/// use jingwei_nn::{Sizes, TIME};
/// assert_eq!(Sizes::from([28, 28, 1]).to_string(), "[28, 28, 1]");
/// assert_eq!(Sizes::from([TIME, 8.into()]).to_string(), "[time, 8]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sizes(pub Vec<Dim>);

impl Sizes {
    /// The shape of a batch of such samples.
    #[must_use]
    pub fn batch(&self) -> Shape {
        let mut dims = vec![Dim::Symbol(Symbol::Batch)];
        dims.extend_from_slice(&self.0);
        Shape(dims)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shape(self.0.clone()).fmt(f)
    }
}

macro_rules! from_lists {
    ($($dim:ty),*) => {
        $(impl From<&[$dim]> for Sizes {
            fn from(sizes: &[$dim]) -> Self {
                Self(sizes.iter().map(|&size| size.into()).collect())
            }
        }

        impl<const N: usize> From<&[$dim; N]> for Sizes {
            fn from(sizes: &[$dim; N]) -> Self {
                Self::from(&sizes[..])
            }
        }

        impl<const N: usize> From<[$dim; N]> for Sizes {
            fn from(sizes: [$dim; N]) -> Self {
                Self::from(&sizes[..])
            }
        }

        impl From<Vec<$dim>> for Sizes {
            fn from(sizes: Vec<$dim>) -> Self {
                Self::from(&sizes[..])
            }
        })*
    };
}

from_lists!(usize, Dim);
