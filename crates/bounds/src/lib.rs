//! Bounds on what comes from outside.
//!
//! Sizes in a file or a request are hostile until checked. Two things keep them in bounds, everywhere in Jingwei:
//!
//! - [`product`] multiplies sizes without ever wrapping; nothing that comes from outside is multiplied in another way;
//! - a [`Budget`] is the memory that one piece of work, such as a request, may take in all, and a way to stop it from
//!   another thread.
//!
//! This crate needs no clock, no file and no network: whoever has a clock calls [`Budget::stop`].

mod budget;
mod sizes;

pub use budget::{Budget, Exceeded, Loan};
pub use sizes::product;
