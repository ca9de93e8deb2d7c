/// What can be wrong with a network, a loss or an optimiser. Every message names the place, what was expected and what
/// came.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer cannot take what it is given.
    #[error("{place}: expected {expected}, found {found}")]
    Shape {
        /// The layer, such as "layer 3 `max_pool2d_2`", or the loss.
        place: String,
        /// What it needs.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// A setting lies outside what makes sense.
    #[error("{place}: `{setting}` must be {expected}, found {found}")]
    Setting {
        /// The layer, the optimiser, the schedule or whatever else is configured.
        place: String,
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
        place: String,
        /// The name.
        name: String,
        /// The names that would do.
        known: String,
    },
    /// Two inputs or layers have the same name.
    #[error("{place}: the name `{name}` is taken; give each layer and input its own")]
    DuplicateName {
        /// The later of the two.
        place: String,
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
        place: String,
        /// What the graph says.
        source: jingwei_graph::Error,
    },
}

impl Error {
    /// An error of the graph, told with the place as this crate names it.
    pub(crate) fn graph(place: &str, error: jingwei_graph::Error) -> Self {
        match error {
            jingwei_graph::Error::Shape {
                op,
                expected,
                found,
                ..
            } => Self::Shape {
                place: place.to_owned(),
                expected: format!("{expected} for {op}"),
                found,
            },
            source => Self::Graph {
                place: place.to_owned(),
                source,
            },
        }
    }
}
