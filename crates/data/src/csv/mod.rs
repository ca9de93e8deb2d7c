//! Tables of numbers in CSV files, with a header and, for training, target columns.

mod rows;
mod table;

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jingwei_text::table::Fields;
use rows::Rows;
use serde::{Deserialize, Serialize};
pub(crate) use table::{Table, is_missing, parse_number};

use crate::image_folder::{entries, name_of};
use crate::inspect::{Summary, table::summarise};
use crate::source::{Format, Found, ReadOptions, SourceKind};
use crate::{Dataset, Limits, OnBad, Result};

/// What a table says about each row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CsvTarget {
    /// A class, named by text or number in this column.
    Class(String),
    /// Numbers in these columns.
    Values(Vec<String>),
    /// Nothing: the rows are to be predicted.
    #[default]
    None,
}

/// How to read a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// The target.
    pub target: CsvTarget,
    /// The feature columns, in the order in which the model reads them; none: all but the target, in file order.
    pub columns: Option<Vec<String>>,
    /// The classes, in the order of their numbers; none: those that occur, sorted (numbers by value).
    pub classes: Option<Vec<String>>,
    /// The character between fields; none: tab for `.tsv`, else comma.
    pub delimiter: Option<u8>,
    /// What to do about rows of the wrong width, and values that are missing, no numbers or not finite.
    pub on_bad: OnBad,
}

/// Reads a table.
///
/// # Errors
/// If the file is unreadable or larger than the limits, a column is absent or comes twice, a row is bad (see
/// [`CsvOptions::on_bad`]) or a label is none of the given classes; with file, line and column.
pub fn read_csv(path: &Path, options: &CsvOptions, limits: &Limits) -> Result<Dataset> {
    let mut table = Table::open(path, options.delimiter, limits)?;
    let targets = match &options.target {
        CsvTarget::Class(name) => std::slice::from_ref(name),
        CsvTarget::Values(names) => &names[..],
        CsvTarget::None => &[],
    };
    let columns = options.columns.clone().unwrap_or_else(|| {
        let targets: HashSet<&String> = targets.iter().collect();
        let features = table.header.iter().filter(|name| !targets.contains(name));
        features.cloned().collect()
    });
    let feature_fields = table.fields_of(&columns)?;
    let target_fields = table.fields_of(targets)?;
    let mut rows = Rows::new(options.classes.as_deref());
    let mut record = Fields::default();
    while let Some(read) = table.next(&mut record) {
        let start = (rows.features.len(), rows.values.len());
        let row = read.and_then(|()| match options.target {
            CsvTarget::Class(_) => {
                rows.push(&table, &record, &feature_fields, &[], target_fields.first())
            }
            _ => rows.push(&table, &record, &feature_fields, &target_fields, None),
        });
        if let Err(error) = row {
            rows.features.truncate(start.0);
            rows.values.truncate(start.1);
            options.on_bad.handle(error, &mut rows.quarantine)?;
        }
        rows.check_size(&table, limits)?;
    }
    rows.finish(path, columns, options)
}

/// A table in a file, or a folder of such.
pub(crate) struct TableFile;

impl Format for TableFile {
    fn kind(&self) -> SourceKind {
        SourceKind::Csv
    }

    fn recognise(&self, path: &Path) -> Result<Option<Found>> {
        if !path.is_dir() {
            return Ok(is_table(path).then(|| Found::whole(self.kind(), path)));
        }
        let tables: Vec<PathBuf> = entries(path)?
            .into_iter()
            .filter(|path| is_table(path))
            .collect();
        Ok(match &tables[..] {
            [] => None,
            [table] => Some(Found::whole(self.kind(), table)),
            _ => Some(Found::parts(self.kind(), &tables, path)),
        })
    }

    fn look(&self, found: &Found, limits: &Limits) -> Result<Summary> {
        summarise(&found.train, limits)
    }

    fn read(&self, path: &Path, options: &ReadOptions, limits: &Limits) -> Result<Dataset> {
        let options = CsvOptions {
            target: options.target.clone(),
            columns: options.columns.clone(),
            classes: options.classes.clone(),
            delimiter: options.delimiter,
            on_bad: options.on_bad,
        };
        read_csv(path, &options, limits)
    }
}

fn is_table(path: &Path) -> bool {
    let name = name_of(path).to_lowercase();
    let is_named = [".csv", ".tsv", ".txt"]
        .iter()
        .any(|ending| name.ends_with(ending));
    path.is_file() && is_named && !starts_binary(path)
}

/// Zero bytes do not occur in text.
fn starts_binary(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_end(&mut start));
    read.is_ok() && start.contains(&0)
}
