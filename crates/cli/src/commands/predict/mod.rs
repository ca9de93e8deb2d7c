mod output;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use jingwei_bundle::{Bundle, Predictor};
use jingwei_data::{Dataset, OnBad, Preparation};

use output::Output;

use crate::ExitStatus;
use crate::machine::Machine;
use crate::printer::Printer;
use crate::progress::Items;
use crate::records::portions;

/// Records that the model sees at once.
const AT_ONCE: usize = 256;
/// The arguments of `predict`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle: a folder that `jingwei train` wrote
    bundle: PathBuf,
    /// Pictures, folders of pictures, IDX files, or tables (.csv, .tsv)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How predictions are printed; csv and json hold the probability of every class
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Pass over records that cannot be read, with a warning each, instead of stopping
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Json,
}

/// Predicts from every record that the paths hold.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let bundle = Bundle::load(&arguments.bundle)?;
    let preparation = preparation(&bundle)?;
    let portions = portions(&arguments.paths, &preparation)?;
    let predictor = Predictor::new(bundle, arguments.machine.runtime()?)?;
    let on_bad = if arguments.skip_bad {
        OnBad::Quarantine
    } else {
        OnBad::Stop
    };
    let format = if printer.is_json() {
        Format::Json
    } else {
        arguments.format
    };
    let mut output = Output::new(format, &predictor, printer)?;
    let mut items = Items::new(
        printer,
        "predicting",
        portions.iter().map(|portion| portion.files()).sum(),
    );
    for portion in &portions {
        let data = portion.read(&preparation, on_bad)?;
        for bad in data.quarantine() {
            printer.warning(format_args!("{}: left out: {}", bad.origin, bad.reason));
        }
        predict(&predictor, &preparation, &data, &mut output)?;
        items.add(portion.files());
    }
    drop(items);
    output.finish()?;
    Ok(ExitStatus::Done)
}

/// How raw records become numbers; commands that read raw data need it.
pub fn preparation(bundle: &Bundle) -> Result<Preparation> {
    bundle.preparation().cloned().with_context(|| {
        let folder = bundle.folder().display();
        format!("{folder}: the bundle has no preparation, so it reads prepared numbers only; train it from a recipe")
    })
}

fn predict(
    predictor: &Predictor,
    preparation: &Preparation,
    data: &Dataset,
    output: &mut Output<'_>,
) -> Result<()> {
    let length = preparation.sample_len();
    let indices = data.indices();
    let mut prepared = vec![0.0; AT_ONCE.min(indices.len()) * length];
    for indices in indices.chunks(AT_ONCE) {
        let prepared = &mut prepared[..indices.len() * length];
        preparation.apply(data, indices, prepared)?;
        let values = predictor.predict(prepared, indices.len())?;
        for (&index, prediction) in indices.iter().zip(predictor.interpret(&values)) {
            output.add(data.origin(index), prediction)?;
        }
    }
    Ok(())
}
