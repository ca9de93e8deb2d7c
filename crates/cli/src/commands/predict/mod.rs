mod output;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use jingwei_bundle::{Bundle, Prediction, Predictor, Record};
use jingwei_data::{Dataset, Features, Preparation};

use output::Output;

use crate::ExitStatus;
use crate::bad::Bad;
use crate::machine::Machine;
use crate::printer::Printer;
use crate::progress::Items;
use crate::records::{portions, text_options};

/// Records that the model sees at once.
const AT_ONCE: usize = 256;
/// Texts that the model sees at once.
const TEXTS_AT_ONCE: usize = 4096;
/// Values that predictions from texts hold at once (64 MB); with many classes there are fewer texts at once.
const VALUES_AT_ONCE: usize = 1 << 24;

/// The arguments of `predict`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle: a folder that `jingwei train` wrote
    bundle: PathBuf,
    /// Pictures, folders of pictures, IDX files, tables (.csv, .tsv), or texts (.txt, .csv, .tsv, .jsonl, .conll)
    #[arg(required_unless_present = "text", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// A text to predict from; may be given several times
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// The column of a table, or the key of a JSON line, that holds the text [default: as in the training]
    #[arg(long, value_name = "COLUMN")]
    text_column: Option<String>,
    /// How predictions are printed; csv and json hold the probability of every class, or of the ten most probable of
    /// more than 1,000
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
    let bad = Bad::new(arguments.skip_bad, printer);
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
    given_texts(&predictor, &arguments.text, &mut output)?;
    let mut texts = text_options(predictor.bundle(), bad.on_bad());
    texts.label = None;
    if let Some(column) = &arguments.text_column {
        texts.text.clone_from(column);
    }
    for portion in &portions {
        let data = portion.read(&preparation, &texts, bad.on_bad())?;
        bad.warn(data.quarantine());
        predict(&predictor, &preparation, &data, &bad, &mut output)?;
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

/// Predicts from the texts of the command line.
fn given_texts(predictor: &Predictor, texts: &[String], output: &mut Output<'_>) -> Result<()> {
    let records: Vec<Record<'_>> = texts.iter().map(|text| Record::Text(text)).collect();
    for (text, prediction) in texts.iter().zip(predictor.predict_raw(&records)?) {
        output.add(text.clone(), prediction)?;
    }
    Ok(())
}

/// Predicts from every text of a dataset that the model has an answer to.
pub fn predict_texts(
    predictor: &Predictor,
    data: &Dataset,
    bad: &Bad<'_>,
    mut see: impl FnMut(usize, Prediction) -> Result<()>,
) -> Result<()> {
    let tokenised = matches!(data.features(), Features::Texts(column) if column.tokenised);
    let width = predictor.bundle().outputs()[0].len().max(1);
    let at_once = (VALUES_AT_ONCE / width).clamp(1, TEXTS_AT_ONCE);
    for indices in data.indices().chunks(at_once) {
        let texts = indices.iter().map(|&index| data.text(index));
        let texts: Vec<_> = texts.collect::<Result<_, _>>()?;
        let records = texts.iter().map(|text| match tokenised {
            true => Record::Tokens(text.as_deref().unwrap_or_default()),
            false => Record::Text(text.as_deref().unwrap_or_default()),
        });
        let predictions = predictor.predict_each_raw(&records.collect::<Vec<_>>())?;
        for (&index, prediction) in indices.iter().zip(predictions) {
            if let Some(prediction) = bad.answer(data, index, prediction)? {
                see(index, prediction)?;
            }
        }
    }
    Ok(())
}

fn predict(
    predictor: &Predictor,
    preparation: &Preparation,
    data: &Dataset,
    bad: &Bad<'_>,
    output: &mut Output<'_>,
) -> Result<()> {
    if let Features::Texts(_) = data.features() {
        return predict_texts(predictor, data, bad, |index, prediction| {
            output.add(data.origin(index), prediction)
        });
    }
    let length = preparation.sample_len();
    let indices = bad.finite(preparation, data)?;
    let mut prepared = vec![0.0; AT_ONCE.min(indices.len()) * length];
    for indices in indices.chunks(AT_ONCE) {
        let prepared = &mut prepared[..indices.len() * length];
        preparation.apply(data, indices, prepared)?;
        let predictions = predictor.predict_each(prepared, indices.len())?;
        for (&index, prediction) in indices.iter().zip(predictions) {
            if let Some(prediction) = bad.answer(data, index, prediction)? {
                output.add(data.origin(index), prediction)?;
            }
        }
    }
    Ok(())
}
