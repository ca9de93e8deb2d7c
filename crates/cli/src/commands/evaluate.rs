use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use jingwei_bundle::{Bundle, Class, Labels, Prediction, Predictor, TaggedToken, Tags, Values};
use jingwei_data::csv::CsvTarget;
use jingwei_data::prepare::TargetPreparation;
use jingwei_data::source::{self, ReadOptions};
use jingwei_data::texts::read_texts;
use jingwei_data::{Dataset, Features, Limits, Preparation, Sequences, Targets};
use jingwei_metrics::{Compared, Estimates, Evaluation, Kept, Tagged};
use jingwei_text::table::{Table, delimiter};

use super::predict::{predict_texts, preparation};
use crate::ExitStatus;
use crate::bad::Bad;
use crate::evaluation;
use crate::machine::Machine;
use crate::printer::Printer;
use crate::progress::{Items, Waiting};
use crate::records::{size, text_options};

/// Samples that the model sees at once.
const AT_ONCE: usize = 256;

/// The arguments of `evaluate`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The bundle: a folder that `jingwei train` wrote
    bundle: PathBuf,
    /// Data with known answers: class folders, the beginning of the names of IDX files, CIFAR-10 or a table
    data: PathBuf,
    /// The column of a table that holds the class [default: that of the training, or the last one]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Pass over samples that cannot be read, with a warning each, instead of stopping
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    machine: Machine,
}

/// Measures a bundle.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus> {
    let bundle = Bundle::load(&arguments.bundle)?;
    let preparation = preparation(&bundle)?;
    let bad = Bad::new(arguments.skip_bad, printer);
    let data = {
        let _waiting = Waiting::new(printer, format!("reading {}", arguments.data.display()));
        read(arguments, &bundle, &preparation, &bad)?
    };
    bad.warn(data.quarantine());
    let predictor = Predictor::new(bundle, arguments.machine.runtime()?)?;
    let predicted = match data.features() {
        Features::Texts(_) => {
            let mut predicted = Predicted::of(&data);
            predict_texts(&predictor, &data, &bad, |sample, prediction| {
                predicted.add(sample, prediction)
            })?;
            predicted
        }
        _ => predict(&predictor, &preparation, &data, &bad, printer)?,
    };
    if predicted.samples.is_empty() {
        bail!(
            "{}: there is no sample to measure on",
            arguments.data.display()
        );
    }
    let evaluation = predicted.evaluate()?;
    let classes = preparation.class_names();
    match printer.is_json() {
        true => printer.value(&evaluation::json(&evaluation, classes))?,
        false => evaluation::print(&evaluation, classes, printer)?,
    }
    Ok(ExitStatus::Done)
}

fn read(
    arguments: &Arguments,
    bundle: &Bundle,
    preparation: &Preparation,
    bad: &Bad<'_>,
) -> Result<Dataset> {
    let (path, on_bad) = (&arguments.data, bad.on_bad());
    if preparation.text().is_some() {
        let mut options = text_options(bundle, on_bad);
        options.label = arguments.target.clone().or(options.label);
        return Ok(read_texts(path, &options, Some(preparation.class_names()))?);
    }
    let mut options = ReadOptions {
        size: size(preparation),
        on_bad,
        ..ReadOptions::default()
    };
    match &preparation.targets {
        TargetPreparation::Classes(names) => options.classes = Some(names.clone()),
        TargetPreparation::Values(columns) => {
            options.target =
                CsvTarget::Values(columns.iter().map(|column| column.name.clone()).collect());
        }
        TargetPreparation::Labels(_) | TargetPreparation::Tags(_) => {}
        TargetPreparation::None => bail!(
            "{}: the model was trained without answers",
            bundle.folder().display()
        ),
    }
    if options.size.is_none() {
        options.columns = Some(preparation.column_names());
        if matches!(preparation.targets, TargetPreparation::Classes(_)) {
            options.target = CsvTarget::Class(class_column(arguments, bundle, path)?);
        }
    }
    Ok(source::read(path, &options, &Limits::default())?)
}

/// The column of the classes: as asked for, as in the training, or the last one.
fn class_column(arguments: &Arguments, bundle: &Bundle, path: &Path) -> Result<String> {
    let reading = bundle.manifest().reading.as_ref();
    let own = || reading.and_then(|reading| reading.target.first().cloned());
    if let Some(name) = arguments.target.clone().or_else(own) {
        return Ok(name);
    }
    let table = Table::open(path, delimiter(path), None, MOST_HEADER)?;
    let last = table.header().last().cloned();
    last.context("the table has no columns")
}

