//! The commands, in the order in which a model meets them.

pub mod init;

pub mod check;
pub mod estimate;
pub mod train;

pub mod evaluate;
pub mod predict;

pub mod inspect;

pub mod serve;

pub mod bench;
pub mod completions;

use anyhow::Result;

use crate::ExitStatus;
use crate::arguments::Command;
use crate::printer::Printer;

/// Runs a command.
pub fn run(command: Command, printer: &Printer) -> Result<ExitStatus> {
    match command {
        Command::Init(arguments) => init::run(&arguments, printer),
        Command::Check(arguments) => check::run(&arguments, printer),
        Command::Estimate(arguments) => estimate::run(&arguments, printer),
        Command::Train(arguments) => train::run(&arguments, printer),
        Command::Evaluate(arguments) => evaluate::run(&arguments, printer),
        Command::Predict(arguments) => predict::run(&arguments, printer),
        Command::Inspect(arguments) => inspect::run(&arguments, printer),
        Command::Serve(arguments) => serve::run(&arguments, printer),
        Command::Bench(arguments) => bench::run(&arguments, printer),
        Command::Completions(arguments) => completions::run(&arguments, printer),
    }
}
