use anyhow::{Result, anyhow};
use jingwei_bundle::{OutputKind, Prediction, Predictor};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Format;
use crate::numbers;
use crate::printer::Printer;
use crate::table::Table;

/// Other classes that a table shows beside the most probable one.
const OTHERS: usize = 2;

/// Writes predictions in a format; tables at the end, as their columns must line up.
pub struct Output<'a> {
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
    /// An output in a format; a table of CSV begins with its header.
    pub fn new(format: Format, predictor: &Predictor, printer: &'a Printer) -> Result<Self> {
        let (has_classes, names) = names(predictor);
        let columns: Vec<String> = match has_classes {
            true => names
                .iter()
                .map(|name| format!("probability {name}"))
                .collect(),
            false => names.clone(),
        };
        let fixed: &[&str] = match (has_classes, format) {
            (true, Format::Csv) => &["record", "prediction", "probability"],
            (true, _) => &["record", "prediction", ">probability", "next"],
            (false, _) => &["record"],
        };
        let kind = match format {
            Format::Json => Kind::Json,
            Format::Csv => Kind::Csv,
            Format::Table if has_classes => Kind::Table(Table::new(fixed)),
            Format::Table => {
                let numbers: Vec<String> = names.iter().map(|name| format!(">{name}")).collect();
                let heads = fixed
                    .iter()
                    .copied()
                    .chain(numbers.iter().map(String::as_str));
                Kind::Table(Table::new(&heads.collect::<Vec<_>>()))
            }
        };
        let output = Self {
            printer,
            kind,
            names,
        };
        if format == Format::Csv {
            let fixed = fixed.iter().map(|&head| head.to_owned());
            output.csv(&fixed.chain(columns).collect::<Vec<_>>())?;
        }
        Ok(output)
    }

    /// Writes a prediction.
    pub fn add(&mut self, record: String, prediction: Prediction) -> Result<()> {
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
            .map_err(|error| anyhow!("a line of CSV cannot be made: {error}"))?;
        self.printer.write(&bytes)
    }

    /// Writes what had to wait for the last prediction.
    pub fn finish(self) -> Result<()> {
        match self.kind {
            Kind::Table(table) => self.printer.line(table),
            _ => Ok(()),
        }
    }
}

/// Whether a model gives probabilities of classes, and the names of the classes or of the predicted numbers.
fn names(predictor: &Predictor) -> (bool, Vec<String>) {
    let output = &predictor.bundle().outputs()[0];
    if output.kind == OutputKind::Probabilities {
        let classes = output.len().max(2);
        return (
            true,
            (0..classes).map(|class| predictor.label(class)).collect(),
        );
    }
    let targets = predictor.target_names();
    if targets.is_empty() {
        return (
            false,
            (0..output.len())
                .map(|value| format!("value {value}"))
                .collect(),
        );
    }
    (false, targets.into_iter().map(str::to_owned).collect())
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
