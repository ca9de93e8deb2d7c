//! An open CSV file: its header and its records.

use std::collections::{HashMap, HashSet};
use std::io::Cursor;
use std::path::Path;

use ::csv::{ByteRecord, Reader, ReaderBuilder};

use crate::error::some;
use crate::image::read_bounded;
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
    /// The line on which the present row starts, from 1, and where in the file that is.
    pub line: u64,
    start: usize,
    reader: Reader<Cursor<Vec<u8>>>,
}

impl Table {
    pub fn open(path: &Path, delimiter: Option<u8>, limits: &Limits) -> Result<Self> {
        let place = path.display().to_string();
        let mut bytes = read_bounded(path, limits.dataset_bytes)?;
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let is_tsv = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
        let delimiter = delimiter.unwrap_or(if is_tsv { b'\t' } else { b',' });
        let mut builder = ReaderBuilder::new();
        let mut reader = builder
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(Cursor::new(bytes));
        let header = read_header(&mut reader, &place)?;
        Ok(Self {
            header,
            place,
            line: 1,
            start: 0,
            reader,
        })
    }

    /// Reads the next row, if there is one. After an error, which is one of the row, reading can go on.
    pub fn next(&mut self, record: &mut ByteRecord) -> Option<Result<()>> {
        match self.reader.read_byte_record(record) {
            Ok(true) => self.find_line(record),
            Ok(false) => return None,
            Err(cause) => return Some(Err(Error::content(&self.place, cause, "check the file"))),
        }
        if record.len() == self.header.len() {
            return Some(Ok(()));
        }
        let cause = format!(
            "{} fields, the header has {}",
            record.len(),
            self.header.len()
        );
        let place = format!("{}, line {}", self.place, self.line);
        Some(Err(Error::content(
            place,
            cause,
            "complete the row; quote fields that contain the delimiter",
        )))
    }

    /// Counts the lines up to the row's first character: the reader's own count is behind after empty lines and `\r\n`.
    fn find_line(&mut self, record: &ByteRecord) {
        let bytes = self.reader.get_ref().get_ref();
        let from = record
            .position()
            .map_or(self.start, |position| position.byte() as usize);
        let empty = bytes[from..]
            .iter()
            .take_while(|byte| b"\r\n".contains(byte))
            .count();
        let between = &bytes[self.start..from + empty];
        self.line += between.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.start = from + empty;
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

    pub fn text<'r>(&self, record: &'r ByteRecord, field: usize) -> Result<&'r str> {
        let bytes = record.get(field).unwrap_or_default();
        let text =
            std::str::from_utf8(bytes).map_err(|_| self.bad(field, "the text is not UTF-8"))?;
        Ok(text.trim())
    }

    pub fn number(&self, record: &ByteRecord, field: usize) -> Result<f32> {
        let text = self.text(record, field)?;
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

fn read_header(reader: &mut Reader<Cursor<Vec<u8>>>, place: &str) -> Result<Vec<String>> {
    let record = reader
        .byte_headers()
        .map_err(|cause| Error::content(place, cause, "check the file"))?;
    let names: Vec<String> = record
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim().to_owned())
        .collect();
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
    if let Some(name) = first_double(&names) {
        return Err(Error::content(
            place,
            format!("the column `{name}` comes twice"),
            "give each its own name",
        ));
    }
    Ok(names)
}

fn first_double(names: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !seen.insert(*name))
}
