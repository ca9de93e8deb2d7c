//! Rows as they are read, and the dataset that they become.

use std::collections::HashMap;
use std::path::Path;

use jingwei_text::table::Fields;

use super::table::{Table, is_missing};
use super::{CsvOptions, CsvTarget};
use crate::error::some;
use crate::{Dataset, Error, Features, Limits, Origins, Quarantined, Result, Targets};

/// What has been read so far.
#[derive(Default)]
pub(super) struct Rows {
    pub features: Vec<f32>,
    pub values: Vec<f32>,
    labels: Vec<u32>,
    classes: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Whether the classes were given, so that no other may come.
    closed: bool,
    lines: Vec<u64>,
    pub quarantine: Vec<Quarantined>,
}

impl Rows {
    pub fn new(classes: Option<&[String]>) -> Self {
        let given = classes.unwrap_or_default();
        let numbers = given.iter().cloned().zip(0..).collect();
        Self {
            classes: given.to_vec(),
            numbers,
            closed: classes.is_some(),
            ..Self::default()
        }
    }

    /// Adds a row. After an error, features and values may hold a part of it; labels and lines do not.
    pub fn push(
        &mut self,
        table: &Table,
        record: &Fields,
        features: &[usize],
        targets: &[usize],
        label: Option<&usize>,
    ) -> Result<()> {
        for &field in features {
            self.features.push(table.number(record, field)?);
        }
        for &field in targets {
            self.values.push(table.number(record, field)?);
        }
        if let Some(&field) = label {
            let number = self.class_number(table.text(record, field)?);
            self.labels
                .push(number.map_err(|cause| table.bad(field, cause))?);
        }
        self.lines.push(table.line);
        Ok(())
    }

    fn class_number(&mut self, name: &str) -> std::result::Result<u32, String> {
        match self.numbers.get(name) {
            Some(&number) => Ok(number),
            None if is_missing(name) => Err("the label is missing".to_owned()),
            None if self.closed => {
                let known = some(&self.classes);
                Err(format!("the class `{name}` is none of {known}"))
            }
            None => {
                let number = self.classes.len() as u32;
                self.numbers.insert(name.to_owned(), number);
                self.classes.push(name.to_owned());
                Ok(number)
            }
        }
    }

    pub fn check_size(&self, table: &Table, limits: &Limits) -> Result<()> {
        let numbers = self.features.len() + self.values.len() + self.labels.len();
        let needed = (numbers * 4 + self.lines.len() * 8) as u64;
        if needed <= limits.dataset_bytes {
            return Ok(());
        }
        let remedy =
            "use a part of the table, or raise the limit if the machine has the memory".to_owned();
        Err(Error::TooLarge {
            place: table.place.clone(),
            needed,
            limit: limits.dataset_bytes,
            remedy,
        })
    }

    pub fn finish(
        self,
        path: &Path,
        columns: Vec<String>,
        options: &CsvOptions,
    ) -> Result<Dataset> {
        if self.lines.is_empty() {
            let cause = match self.quarantine.first() {
                None => "there is no row below the header".to_owned(),
                Some(first) => format!(
                    "all {} rows are bad (first: {})",
                    self.quarantine.len(),
                    first.reason
                ),
            };
            return Err(Error::content(
                path.display(),
                cause,
                "check the file, and the columns chosen",
            ));
        }
        let targets = match &options.target {
            CsvTarget::Values(names) => Targets::Values {
                names: names.clone(),
                values: self.values,
            },
            CsvTarget::None => Targets::None,
            CsvTarget::Class(_) if self.closed => Targets::Classes {
                names: self.classes,
                labels: self.labels,
            },
            CsvTarget::Class(_) => {
                let names = sorted(&self.classes);
                let places: HashMap<&String, u32> = names.iter().zip(0..).collect();
                let labels = self
                    .labels
                    .iter()
                    .map(|&label| places[&self.classes[label as usize]])
                    .collect();
                Targets::Classes { names, labels }
            }
        };
        let features = Features::Rows {
            columns,
            values: self.features,
        };
        let origins = Origins::Lines(path.to_owned(), self.lines);
        Ok(Dataset::with_origins(features, targets, origins)?.with_quarantine(self.quarantine))
    }
}

/// Sorts class names: numbers by value if all are numbers, else by text.
fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    let number = |name: &String| name.parse::<f64>().ok().filter(|number| number.is_finite());
    match names.iter().all(|name| number(name).is_some()) {
        true => names.sort_by(|a, b| {
            number(a)
                .partial_cmp(&number(b))
                .unwrap_or(std::cmp::Ordering::Equal)
        }),
        false => names.sort(),
    }
    names
}
