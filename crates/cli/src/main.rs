//! The command `jingwei`.
//!
//! Every command is a function in a file of its own under [`commands`]: it takes its arguments and a
//! [`printer::Printer`], and returns an exit status. Results go to the standard output, progress and errors to the
//! standard error.

mod arguments;
mod bad;
mod bench;
mod commands;
mod evaluation;
mod files;
mod interrupt;
mod machine;
mod memory;
mod numbers;
mod printer;
mod progress;
mod records;
mod table;
mod training;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use printer::Printer;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer::new(arguments.json, arguments.quiet);
    match commands::run(arguments.command, &printer) {
        Ok(status) => status.into(),
        Err(error) => {
            printer.error(&error);
            ExitStatus::Failed.into()
        }
    }
}

/// How a command ended. Wrong use of the command line ends with 2, before any command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExitStatus {
    /// It did what it was asked to do: 0.
    Done,
    /// It could not: 1.
    Failed,
    /// It was asked to stop and stopped cleanly: 130, as shells report a Ctrl-C.
    Interrupted,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Interrupted => 130,
        })
    }
}
