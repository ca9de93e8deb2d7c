mod bundle;
mod data;
mod layers;
mod recipe;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use jingwei_bundle::MANIFEST_FILE;

use bundle::inspect_bundle;
use data::inspect_data;
use recipe::inspect_recipe;

use crate::ExitStatus;
use crate::printer::Printer;

/// The arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Data (a folder, the beginning of the names of IDX files, a table), a recipe (.toml) or a bundle
    path: PathBuf,
    /// Draw the network of a recipe or bundle into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Shows what lies at a path.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let path = &arguments.path;
    if path.join(MANIFEST_FILE).is_file() {
        inspect_bundle(path, arguments.svg.as_deref(), printer)?;
    } else if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
    {
        inspect_recipe(path, arguments.svg.as_deref(), printer)?;
    } else if arguments.svg.is_some() {
        bail!(
            "{}: data have no network to draw; give a recipe or a bundle, or leave --svg out",
            path.display()
        );
    } else {
        inspect_data(path, printer)?;
    }
    Ok(ExitStatus::Done)
}
