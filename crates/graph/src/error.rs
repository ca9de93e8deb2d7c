use crate::Shape;

/// What can be wrong with a graph. Every message names the layer, what was expected and what came.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The inputs of an operator do not fit it.
    #[error("{layer}: {op} expects {expected}, found {found}")]
    Shape {
        /// The layer that added the operator, or the operator's own name outside any layer.
        layer: String,
        /// The operator.
        op: &'static str,
        /// What the operator needs.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// An operator has no gradient with respect to an input that needs one.
    #[error("{layer}: {op} has no gradient{reason}")]
    NoGradient {
        /// The layer that added the operator.
        layer: String,
        /// The operator.
        op: &'static str,
        /// Why, or how to go on; empty or starting with a colon.
        reason: String,
    },
    /// A loss is differentiated by something that it does not depend on.
    #[error(
        "the loss does not depend on `{name}`: use it, or leave it out of the trainable parameters"
    )]
    Independent {
        /// The parameter.
        name: String,
    },
    /// A loss that is not one number.
    #[error(
        "a gradient needs a loss of one number, found the shape {found}: reduce it first, for example by its mean"
    )]
    LossNotScalar {
        /// The loss's shape.
        found: Shape,
    },
    /// A symbol was left without a number where numbers are needed.
    #[error("{layer}: the dimension `{symbol}` has no size yet: bind it first")]
    Unbound {
        /// The layer.
        layer: String,
        /// The symbol.
        symbol: String,
    },
    /// A graph from outside that cannot have been made by this library.
    #[error("broken graph: node {node}: {reason}")]
    Invalid {
        /// The node's place in the list.
        node: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// A shape error without its layer, which [`crate::Graph::add`] fills in.
    pub(crate) fn shape(
        op: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Shape {
            layer: String::new(),
            op,
            expected: expected.into(),
            found: found.into(),
        }
    }
}
