//! Integration tests of jingwei-train.

mod allocations;
mod baseline;
mod bounds;
mod checkpoint;
mod embedding;
mod ensembles;
mod first_recipe;
mod fit;
mod history;
mod identity;
mod masks;
mod model;
mod recipe;
mod run;
mod scale;
mod support;
mod texts;
