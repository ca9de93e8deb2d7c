//! Integration tests of jingwei-train.

mod allocations;
mod checkpoint;
mod embedding;
mod ensembles;
mod fit;
mod history;
mod masks;
mod model;
mod support;
