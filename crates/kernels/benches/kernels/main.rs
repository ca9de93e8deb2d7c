//! Least time of many runs of each kernel on one and two threads, as GFLOP/s and share of the
//! multiply-add peak measured in the same sitting, with crate `gemm` beside the matrix products.
//!
//! `cargo bench -p jingwei-kernels --bench kernels -- [filter]`

mod attention;
mod convolutions;
mod harness;
mod pooled;
mod products;
mod recurrent;

fn main() {
    let filter = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let bench = harness::Bench::new(filter.unwrap_or_default());
    products::run(&bench);
    attention::run(&bench);
    convolutions::run(&bench);
    pooled::run(&bench);
    recurrent::run(&bench);
}
