//! The columns of a table: numbers or text, how many values, what is missing.

use std::collections::BTreeMap;
use std::path::Path;

use jingwei_text::table::Fields;
use serde::Serialize;

use super::Summary;
use crate::csv::{Table, is_missing, parse_number};
use crate::source::SourceKind;
use crate::{Limits, Result};

/// Different values that are counted at most.
const MOST_DISTINCT: usize = 1000;
/// Notes about bad rows at most.
const MOST_NOTES: usize = 10;

/// What a column of a table holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// The name in the header.
    pub name: String,
    /// Values that are finite numbers.
    pub numbers: usize,
    /// Values that are missing.
    pub missing: usize,
    /// Values that are neither.
    pub text: usize,
    /// How often each value occurs, by value; empty if more than 1,000 differ.
    pub values: BTreeMap<String, usize>,
    /// The smallest number.
    pub min: Option<f32>,
    /// The largest number.
    pub max: Option<f32>,
    /// The mean of the numbers.
    pub mean: Option<f64>,
    #[serde(skip)]
    crowded: bool,
}

impl ColumnSummary {
    /// Whether more than 1,000 values differ.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    fn add(&mut self, text: &str) {
        match parse_number(text) {
            Ok(number) => {
                self.numbers += 1;
                self.min = Some(self.min.map_or(number, |least| least.min(number)));
                self.max = Some(self.max.map_or(number, |most| most.max(number)));
                let mean = self.mean.unwrap_or(0.0);
                self.mean = Some(mean + (f64::from(number) - mean) / self.numbers as f64);
            }
            Err(_) if is_missing(text) => self.missing += 1,
            Err(_) => self.text += 1,
        }
        if !self.crowded && !is_missing(text) {
            *self.values.entry(text.to_owned()).or_default() += 1;
            if self.values.len() > MOST_DISTINCT {
                self.crowded = true;
                self.values.clear();
            }
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.missing > 0 {
            notes.push(format!(
                "column `{}` lacks {} values",
                self.name, self.missing
            ));
        }
        if self.text > 0 && self.numbers > 0 {
            let Self {
                name,
                numbers,
                text,
                ..
            } = self;
            notes.push(format!(
                "column `{name}` mixes {numbers} numbers and {text} texts"
            ));
        }
        if self.values.len() == 1 {
            notes.push(format!(
                "column `{}` has the same value everywhere",
                self.name
            ));
        }
        notes
    }
}

pub(crate) fn summarise(path: &Path, limits: &Limits) -> Result<Summary> {
    let mut table = Table::open(path, None, limits)?;
    let named = |name: &String| ColumnSummary {
        name: name.clone(),
        ..ColumnSummary::default()
    };
    let mut columns: Vec<ColumnSummary> = table.header.iter().map(named).collect();
    let (mut samples, mut bad) = (0, Vec::new());
    let mut record = Fields::default();
    while let Some(read) = table.next(&mut record) {
        match read {
            Ok(()) => {
                samples += 1;
                columns
                    .iter_mut()
                    .zip(record.iter())
                    .for_each(|(column, text)| column.add(text.trim()));
            }
            Err(error) => bad.push(error.to_string()),
        }
    }
    let mut notes: Vec<String> = bad.iter().take(MOST_NOTES).cloned().collect();
    if bad.len() > MOST_NOTES {
        notes.push(format!("{} more rows are bad", bad.len() - MOST_NOTES));
    }
    notes.extend(columns.iter().flat_map(ColumnSummary::notes));
    Ok(Summary {
        kind: SourceKind::Csv,
        path: path.to_owned(),
        samples,
        shape: Some(vec![columns.len()]),
        classes: Vec::new(),
        columns,
        sizes: None,
        notes,
    })
}
