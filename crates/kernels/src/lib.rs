//! Fused CPU kernels of Jingwei: SIMD levels, matrix product, convolution and the worker pool.
//!
//! A kernel is a small plan made once for a shape. `run` takes [`Workers`], slices that are checked
//! at entry, and a shared temporary; it allocates nothing. Work is cut into pieces by shape alone, so
//! the result at one [`Level`] has the same bits at any number of threads.

mod chunks;
mod level;
mod math;
mod memory;
pub mod norms;
pub mod optimiser;
mod pool;
mod simd;
mod vectors;
mod workers;

pub use level::{Level, UnknownLevel};
pub use memory::{ALIGNMENT, AlignedVec, Buffers, Place};
pub use pool::Pool;
pub use workers::{Scratch, Workers};
