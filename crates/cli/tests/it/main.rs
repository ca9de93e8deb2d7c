//! The command line, run as people run it: as a process.

mod errors;
mod journey;
mod output;
#[cfg(unix)]
mod runs;
mod support;
mod tables;
