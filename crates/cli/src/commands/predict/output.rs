use anyhow::{Result, anyhow};
use jingwei_bundle::{Column, Form, Prediction, Predictor};
use serde::Serialize;

use super::Format;
use crate::printer::Printer;
use crate::table::Table;

/// Writes predictions in a format; tables at the end, as their columns must line up.
pub struct Output<'a> {
    printer: &'a Printer,
    form: Form,
    kind: Kind,
}

enum Kind {
    Table(Table),
    Csv,
    Json,
}

/// A prediction as a line of JSON.
#[derive(Serialize)]
struct Line<P: Serialize> {
    record: String,
    #[serde(flatten)]
    prediction: P,
}

const RECORD: &str = "record";

impl<'a> Output<'a> {
    /// An output in a format; a table of CSV begins with its header.
    pub fn new(format: Format, predictor: &Predictor, printer: &'a Printer) -> Result<Self> {
        let form = predictor.form().clone();
        let kind = match format {
            Format::Json => Kind::Json,
            Format::Csv => Kind::Csv,
            Format::Table => Kind::Table(table(&form.columns())),
        };
        let output = Self {
            printer,
            form,
            kind,
        };
        if format == Format::Csv {
            let heads = output.form.csv_columns().into_iter();
            output.csv(RECORD, heads.map(|column| column.name).collect())?;
        }
        Ok(output)
    }

    /// Writes a prediction.
    pub fn add(&mut self, record: String, prediction: Prediction) -> Result<()> {
        match &mut self.kind {
            Kind::Table(table) => {
                let cells = prediction.cells(&self.form);
                table.push(std::iter::once(record).chain(cells).collect());
                Ok(())
            }
            Kind::Csv => {
                let mut rows = prediction.csv_rows(&self.form).into_iter();
                rows.try_for_each(|row| self.csv(&record, row))
            }
            Kind::Json => self.printer.value(&Line {
                record,
                prediction: prediction.named(&self.form),
            }),
        }
    }

    fn csv(&self, record: &str, fields: Vec<String>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_field(record)?;
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

/// A table for people; numbers stand to the right.
fn table(columns: &[Column]) -> Table {
    let head = |column: &Column| match column.is_number {
        true => format!(">{}", column.name),
        false => column.name.clone(),
    };
    let heads: Vec<String> = columns.iter().map(head).collect();
    let heads = std::iter::once(RECORD).chain(heads.iter().map(String::as_str));
    Table::new(&heads.collect::<Vec<_>>())
}
