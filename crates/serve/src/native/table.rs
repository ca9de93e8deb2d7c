//! CSV: a header with the names of columns, then a record a line.

use std::collections::HashSet;
use std::path::Path;

use jingwei_bounds::Budget;
use jingwei_text::table::{self, Fields};

use crate::MOST_SAMPLES;
use crate::error::Refusal;

/// A table of text: the columns that the model reads.
pub(super) struct Table {
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Bytes that a field takes beside its text, while a row is read and grows.
const BESIDE_FIELD: usize = 32;

/// Reads the columns of the body of a request that `reads` names.
pub(super) fn parse(
    body: &[u8],
    reads: impl Fn(&str) -> bool,
    budget: &Budget,
) -> Result<Table, Refusal> {
    let wrong =
        |cause: &dyn std::fmt::Display| Refusal::bad(format!("the body is no table: {cause}"));
    let fields = body.iter().filter(|&&byte| byte == b',').count();
    // A byte of another encoding may be three of UTF-8.
    let longer = if std::str::from_utf8(body).is_ok() {
        1
    } else {
        3
    };
    let decoded = body.len().saturating_mul(longer);
    // The body once more, a line of it decoded, and a row with all its fields.
    let taken = body.len().saturating_add(decoded.saturating_mul(2));
    let _loan = budget.lend(taken.saturating_add(fields.saturating_mul(BESIDE_FIELD)))?;
    let mut table = table::Table::of(body.to_vec(), Path::new("body"), b',', decoded)
        .map_err(|error| wrong(&error))?;
    let names = table.header().to_vec();
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        let reason = format!("the column `{name:.64}` is there twice");
        return Err(Refusal::bad(reason));
    }
    let places: Vec<usize> = (0..names.len()).filter(|&at| reads(&names[at])).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut fields = Fields::default();
    while let Some(row) = table.next(&mut fields).map_err(|error| wrong(&error))? {
        if let Some(bad) = row.bad {
            return Err(wrong(&format_args!("line {}: {}", row.line, bad.reason())));
        }
        if rows.len() == MOST_SAMPLES {
            let reason = format!("the table has more than {MOST_SAMPLES} rows: send fewer at once");
            return Err(Refusal::bad(reason));
        }
        let chosen: Vec<String> = places.iter().map(|&at| fields.get(at).to_owned()).collect();
        if chosen.iter().any(|field| field.contains('\u{fffd}')) {
            let reason = "bytes that do not fit the encoding";
            return Err(wrong(&format_args!("line {}: {reason}", row.line)));
        }
        let bytes: usize = chosen.iter().map(String::len).sum();
        budget.take(size_of::<Vec<String>>() + bytes + chosen.len() * BESIDE_FIELD)?;
        rows.push(chosen);
    }
    Ok(Table {
        names: places.iter().map(|&at| names[at].clone()).collect(),
        rows,
    })
}
