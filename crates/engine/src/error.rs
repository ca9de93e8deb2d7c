use jingwei_graph::Shape;

/// Why a graph cannot be planned or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The graph itself is wrong.
    #[error(transparent)]
    Graph(#[from] jingwei_graph::Error),
    /// A leaf of the graph that its caller did not describe.
    #[error("the graph reads `{name}`, which is not among the {kind}")]
    UnknownLeaf {
        /// The leaf's name.
        name: String,
        /// Parameters, state or inputs.
        kind: &'static str,
    },
    /// Two descriptions of one tensor that disagree.
    #[error("`{name}` has {found} values in the graph and {expected} in its layout")]
    LeafSize {
        /// The leaf's name.
        name: String,
        /// As the layout says.
        expected: usize,
        /// As the graph says.
        found: usize,
    },
    /// A SIMD level or number of threads that cannot be had.
    #[error("{0}")]
    Runtime(String),
    /// More memory than the function's limit.
    #[error(
        "the network needs more than {limit} bytes of memory: make the batch, the sequences or the layers smaller"
    )]
    TooLarge {
        /// The [most bytes](crate::Function::memory_limit).
        limit: usize,
    },
    /// A tensor without values, which kernels other than products do not run on.
    #[error("{layer}: {shape} holds no values: give at least one sample and one step")]
    Empty {
        /// The layer or the operator.
        layer: String,
        /// The shape.
        shape: Shape,
    },
}
