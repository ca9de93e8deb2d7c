//! Preparing single records that arrive for prediction: picture files, pixels, numbers, named fields.

use std::cell::OnceCell;
use std::collections::HashMap;

use jingwei_bounds::Budget;
use serde_json::{Map, Value};

use super::{ColumnMap, FeaturePreparation, ImagePreparation, Preparation};
use crate::csv::parse_number;
use crate::error::some;
use crate::image::decode_within;
use crate::{Error, Limits, Result};

impl Preparation {
    /// The names of the columns, in the order in which the model reads them; empty if it reads pictures.
    pub fn column_names(&self) -> Vec<String> {
        match &self.features {
            FeaturePreparation::Rows(columns) => {
                columns.iter().map(|column| column.name.clone()).collect()
            }
            FeaturePreparation::Images(_) | FeaturePreparation::Text(_) => Vec::new(),
        }
    }

    /// Prepares the bytes of a picture file (PNG, JPEG, BMP, WebP) of any size; `place` names it in messages.
    ///
    /// # Errors
    /// If the model reads no pictures, the bytes are no whole picture, or `out` is not as long as a sample.
    pub fn prepare_picture(
        &self,
        bytes: &[u8],
        place: &str,
        limits: &Limits,
        out: &mut [f32],
    ) -> Result<()> {
        self.prepare_picture_within(bytes, place, limits, out, &Budget::unlimited())
    }

    /// As [`Preparation::prepare_picture`], with what decoding takes from `budget`.
    ///
    /// # Errors
    /// As [`Preparation::prepare_picture`]; and [`Error::Exceeded`] if the budget ends.
    pub fn prepare_picture_within(
        &self,
        bytes: &[u8],
        place: &str,
        limits: &Limits,
        out: &mut [f32],
        budget: &Budget,
    ) -> Result<()> {
        let images = self.images(place)?;
        let pixels = decode_within(bytes, place, images.target_size(), limits, budget)?;
        self.prepare_pixels(&pixels, place, out)
    }

    /// Prepares raw pixels, `height × width × channels` bytes of 0 to 255.
    ///
    /// # Errors
    /// If the model reads no pictures, or a length is wrong.
    pub fn prepare_pixels(&self, pixels: &[u8], place: &str, out: &mut [f32]) -> Result<()> {
        let images = self.images(place)?;
        self.check_lengths(pixels.len(), place, out)?;
        images.map().write(pixels, out);
        Ok(())
    }

    /// Prepares raw numbers: pixels of 0 to 255, or the columns in their order.
    ///
    /// # Errors
    /// If a length is wrong, or a number is not finite.
    pub fn prepare_values(&self, values: &[f32], place: &str, out: &mut [f32]) -> Result<()> {
        self.check_lengths(values.len(), place, out)?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let cause = format!("value {at} is {}", values[at]);
            return Err(Error::content(place, cause, "send finite numbers"));
        }
        match &self.features {
            FeaturePreparation::Images(images) => {
                out.copy_from_slice(values);
                images.map().rescale(out);
            }
            FeaturePreparation::Rows(columns) => ColumnMap::new(columns).write(values, out),
            FeaturePreparation::Text(_) => {
                let cause = "the model reads texts, not numbers";
                return Err(Error::content(place, cause, "send a text"));
            }
        }
        Ok(())
    }

    /// Prepares a JSON object with a number (or text that holds one) for each column; further fields are passed over.
    ///
    /// # Errors
    /// If the model reads no columns, or a field is missing, null or no finite number.
    pub fn prepare_json(
        &self,
        record: &Map<String, Value>,
        place: &str,
        out: &mut [f32],
    ) -> Result<()> {
        self.prepare_named(
            place,
            out,
            || some(&record.keys().collect::<Vec<_>>()),
            |(_, name)| match record.get(name)? {
                Value::Number(number) => Some(finite(number.as_f64().map(|number| number as f32))),
                Value::String(text) => Some(parse_number(text.trim())),
                Value::Null => Some(Err("the value is missing".to_owned())),
                other => Some(Err(format!("`{other}` is no number"))),
            },
        )
    }

    /// Prepares a record of text fields with their names, such as a line of a CSV file and its header; further fields
    /// are passed over.
    ///
    /// # Errors
    /// As [`Preparation::prepare_json`].
    pub fn prepare_fields(
        &self,
        names: &[&str],
        fields: &[&str],
        place: &str,
        out: &mut [f32],
    ) -> Result<()> {
        if names.len() != fields.len() {
            let cause = format!("{} fields for {} names", fields.len(), names.len());
            return Err(Error::content(place, cause, "give one for each"));
        }
        let places = OnceCell::new();
        let of = |(at, name): (usize, &str)| {
            // Mostly they stand in the model's order; if not, they are looked up.
            if names.get(at) == Some(&name) {
                return Some(at);
            }
            let places: &HashMap<&str, usize> =
                places.get_or_init(|| names.iter().copied().zip(0..).collect());
            places.get(name).copied()
        };
        self.prepare_named(
            place,
            out,
            || some(names),
            |column| Some(parse_number(fields[of(column)?].trim())),
        )
    }

    fn prepare_named(
        &self,
        place: &str,
        out: &mut [f32],
        present: impl Fn() -> String,
        value: impl Fn((usize, &str)) -> Option<std::result::Result<f32, String>>,
    ) -> Result<()> {
        let FeaturePreparation::Rows(columns) = &self.features else {
            return Err(Error::content(
                place,
                "the model reads pictures, not named fields",
                "send a picture",
            ));
        };
        let number = |(at, name): (usize, &str)| {
            let value = value((at, name)).ok_or_else(|| {
                let cause = format!("there is no field `{name}`, only {}", present());
                let remedy = format!("give a number for each of {}", some(&self.column_names()));
                Error::content(place, cause, remedy)
            })?;
            value.map_err(|cause| {
                Error::content(format!("{place}, `{name}`"), cause, "give a finite number")
            })
        };
        let columns = columns.iter().map(|column| &*column.name).enumerate();
        let values = columns.map(number).collect::<Result<Vec<_>>>()?;
        self.prepare_values(&values, place, out)
    }

    fn images(&self, place: &str) -> Result<&ImagePreparation> {
        match &self.features {
            FeaturePreparation::Images(images) => Ok(images),
            FeaturePreparation::Rows(columns) => {
                let cause = format!(
                    "the model reads {} columns of numbers, not pictures",
                    columns.len()
                );
                Err(Error::content(place, cause, "send a row of numbers"))
            }
            FeaturePreparation::Text(_) => {
                let cause = "the model reads texts, not pictures";
                Err(Error::content(place, cause, "send a text"))
            }
        }
    }

    fn check_lengths(&self, found: usize, place: &str, out: &[f32]) -> Result<()> {
        let expected = self.sample_len();
        if found == expected && out.len() == expected {
            return Ok(());
        }
        let cause = format!(
            "{found} values, with room for {}; a sample has {expected}",
            out.len()
        );
        Err(Error::content(
            place,
            cause,
            format!("send values of shape {:?}", self.known_shape()),
        ))
    }
}

fn finite(number: Option<f32>) -> std::result::Result<f32, String> {
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| "the number is too large".to_owned())
}
