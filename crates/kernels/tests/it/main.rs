//! Kernels against naive loops, at every level this processor has and on 1, 2 and 3 threads.

mod elementwise;
mod gemm;
mod golden;
mod optimiser;
mod reduce;
mod softmax;
mod support;
