//! Raw records, and how they become the numbers that a model reads.

use std::collections::HashMap;

use jingwei_bounds::Budget;
use jingwei_data::{Limits, Preparation};

use crate::{Error, Result};

/// One thing to predict from, as it comes from outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// A picture file (PNG, JPEG, BMP, WebP) of any size.
    Image(&'a [u8]),
    /// Pixels of the model's size, bytes of 0 to 255, `height × width × channels`.
    Pixels(&'a [u8]),
    /// Raw numbers: pixels of 0 to 255, or the model's columns in their order.
    Numbers(&'a [f32]),
    /// Numbers by the names of their columns, in any order; columns that the model does not read are passed over.
    Row(&'a [(String, f32)]),
    /// A text.
    Text(&'a str),
    /// A text that comes in tokens, with a line feed between them.
    Tokens(&'a str),
    /// Text fields and the names of their columns, as in a line of a CSV file and its header; likewise.
    Fields {
        /// The names.
        names: &'a [&'a str],
        /// The fields.
        fields: &'a [&'a str],
    },
}

/// A picture comes from outside, and many may be decoded at once.
fn limits() -> Limits {
    Limits {
        image_bytes: 256 << 20,
        image_pixels: 64 << 20,
        image_side: 16_384,
        ..Limits::default()
    }
}

/// Writes the prepared numbers of one record of one's own; `place` names it in messages.
pub(crate) fn prepare(
    preparation: &Preparation,
    record: &Record<'_>,
    place: &str,
    out: &mut [f32],
) -> Result<()> {
    prepare_within(preparation, record, place, out, &Budget::unlimited())
}

/// As [`prepare`], with what decoding takes from `budget`.
pub(crate) fn prepare_within(
    preparation: &Preparation,
    record: &Record<'_>,
    place: &str,
    out: &mut [f32],
    budget: &Budget,
) -> Result<()> {
    match record {
        Record::Image(bytes) => {
            preparation.prepare_picture_within(bytes, place, &limits(), out, budget)?
        }
        Record::Pixels(pixels) => preparation.prepare_pixels(pixels, place, out)?,
        Record::Numbers(numbers) => preparation.prepare_values(numbers, place, out)?,
        Record::Row(row) => {
            preparation.prepare_values(&in_order(preparation, row, place)?, place, out)?
        }
        Record::Text(_) | Record::Tokens(_) => {
            let cause = "the model reads no texts";
            return Err(Error::input(place, cause, "give what it was trained on"));
        }
        Record::Fields { names, fields } => {
            preparation.prepare_fields(names, fields, place, out)?
        }
    }
    match out.iter().position(|value| !value.is_finite()) {
        Some(at) => {
            let cause = format!("value {at} is not finite once it is prepared");
            Err(Error::input(
                place,
                cause,
                "give numbers of the size that the model was trained on",
            ))
        }
        None => Ok(()),
    }
}

/// The numbers of a row in the model's order.
fn in_order(preparation: &Preparation, row: &[(String, f32)], place: &str) -> Result<Vec<f32>> {
    let names = preparation.column_names();
    if names.is_empty() {
        let cause = "the model reads pictures, not named columns";
        return Err(Error::input(place, cause, "give a picture"));
    }
    // A column that comes twice has no number.
    let mut given: HashMap<&str, Option<f32>> = HashMap::with_capacity(row.len());
    for (name, number) in row {
        let entry = given.entry(name).and_modify(|number| *number = None);
        entry.or_insert(Some(*number));
    }
    let number = |name: &String| {
        let cause = match given.get(&**name) {
            Some(Some(number)) => return Ok(*number),
            None => format!("the column `{name}` is missing"),
            Some(None) => format!("the column `{name}` comes twice"),
        };
        Err(Error::input(
            place,
            cause,
            format!("give each of these once: {}", some(&names)),
        ))
    };
    names.iter().map(number).collect()
}

/// The first names of a list.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let rest = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{rest}", names[..names.len().min(SHOWN)].join(", "))
}
