//! CSV: a header with the names of columns, then a record a line.

use csv::{ReaderBuilder, StringRecord};

use crate::MOST_SAMPLES;
use crate::error::Refusal;

/// A table of text.
pub(super) struct Table {
    pub names: StringRecord,
    pub rows: Vec<StringRecord>,
}

/// Reads the body of a request.
pub(super) fn parse(body: &[u8]) -> Result<Table, Refusal> {
    let wrong = |error: csv::Error| Refusal::bad(format!("the body is no table: {error}"));
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reader = ReaderBuilder::new().from_reader(body);
    let mut names = reader.headers().map_err(wrong)?.clone();
    names.trim();
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|other| other == name) {
            return Err(Refusal::bad(format!(
                "the column `{name:.64}` is there twice"
            )));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        if rows.len() == MOST_SAMPLES {
            let reason = format!("the table has more than {MOST_SAMPLES} rows: send fewer at once");
            return Err(Refusal::bad(reason));
        }
        rows.push(record.map_err(wrong)?);
    }
    Ok(Table { names, rows })
}
