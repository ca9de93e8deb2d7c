//! Tests of the data crate through its public interface.

mod batches;
mod idx;
mod prepare;
mod split;
