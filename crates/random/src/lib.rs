//! Random numbers that are pure functions of where they are used.
//!
//! A number follows from a seed, a [`stream`] and a counter, so neither threads nor the order of calls can change it, and
//! nothing is stored to make it again. Everything random in Jingwei comes from here: [`philox`] where quality matters,
//! the cheaper [`mix`] for hashes of places.

mod draws;
mod philox;
mod splitmix;

pub use draws::Draws;
pub use philox::{philox, rounds};
pub use splitmix::{mix, unit};

/// The number of a named stream: the 64-bit FNV-1a hash of its name.
#[must_use]
pub const fn stream(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}
