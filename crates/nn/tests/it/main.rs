//! Everything this crate promises, through its public interface.

mod extremes;
mod initializers;
mod layers;
mod losses;
mod networks;
mod optimizers;
mod recipes;
mod recurrent;
mod schedules;
mod sequences;
mod support;
mod transformers;
mod zoo;
