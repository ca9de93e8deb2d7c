//! Kernels against naive loops, at every level this processor has and on 1, 2 and 3 threads.

mod attention;
mod base;
mod conv;
mod conv_max;
mod conv_pool;
mod elementwise;
mod gemm;
mod golden;
#[cfg(all(target_os = "linux", not(miri)))]
mod guard;
mod hostile;
mod layout;
mod norm;
mod optimiser;
mod pooling;
mod random;
mod reduce;
mod sequences;
mod softmax;
mod support;
