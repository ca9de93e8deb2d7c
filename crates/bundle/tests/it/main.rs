//! Bundles written, loaded, attacked and asked.

mod attacks;
mod model;
mod mutations;
mod predict;
mod round_trip;