/// Bytes of a header at most.
const MOST_HEADER: usize = 1 << 26;

/// What the model said about the samples that it has an answer to.
struct Predicted<'d> {
    data: &'d Dataset,
    /// The samples, in the order of what is kept of them.
    samples: Vec<usize>,
    kept: Kept,
    tags: Sequences,
    /// The numbers of the tags.
    numbers: HashMap<&'d str, u32>,
}

impl<'d> Predicted<'d> {
    fn of(data: &'d Dataset) -> Self {
        let (rows, width) = (data.len(), width(data));
        let numbers = data.class_names().iter().zip(0..);
        Self {
            data,
            samples: Vec::new(),
            kept: match data.targets() {
                Targets::Classes { .. } => Kept::of_classes(rows, width),
                Targets::Labels { .. } => Kept::of_labels(rows, width),
                _ => Kept::Values(vec![0.0; rows * width]),
            },
            tags: Sequences::default(),
            numbers: numbers.map(|(name, number)| (&**name, number)).collect(),
        }
    }

    fn add(&mut self, sample: usize, prediction: Prediction) -> Result<()> {
        let row = self.samples.len();
        self.samples.push(sample);
        match prediction {
            Prediction::Class(Class {
                probabilities: values,
                ..
            })
            | Prediction::Labels(Labels {
                probabilities: values,
                ..
            })
            | Prediction::Values(Values { values }) => {
                self.kept.see(row, &values, truth(self.data, sample))?;
            }
            Prediction::Tags(Tags { tokens }) => {
                let number = |token: &TaggedToken| self.numbers.get(&*token.tag).copied();
                let own = tokens.iter().map(|token| number(token).unwrap_or(0));
                self.tags.push(&own.collect::<Vec<_>>());
            }
        }
        Ok(())
    }

    /// Compares the predictions with what the samples are.
    fn evaluate(mut self) -> Result<Evaluation> {
        let width = width(self.data);
        self.kept.truncate(self.samples.len(), width);
        let truth = self.data.targets().chosen(&self.samples);
        let compared = match &truth {
            Targets::Classes { labels, .. } => {
                Compared::Classes(self.kept.classified(width, labels)?)
            }
            Targets::Labels { labels, .. } => Compared::Labels(self.kept.labelled(width, labels)?),
            Targets::Tags { names, tags } => Compared::Tags(Tagged::new(self.tags, tags, names)?),
            Targets::Values { values, .. } => {
                Compared::Values(Estimates::new(self.kept.values(), values, width, None)?)
            }
            Targets::None => bail!(
                "the data hold no answers to compare with; give data with classes or target columns"
            ),
        };
        Ok(compared.evaluation())
    }
}

/// How many values a prediction has: a probability for each class, or a number for each target.
fn width(data: &Dataset) -> usize {
    match data.targets() {
        Targets::Classes { names, .. } | Targets::Labels { names, .. } => names.len(),
        Targets::Values { names, .. } => names.len(),
        Targets::Tags { .. } | Targets::None => 0,
    }
}

/// The class of a sample, or its labels.
fn truth(data: &Dataset, sample: usize) -> &[u32] {
    match data.targets() {
        Targets::Classes { labels, .. } => &labels[sample..=sample],
        Targets::Labels { labels, .. } => labels.get(sample),
        Targets::Tags { .. } | Targets::Values { .. } | Targets::None => &[],
    }
}

fn predict<'d>(
    predictor: &Predictor,
    preparation: &Preparation,
    data: &'d Dataset,
    bad: &Bad<'_>,
    printer: &Printer,
) -> Result<Predicted<'d>> {
    let length = preparation.sample_len();
    let indices = bad.finite(preparation, data)?;
    let mut prepared = vec![0.0; AT_ONCE.min(indices.len()) * length];
    let mut predicted = Predicted::of(data);
    let mut items = Items::new(printer, "evaluating", indices.len());
    for indices in indices.chunks(AT_ONCE) {
        let prepared = &mut prepared[..indices.len() * length];
        preparation.apply(data, indices, prepared)?;
        let predictions = predictor.predict_each(prepared, indices.len())?;
        for (&sample, prediction) in indices.iter().zip(predictions) {
            if let Some(prediction) = bad.answer(data, sample, prediction)? {
                predicted.add(sample, prediction)?;
            }
        }
        items.add(indices.len());
    }
    Ok(predicted)
}
