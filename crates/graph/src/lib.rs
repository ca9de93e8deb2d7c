//! The intermediate representation of Jingwei.
//!
//! A [`Graph`] is a list of nodes in SSA form: an operator, its inputs and the shape of its one output. The operators
//! form a closed set ([`Op`]); each has its own file in [`ops`] with a shape rule, a plain reference loop and a gradient
//! rule. Everything else works on graphs alone:
//!
//! 1. [`shape`]: dimensions, which are numbers or symbols such as the batch size;
//! 2. [`graph`]: nodes and how they are added, with one method an operator in [`builder`];
//! 3. [`autodiff`]: from a loss and parameters to a graph that also computes the gradients;
//! 4. [`passes`]: dropping dead nodes, merging equal ones, binding symbols to numbers;
//! 5. [`limits`]: the bounds of sizes and attributes;
//! 6. [`reference`](mod@reference): running a graph with the reference loops, slowly, to check everything else against.
//!
//! Images are NHWC, filters HWIO, dense weights `[inputs, outputs]`; values are `f32`. Whole numbers (class labels,
//! indices) travel as `f32` too, which holds them exactly up to 2²⁴.

pub mod autodiff;
pub mod builder;
mod error;
pub mod graph;
pub mod limits;
pub mod ops;
pub mod passes;
pub mod reference;
pub mod shape;

pub use autodiff::gradients;
pub use error::Error;
pub use graph::{Graph, Node, NodeId};
pub use ops::{Op, Operator};
pub use reference::{RunContext, Tensor};
pub use shape::{Dim, Shape, Symbol};

/// The result of building or transforming a graph.
pub type Result<T> = std::result::Result<T, Error>;
