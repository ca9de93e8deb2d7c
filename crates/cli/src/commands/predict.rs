use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use jingwei_bundle::{Bundle, Prediction, Predictor};
use jingwei_data::{Dataset, OnBad, Preparation};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::ExitStatus;
use crate::machine::Machine;
use crate::numbers;
use crate::printer::Printer;
use crate::progress::Items;
use crate::records::portions;
use crate::table::Table;

/// Records that the model sees at once.
const AT_ONCE: usize = 256;
/// Other classes that a table shows beside the most probable one.
const OTHERS: usize = 2;

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

/// Writes predictions in a format; tables at the end, as their columns must line up.
struct Output<'a> {
    printer: &'a Printer,
    kind: Kind,
    /// The names of classes or of predicted numbers.
    names: Vec<String>,
}

enum Kind {
    Table(Table),
    Csv,
    Json,
}

/// A prediction as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    record: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Named<'a>>,
}

/// Values by name, in their own order.
struct Named<'a>(&'a [String], &'a [f32]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.1.len()))?;
        for (name, value) in self.0.iter().zip(self.1) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> Output<'a> {
    fn new(format: Format, predictor: &Predictor, printer: &'a Printer) -> Result<Self> {
        let values = predictor.bundle().outputs()[0].len();
        let targets: Vec<String> = predictor
            .target_names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let has_classes = predictor
            .interpret(&vec![0.0; values])
            .any(|first| matches!(first, Prediction::Class { .. }));
        let names: Vec<String> = match (has_classes, targets.is_empty()) {
            (true, _) => (0..values.max(2))
                .map(|class| predictor.label(class))
                .collect(),
            (false, true) => (0..values).map(|value| format!("value {value}")).collect(),
            (false, false) => targets,
        };
        let kind = match format {
            Format::Json => Kind::Json,
            Format::Csv => Kind::Csv,
            Format::Table if has_classes => Kind::Table(Table::new(&[
                "record",
                "prediction",
                ">probability",
                "next",
            ])),
            Format::Table => {
                let heads: Vec<String> = names.iter().map(|name| format!(">{name}")).collect();
                let heads: Vec<&str> = std::iter::once("record")
                    .chain(heads.iter().map(String::as_str))
                    .collect();
                Kind::Table(Table::new(&heads))
            }
        };
        let output = Self {
            printer,
            kind,
            names,
        };
        if matches!(output.kind, Kind::Csv) {
            let classes = output
                .names
                .iter()
                .map(|name| format!("probability {name}"));
            let heads: Vec<String> = match has_classes {
                true => ["record", "prediction", "probability"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain(classes)
                    .collect(),
                false => std::iter::once("record".to_owned())
                    .chain(output.names.iter().cloned())
                    .collect(),
            };
            output.csv(&heads)?;
        }
        Ok(output)
    }

    fn add(&mut self, record: String, prediction: Prediction) -> Result<()> {
        match &mut self.kind {
            Kind::Table(table) => {
                table.push(cells(record, &prediction, &self.names));
                Ok(())
            }
            Kind::Csv => {
                let mut fields = vec![record];
                let values = match &prediction {
                    Prediction::Class {
                        class,
                        label,
                        probabilities,
                    } => {
                        fields.extend([label.clone(), probabilities[*class].to_string()]);
                        probabilities
                    }
                    Prediction::Values(values) => values,
                };
                fields.extend(values.iter().map(ToString::to_string));
                self.csv(&fields)
            }
            Kind::Json => self.printer.value(&line(record, &prediction, &self.names)),
        }
    }

    fn csv(&self, fields: &[String]) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(fields)?;
        let bytes = writer
            .into_inner()
            .map_err(|error| anyhow::anyhow!("a line of CSV cannot be made: {error}"))?;
        self.printer.write(&bytes)
    }

    fn finish(self) -> Result<()> {
        match self.kind {
            Kind::Table(table) => self.printer.line(table),
            _ => Ok(()),
        }
    }
}

fn cells(record: String, prediction: &Prediction, names: &[String]) -> Vec<String> {
    match prediction {
        Prediction::Values(values) => {
            let values = values.iter().map(|&value| numbers::short(f64::from(value)));
            std::iter::once(record).chain(values).collect()
        }
        Prediction::Class {
            class,
            label,
            probabilities,
        } => {
            let mut others: Vec<usize> = (0..probabilities.len())
                .filter(|other| other != class)
                .collect();
            others.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
            let other = |&class: &usize| format!("{} {:.4}", names[class], probabilities[class]);
            let others: Vec<String> = others.iter().take(OTHERS).map(other).collect();
            vec![
                record,
                label.clone(),
                format!("{:.4}", probabilities[*class]),
                others.join(", "),
            ]
        }
    }
}

fn line<'a>(record: String, prediction: &'a Prediction, names: &'a [String]) -> Line<'a> {
    match prediction {
        Prediction::Class {
            class,
            label,
            probabilities,
        } => Line {
            record,
            prediction: Some(label),
            probability: Some(probabilities[*class]),
            probabilities: Some(Named(names, probabilities)),
            values: None,
        },
        Prediction::Values(values) => Line {
            record,
            prediction: None,
            probability: None,
            probabilities: None,
            values: Some(Named(names, values)),
        },
    }
}
