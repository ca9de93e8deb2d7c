use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use jingwei_bundle::REPORT_FILE;
use jingwei_metrics::Evaluation;
use jingwei_tasks::run::{Job, RunResult, run_training};
use jingwei_train::fit::Outcome;
use serde_json::json;

use crate::evaluation;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::numbers::{counted, seconds};
use crate::printer::{Look, Printer};
use crate::training::Watching;
use crate::{ExitStatus, interrupt};

/// The arguments of `train`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The recipe
    recipe: PathBuf,
    /// The folder of the run; the same folder goes on where it stopped [default: runs/NAME-OF-THE-RECIPE]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Another seed than the recipe's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    machine: Machine,
}

/// Trains a recipe, or goes on with it.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let mut job = Job::load(&arguments.recipe)?;
    arguments.memory.limit(&mut job);
    if let Some(seed) = arguments.seed {
        job.recipe.train.seed = seed;
        job.text = job.recipe.to_toml_with_defaults()?;
    }
    let folder = arguments
        .run
        .clone()
        .unwrap_or_else(|| run_folder(&arguments.recipe));
    let runtime = arguments.machine.runtime()?;
    let cancel = interrupt::flag()?;
    let mut watching = Watching::new(printer);
    let result = run_training(&job, &folder, &runtime, &mut [&mut watching], &cancel);
    let epochs_seen = watching.finish();
    let result = result?;
    result
        .warnings
        .iter()
        .for_each(|warning| printer.warning(warning));
    if result.quarantined > 0 {
        let samples = counted(result.quarantined, "sample", "samples");
        let were = if result.quarantined == 1 {
            "was"
        } else {
            "were"
        };
        let first = result.first_quarantined.as_ref();
        let first = first.map_or(String::new(), |row| {
            format!("the first: {}: {}; ", row.origin, row.reason)
        });
        printer.warning(format_args!(
            "{samples} could not be read and {were} left out; {first}the report lists them"
        ));
    }
    let interrupted = result.outcome == Outcome::Interrupted;
    match printer.is_json() {
        true => printer.value(&summary(&result, &folder))?,
        false if interrupted => print_interrupted(&folder, printer),
        false => print(&result, epochs_seen, printer)?,
    }
    Ok(if interrupted {
        ExitStatus::Interrupted
    } else {
        ExitStatus::Done
    })
}

fn run_folder(recipe: &Path) -> PathBuf {
    Path::new("runs").join(recipe.file_stem().unwrap_or(recipe.as_os_str()))
}

fn print_interrupted(folder: &Path, printer: &Printer) {
    let folder = folder.display();
    printer.note(format_args!(
        "stopped after the step and saved in {folder}; the same command goes on from there"
    ));
}

fn print(result: &RunResult, epochs_seen: bool, printer: &Printer) -> Result<()> {
    let epochs = counted(result.history.len(), "epoch", "epochs");
    let how = match (epochs_seen, result.outcome) {
        (false, _) => "this run had finished before, after",
        (true, Outcome::StoppedEarly) => "stopped, as it no longer improved, after",
        (true, _) => "finished after",
    };
    let best = result
        .best_epoch
        .map(|epoch| format!("; the best epoch was {epoch}"))
        .unwrap_or_default();
    printer.line(format_args!(
        "\n{how} {epochs} and {} of training{best}",
        seconds(result.seconds)
    ))?;
    for (name, evaluation) in parts(result) {
        let name = printer.paint(Look::Bold, format_args!("{name:<12}"));
        printer.line(format_args!("{name}{}", evaluation::headline(evaluation)))?;
    }
    if let Some((name, evaluation)) = baseline(result) {
        let head = printer.paint(Look::Bold, "baseline    ");
        let headline = evaluation::headline(evaluation);
        printer.line(format_args!("{head}{headline}: {name}"))?;
    }
    let Some(bundle) = &result.bundle else {
        return Ok(());
    };
    printer.line(format_args!(
        "{}{}",
        printer.paint(Look::Bold, "bundle      "),
        bundle.display()
    ))?;
    let report = bundle.join(REPORT_FILE);
    printer.line(format_args!(
        "{}{}",
        printer.paint(Look::Bold, "report      "),
        report.display()
    ))
}

/// The baseline on the part that the last of [`parts`] is of.
fn baseline(result: &RunResult) -> Option<(&str, &Evaluation)> {
    let baseline = result.baseline.as_ref()?;
    let evaluation = baseline.test.as_ref().or(baseline.valid.as_ref())?;
    Some((baseline.name.as_str(), evaluation))
}

fn parts(result: &RunResult) -> impl Iterator<Item = (&'static str, &Evaluation)> {
    let parts = [("validation", &result.valid), ("test", &result.test)];
    parts
        .into_iter()
        .filter_map(|(name, part)| Some((name, part.as_ref()?)))
}

fn summary(result: &RunResult, folder: &Path) -> serde_json::Value {
    let outcome = match result.outcome {
        Outcome::Finished => "finished",
        Outcome::StoppedEarly => "stopped_early",
        Outcome::Interrupted => "interrupted",
    };
    let measured =
        |part: &Option<Evaluation>| part.as_ref().map(|part| evaluation::json(part, &[]));
    json!({
        "outcome": outcome,
        "run": folder,
        "epochs": result.history.len(),
        "best_epoch": result.best_epoch,
        "resumed_from": result.resumed_from,
        "seconds": result.seconds,
        "parameters": result.parameters,
        "weights_hash": result.weights_hash,
        "valid": measured(&result.valid),
        "test": measured(&result.test),
        "baseline": result.baseline.as_ref().map(|baseline| json!({
            "name": baseline.name,
            "seconds": baseline.seconds,
            "valid": measured(&baseline.valid),
            "test": measured(&baseline.test),
        })),
        "bundle": result.bundle,
        "report": result.bundle.as_ref().map(|bundle| bundle.join(REPORT_FILE)),
        "quarantined": result.quarantined,
        "notes": result.notes,
        "duplicates": result.duplicates,
        "warnings": result.warnings,
    })
}
