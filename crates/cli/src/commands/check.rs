use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use jingwei_train::recipe::Recipe;
use serde_json::json;

use crate::ExitStatus;
use crate::printer::{Look, Printer};

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The recipe
    recipe: PathBuf,
    /// Print the recipe with every default written out
    #[arg(long)]
    defaults: bool,
}

/// Checks a recipe: keys, types, ranges and, where the sizes of samples are known from it, the shapes of all layers.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let recipe = Recipe::load(&arguments.recipe)?;
    if printer.is_json() {
        printer.value(&json!({ "recipe": arguments.recipe, "ok": true, "resolved": recipe }))?;
    } else if arguments.defaults {
        printer.write(recipe.to_toml_with_defaults()?.as_bytes())?;
    } else {
        let good = printer.paint(Look::Good, "fine");
        printer.line(format_args!(
            "{} is {good}: {}",
            arguments.recipe.display(),
            recipe.task.words()
        ))?;
    }
    Ok(ExitStatus::Done)
}
