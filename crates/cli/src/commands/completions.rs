use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::ExitStatus;
use crate::printer::Printer;

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The shell: bash, elvish, fish, powershell or zsh
    shell: Shell,
}

/// Prints a script that completes this program's arguments.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let mut script = Vec::new();
    let mut command = crate::arguments::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "jingwei", &mut script);
    printer.write(&script)?;
    Ok(ExitStatus::Done)
}
