//! The command line, run as people run it: as a process.

mod errors;
mod journey;
mod output;
#[cfg(unix)]
mod runs;
#[cfg(unix)]
mod service;
mod support;
mod tables;
mod texts;
