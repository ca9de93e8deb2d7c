//! Sizes and attributes as an attacker would choose them: each is refused, or right.
//!
//! All floats lie between guards here, and an allocation of more than 256 MiB ends the process.

mod attention;
mod conv;
mod gemm;
mod layout;
mod rows;
mod sequences;
