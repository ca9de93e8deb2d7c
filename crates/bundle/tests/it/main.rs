//! Bundles written, loaded, attacked and asked.

mod attacks;
mod model;
mod predict;
mod round_trip;
