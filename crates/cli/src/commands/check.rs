use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use jingwei_tasks::check::{Checked, MOST_DATA, check};
use jingwei_tasks::run::Job;
use serde_json::json;

use crate::ExitStatus;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::numbers::bytes;
use crate::printer::{Look, Printer};
use crate::progress::Waiting;

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The recipe
    recipe: PathBuf,
    /// Print the recipe with every default written out
    #[arg(long)]
    defaults: bool,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    machine: Machine,
}

/// Checks a recipe: keys, types, ranges, the shapes of all layers, the memory that the training takes, and, where the
/// data are there and not too large, whether they can be read, cut into parts and trained on.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let mut job = Job::load(&arguments.recipe)?;
    arguments.memory.limit(&mut job);
    let runtime = arguments.machine.runtime()?;
    let checked = {
        let _waiting = Waiting::new(printer, "looking at the data");
        check(&job, &runtime)?
    };
    if printer.is_json() {
        printer.value(&json!({
            "recipe": arguments.recipe, "ok": true, "resolved": job.recipe, "read_data": checked.read_data,
            "forecast": checked.forecast,
        }))?;
    } else if arguments.defaults {
        printer.write(job.recipe.to_toml_with_defaults()?.as_bytes())?;
    } else {
        let good = printer.paint(Look::Good, "fine");
        printer.line(format_args!(
            "{} is {good}: {}",
            arguments.recipe.display(),
            job.recipe.task.words()
        ))?;
        printer.line(printer.paint(Look::Dim, told(&checked)))?;
    }
    Ok(ExitStatus::Done)
}

/// What was looked at.
fn told(checked: &Checked) -> String {
    match (&checked.forecast, checked.read_data) {
        (Some(forecast), true) => format!(
            "the data can be read and cut into parts; the training takes up to {} of memory",
            bytes(forecast.total())
        ),
        _ => format!(
            "the data were not read, as they are not there or larger than {}",
            bytes(MOST_DATA)
        ),
    }
}
