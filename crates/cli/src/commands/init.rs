use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use jingwei_tasks::init::init;
use serde_json::json;

use crate::printer::Printer;
use crate::progress::Waiting;
use crate::{ExitStatus, files};

/// The arguments of `init`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Data: a folder of class folders, IDX files, CIFAR-10, a table (.csv, .tsv), or texts (.csv, .jsonl, .conll, folders)
    path: PathBuf,
    /// Where the recipe is written; a file that is there is never replaced
    #[arg(long, short, default_value = "recipe.toml", value_name = "FILE")]
    output: PathBuf,
}

/// Looks at data and writes a commented recipe that trains well as it is.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let output = &arguments.output;
    if output.exists() {
        return refuse(output);
    }
    let text = {
        let _waiting = Waiting::new(printer, format!("looking at {}", arguments.path.display()));
        init(&arguments.path, output.parent().unwrap_or(Path::new("")))?
    };
    match files::create(output, text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return refuse(output),
        result => result.with_context(|| files::unwritable(output))?,
    }
    match printer.is_json() {
        true => printer.value(&json!({ "recipe": output }))?,
        false => printer.line(format_args!(
            "wrote {0}; look through it, then train it:\n\n    jingwei train {0}",
            output.display()
        ))?,
    }
    Ok(ExitStatus::Done)
}

fn refuse(output: &Path) -> Result<ExitStatus> {
    bail!(
        "{}: is already there and stays as it is; choose another name with --output",
        output.display()
    )
}
