//! Bundles written, loaded, attacked and asked.

mod attacks;
mod examples;
mod model;
mod mutations;
mod predict;
mod recorded;
mod round_trip;
mod seal;
