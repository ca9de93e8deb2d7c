use std::fmt;

/// What can be wrong with a network, a loss or an optimiser. Every message names the place, what was expected and what
/// came.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer cannot take what it is given.
    #[error("{place}: expected {expected}, found {found}")]
    Shape {
        /// The layer, such as "layer 3 `max_pool2d_2`", or the loss.
        place: Place,
        /// What it needs.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// A layer needs to know the length of sequences, and it is open.
    #[error(
        "{place}: expected `same` or `causal` padding and stride 1 where the length is open, or sequences of a fixed \
         length, found {found}"
    )]
    OpenLength {
        /// The layer.
        place: Place,
        /// What it was given.
        found: String,
    },
    /// A setting lies outside what makes sense.
    #[error("{place}: `{setting}` must be {expected}, found {found}")]
    Setting {
        /// The layer, the optimiser, the schedule or whatever else is configured.
        place: Place,
        /// The setting's name, as it stands in a recipe.
        setting: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A layer names an input that does not exist.
    #[error("{place}: no input or earlier layer is named `{name}`; there are {known}")]
    UnknownName {
        /// Who asks for it.
        place: Place,
        /// The name.
        name: String,
        /// The names that would do.
        known: String,
    },
    /// Two inputs or layers have the same name.
    #[error("{place}: the name `{name}` is taken; give each layer and input its own")]
    DuplicateName {
        /// The later of the two.
        place: Place,
        /// The name.
        name: String,
    },
    /// Something that a network needs is missing.
    #[error("the network has no {missing}; {remedy}")]
    Incomplete {
        /// What is missing.
        missing: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// An operator of the graph refused.
    #[error("{place}: {source}")]
    Graph {
        /// The layer or the loss.
        place: Place,
        /// What the graph says.
        source: jingwei_graph::Error,
    },
}

/// Where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A layer.
    Layer {
        /// Its number, from 1.
        number: usize,
        /// Its name.
        name: String,
    },
    /// The layers that are named as outputs.
    Outputs,
    /// The loss, the optimiser, the schedule or whatever else is configured.
    Other(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer { number, name } => write!(f, "layer {number} `{name}`"),
            Self::Outputs => f.write_str("the outputs"),
            Self::Other(place) => f.write_str(place),
        }
    }
}

impl From<String> for Place {
    fn from(place: String) -> Self {
        Self::Other(place)
    }
}

impl From<&str> for Place {
    fn from(place: &str) -> Self {
        Self::Other(place.to_owned())
    }
}

impl Error {
    /// Where it is wrong; `None` for what is missing altogether.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Shape { place, .. }
            | Self::OpenLength { place, .. }
            | Self::Setting { place, .. }
            | Self::UnknownName { place, .. }
            | Self::DuplicateName { place, .. }
            | Self::Graph { place, .. } => Some(place),
            Self::Incomplete { .. } => None,
        }
    }

    /// An error of the graph, told with the place as this crate names it.
    pub(crate) fn graph(place: &Place, error: jingwei_graph::Error) -> Self {
        match error {
            jingwei_graph::Error::Shape {
                op,
                expected,
                found,
                ..
            } => Self::Shape {
                place: place.clone(),
                expected: format!("{expected} for {op}"),
                found,
            },
            source => Self::Graph {
                place: place.clone(),
                source,
            },
        }
    }
}
