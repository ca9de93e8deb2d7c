//! An open table of numbers: its header and its rows.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use jingwei_text::table::{self, BadRow, Fields};

use crate::error::some;
use crate::limits::check_file;
use crate::{Error, Limits, Result};

/// How missing values are spelled, in small letters.
const MISSING: [&str; 7] = ["", "na", "n/a", "nan", "null", "none", "?"];

pub(crate) fn is_missing(text: &str) -> bool {
    MISSING.contains(&text.to_lowercase().as_str())
}

/// An open table: its header, and its rows one after the other.
pub(crate) struct Table {
    pub header: Vec<String>,
    pub place: String,
    /// The line on which the present row starts, from 1.
    pub line: u64,
    table: table::Table,
}

impl Table {
    pub fn open(path: &Path, delimiter: Option<u8>, limits: &Limits) -> Result<Self> {
        let place = path.display().to_string();
        check_file(path, limits.dataset_bytes)?;
        let delimiter = delimiter.unwrap_or_else(|| table::delimiter(path));
        let bound = usize::try_from(limits.dataset_bytes).unwrap_or(usize::MAX);
        let table = table::Table::open(path, delimiter, None, bound)?;
        let header = table.header().to_vec();
        check_header(&header, &place)?;
        Ok(Self {
            header,
            place,
            line: 1,
            table,
        })
    }

    /// Reads the next row, if there is one. After an error, which is one of the row, reading can go on.
    pub fn next(&mut self, fields: &mut Fields) -> Option<Result<()>> {
        let row = match self.table.next(fields) {
            Ok(row) => row?,
            Err(error) => return Some(Err(error.into())),
        };
        self.line = row.line;
        let bad = |bad: BadRow| {
            let place = format!("{}, line {}", self.place, self.line);
            Error::content(place, bad.reason(), bad.remedy)
        };
        Some(row.bad.map_or(Ok(()), |cause| Err(bad(cause))))
    }

    /// Where these columns are.
    pub fn fields_of(&self, columns: &[String]) -> Result<Vec<usize>> {
        if let Some(column) = first_double(columns) {
            return Err(Error::setting(
                "columns",
                format!("`{column}` comes twice"),
                "name each once",
            ));
        }
        let places: HashMap<&String, usize> = self.header.iter().zip(0..).collect();
        let field = |column: &String| {
            places.get(column).copied().ok_or_else(|| {
                let cause = format!("there is no column `{column}`");
                Error::content(
                    format!("{}, line 1", self.place),
                    cause,
                    format!("its columns are {}", some(&self.header)),
                )
            })
        };
        columns.iter().map(field).collect()
    }

    pub fn text<'r>(&self, fields: &'r Fields, field: usize) -> Result<&'r str> {
        let text = fields.get(field).trim();
        match text.contains('\u{fffd}') {
            true => Err(self.bad(field, "bytes that do not fit the encoding")),
            false => Ok(text),
        }
    }

    pub fn number(&self, fields: &Fields, field: usize) -> Result<f32> {
        let text = self.text(fields, field)?;
        parse_number(text).map_err(|cause| self.bad(field, cause))
    }

    pub fn bad(&self, field: usize, cause: impl ToString) -> Error {
        let place = format!(
            "{}, line {}, column `{}`",
            self.place, self.line, self.header[field]
        );
        Error::content(
            place,
            cause,
            "correct the row, leave the column out, or set bad rows aside (quarantine)",
        )
    }
}

/// A finite number, or why it is none.
pub(crate) fn parse_number(text: &str) -> std::result::Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ if is_missing(text) => Err("the value is missing".to_owned()),
        Ok(_) => Err(format!("`{text}` is not finite")),
        Err(_) => Err(format!("`{text}` is no number")),
    }
}

fn check_header(names: &[String], place: &str) -> Result<()> {
    let place = format!("{place}, line 1");
    if names.iter().all(|name| parse_number(name).is_ok()) {
        let cause = if names.is_empty() {
            "the file is empty"
        } else {
            "the first line holds numbers, not names"
        };
        return Err(Error::content(
            place,
            cause,
            "begin the file with a line that names the columns",
        ));
    }
    if let Some(name) = first_double(names) {
        return Err(Error::content(
            place,
            format!("the column `{name}` comes twice"),
            "give each its own name",
        ));
    }
    Ok(())
}

fn first_double(names: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !seen.insert(*name))
}
