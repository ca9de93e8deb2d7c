//! The command line, run as people run it: as a process.

mod errors;
#[cfg(target_os = "linux")]
mod full_disk;
mod journey;
mod output;
#[cfg(unix)]
mod runs;
mod scale;
#[cfg(unix)]
mod service;
mod support;
mod tables;
mod texts;
