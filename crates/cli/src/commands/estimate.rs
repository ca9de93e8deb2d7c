use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use jingwei_tasks::estimate::{Estimate, estimate};
use jingwei_tasks::run::Job;
use serde_json::json;

use crate::ExitStatus;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::numbers::{bytes, count, seconds};
use crate::printer::{Look, Printer};
use crate::progress::Waiting;
use crate::table::Table;

/// The arguments of `estimate`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The recipe
    recipe: PathBuf,
    /// Steps that are run to take the time, and thrown away
    #[arg(long, value_name = "N", default_value_t = 20)]
    steps: u64,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    machine: Machine,
}

/// Reads the data, runs a few steps and says what the whole training will take.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let mut job = Job::load(&arguments.recipe)?;
    arguments.memory.limit(&mut job);
    let runtime = arguments.machine.runtime()?;
    let estimate = {
        let _waiting = Waiting::new(printer, "reading the data and timing some steps");
        estimate(&job, &runtime, arguments.steps)?
    };
    match printer.is_json() {
        true => printer.value(&value(&estimate))?,
        false => print(&estimate, printer)?,
    }
    Ok(ExitStatus::Done)
}

fn print(estimate: &Estimate, printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["what", ">estimate"]);
    table.row([&"parameters", &count(estimate.summary.parameters())]);
    table.row([&"samples that train", &count(estimate.samples)]);
    table.row([&"steps an epoch", &count(estimate.steps_per_epoch)]);
    table.row([&"memory for the data", &bytes(estimate.data_memory as u64)]);
    table.row([
        &"memory for the training",
        &bytes(estimate.training_memory as u64),
    ]);
    table.row([
        &"memory at most, with the model written",
        &bytes(estimate.forecast.total()),
    ]);
    table.row([&"time of a step", &seconds(estimate.step.as_secs_f64())]);
    table.row([&"time of an epoch", &seconds(estimate.epoch.as_secs_f64())]);
    table.row([
        &format!("time of {} epochs", estimate.epochs),
        &seconds(estimate.total.as_secs_f64()),
    ]);
    printer.line(table)?;
    printer.line(printer.paint(
        Look::Dim,
        "times are of this machine as busy as it is now, without validation",
    ))
}

fn value(estimate: &Estimate) -> serde_json::Value {
    json!({
        "parameters": estimate.summary.parameters(),
        "samples": estimate.samples,
        "steps_per_epoch": estimate.steps_per_epoch,
        "epochs": estimate.epochs,
        "data_bytes": estimate.data_memory,
        "training_bytes": estimate.training_memory,
        "forecast_bytes": estimate.forecast.total(),
        "step_seconds": estimate.step.as_secs_f64(),
        "epoch_seconds": estimate.epoch.as_secs_f64(),
        "total_seconds": estimate.total.as_secs_f64(),
    })
}
