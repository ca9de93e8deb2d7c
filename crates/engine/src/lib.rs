//! Running graphs on the CPU.
//!
//! In the order in which things happen:
//!
//! 1. [`Layout`] gives each parameter and state its place in one flat buffer;
//! 2. a [`Function`] is a graph with what is wanted of it: outputs, gradients, state updates;
//! 3. [`Function::plan`] binds the batch size and lowers the graph to a [`Plan`]: fused kernels in order, every
//!    intermediate at a planned offset of one arena;
//! 4. a [`Workspace`] owns the memory that one caller needs, and [`Plan::run`] runs in it, allocating nothing.
//!
//! A plan is immutable and can be run by many threads at once, each with a workspace of its own. Results depend on the
//! shapes, the values and the SIMD level, never on the number of threads.

mod arena;
mod error;
mod function;
mod layout;
mod lower;
mod plan;
mod program;
mod runtime;
mod weights;
mod workspace;

pub use error::Error;
pub use function::{Function, RowGradient};
pub use jingwei_graph::RunContext;
pub use jingwei_kernels::{AlignedVec, Level, Pool, Precision, Workers};
pub use layout::{Entry, Layout};
pub use plan::{Plan, RowPlace, Timing};
pub use runtime::Runtime;
pub use weights::Weights;
pub use workspace::{Buffer, Workspace};

/// The result of planning.
pub type Result<T> = std::result::Result<T, Error>;
