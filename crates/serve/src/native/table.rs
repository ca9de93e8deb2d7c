//! CSV: a header with the names of columns, then a record a line.

use std::collections::HashSet;

use csv::{ReaderBuilder, StringRecord};
use jingwei_bounds::Budget;

use crate::MOST_SAMPLES;
use crate::error::Refusal;

/// A table of text: the columns that the model reads.
pub(super) struct Table {
    pub names: StringRecord,
    pub rows: Vec<StringRecord>,
}

/// Bytes that a field takes beside its text, while a row is read and grows.
const BESIDE_FIELD: usize = 24;

/// Reads the columns of the body of a request that `reads` names.
pub(super) fn parse(
    body: &[u8],
    reads: impl Fn(&str) -> bool,
    budget: &Budget,
) -> Result<Table, Refusal> {
    let wrong = |error: csv::Error| Refusal::bad(format!("the body is no table: {error}"));
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let fields = body.iter().filter(|&&byte| byte == b',').count();
    let _loan = budget.lend(body.len() + fields.saturating_mul(BESIDE_FIELD))?;
    let mut reader = ReaderBuilder::new().from_reader(body);
    let mut names = reader.headers().map_err(wrong)?.clone();
    names.trim();
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        let reason = format!("the column `{name:.64}` is there twice");
        return Err(Refusal::bad(reason));
    }
    let places: Vec<usize> = (0..names.len()).filter(|&at| reads(&names[at])).collect();
    let chosen = |row: &StringRecord| places.iter().map(|&at| &row[at]).collect::<StringRecord>();
    let mut rows = Vec::new();
    let mut row = StringRecord::new();
    while reader.read_record(&mut row).map_err(wrong)? {
        if rows.len() == MOST_SAMPLES {
            let reason = format!("the table has more than {MOST_SAMPLES} rows: send fewer at once");
            return Err(Refusal::bad(reason));
        }
        let chosen = chosen(&row);
        budget.take(
            size_of::<StringRecord>() + chosen.as_slice().len() + chosen.len() * BESIDE_FIELD,
        )?;
        rows.push(chosen);
    }
    Ok(Table {
        names: chosen(&names),
        rows,
    })
}
