//! Fused CPU kernels of Jingwei: SIMD levels, matrix product, convolution and the worker pool.
//!
//! A kernel is a small plan made once for a shape. `run` takes [`Workers`], slices that are checked
//! at entry, and a shared temporary; it allocates nothing. Work is cut into pieces by shape alone, so
//! the result at one [`Level`] has the same bits at any number of threads.
//!
//! A shape whose sizes multiply to more than [`MOST_FLOATS`], or a slice of another length than the shape says, ends in a
//! panic before anything is computed or allocated for it.

mod activation;
#[cfg(target_arch = "x86_64")]
mod amx;
pub mod attention;
pub mod batch_norm;
mod chunks;
mod conv;
mod conv_max;
mod conv_pool;
pub mod crf;
pub mod cross_entropy;
mod denormals;
pub mod elementwise;
mod gemm;
pub mod layer_norm;
pub mod layout;
mod level;
mod math;
mod memory;
pub mod norms;
pub mod optimiser;
mod pool;
pub mod pooling;
pub mod random;
mod recurrent;
pub mod reduce;
pub mod rms_norm;
pub mod rotary;
mod row_blocks;
mod simd;
mod sizes;
pub mod softmax;
mod vectors;
mod workers;

pub use activation::Activation;
pub use conv::{Conv2dForward, Conv2dGradFilter, Conv2dGradInput, ConvShape};
pub use conv_max::{
    ConvMaxForward, ConvMaxGradFilter, ConvMaxGradInput, ConvMaxOperands, SequenceShape,
};
pub use conv_pool::{
    BiasedFilters, ConvReluPoolForward, ConvReluPoolGradFilter, ConvReluPoolGradInput,
    PooledResults,
};
pub use gemm::{
    Companion, Epilogue, Extras, MatMul, MatMulShape, Precision, RowNorm, UnknownPrecision,
};
pub use level::{Level, UnknownLevel};
pub use memory::{ALIGNMENT, AlignedVec, Buffers, Place};
pub use pool::Pool;
pub use recurrent::{GateActivation, Recurrent, RecurrentCell};
pub use sizes::MOST_FLOATS;
pub use workers::{Scratch, Workers};
