//! Integration tests of jingwei-train.

mod metrics;
