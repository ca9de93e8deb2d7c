//! Scaling of columns of numbers.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::ColumnScalingKind;
use crate::{Error, Result};

/// A column: its name and its scaling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The name, as in the header of the file.
    pub name: String,
    /// The scaling of its values.
    pub scaling: ColumnScaling,
}

/// The scaling of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ColumnScaling {
    /// The value itself.
    None,
    /// `(value − mean) / std`.
    Standardise {
        /// Mean of the training part.
        mean: f32,
        /// Standard deviation of the training part, 1 where it does not vary.
        std: f32,
    },
    /// `(value − min) / (max − min)`; `value − min` where both are the same.
    MinMax {
        /// Smallest value of the training part.
        min: f32,
        /// Largest value of the training part.
        max: f32,
    },
}

impl ColumnScaling {
    /// The scaling as `(value − shift) / divisor`.
    fn shift_and_divisor(self) -> (f32, f32) {
        match self {
            Self::None => (0.0, 1.0),
            Self::Standardise { mean, std } => (mean, std),
            Self::MinMax { min, max } => (min, if max > min { max - min } else { 1.0 }),
        }
    }
}

pub(super) fn fit(
    names: &[String],
    values: &[f32],
    indices: &[usize],
    kind: impl Fn(&String) -> ColumnScalingKind,
) -> Result<Vec<Column>> {
    let column = |(at, name): (usize, &String)| {
        let values = indices
            .iter()
            .map(|&index| values[index * names.len() + at]);
        let scaling = match kind(name) {
            ColumnScalingKind::None => ColumnScaling::None,
            ColumnScalingKind::Standardise => standardise(values),
            ColumnScalingKind::MinMax => ColumnScaling::MinMax {
                min: values.clone().fold(f32::INFINITY, f32::min),
                max: values.fold(f32::NEG_INFINITY, f32::max),
            },
        };
        if !is_good(scaling) {
            let cause = format!("its scaling would be {scaling:?}, beyond 32-bit floats");
            let remedy = "bring its values closer together, or scale it before";
            return Err(Error::content(format!("column `{name}`"), cause, remedy));
        }
        Ok(Column {
            name: name.clone(),
            scaling,
        })
    };
    names.iter().enumerate().map(column).collect()
}

fn standardise(values: impl Iterator<Item = f32> + Clone) -> ColumnScaling {
    let count = values.clone().count() as f64;
    let mean = values.clone().map(f64::from).sum::<f64>() / count;
    let variance = values
        .map(|value| (f64::from(value) - mean).powi(2))
        .sum::<f64>()
        / count;
    // What is left of a constant column is rounding, not variation.
    let varies = variance.sqrt() > 1e-7 * mean.abs() && (variance.sqrt() as f32).is_normal();
    ColumnScaling::Standardise {
        mean: mean as f32,
        std: if varies { variance.sqrt() as f32 } else { 1.0 },
    }
}

/// Whether the scaling is one that finite values can have.
fn is_good(scaling: ColumnScaling) -> bool {
    let ordered = match scaling {
        ColumnScaling::None | ColumnScaling::Standardise { .. } => true,
        ColumnScaling::MinMax { min, max } => min <= max,
    };
    let (shift, divisor) = scaling.shift_and_divisor();
    ordered
        && shift.is_finite()
        && divisor.is_finite()
        && divisor > 0.0
        && (1.0 / divisor).is_finite()
}

pub(super) fn check(what: &str, columns: &[Column]) -> Result<()> {
    check_names(what, columns.iter().map(|column| &column.name))?;
    let Some(column) = columns.iter().find(|column| !is_good(column.scaling)) else {
        return Ok(());
    };
    let cause = format!("column `{}` has {:?}", column.name, column.scaling);
    Err(Error::setting(
        format!("preparation.{what}"),
        cause,
        "use an undamaged bundle",
    ))
}

pub(super) fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = HashSet::new();
    let mut count = 0;
    for name in names {
        count += 1;
        if !seen.insert(name) {
            let cause = format!("`{name}` comes twice");
            return Err(Error::setting(
                format!("preparation.{what}"),
                cause,
                "give each its own name",
            ));
        }
    }
    match count {
        0 => Err(Error::setting(
            format!("preparation.{what}"),
            "there are none",
            "use an undamaged bundle",
        )),
        _ => Ok(()),
    }
}

/// From raw to prepared columns: `(value − shift) × scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMap {
    shifts: Vec<f32>,
    divisors: Vec<f32>,
}

impl ColumnMap {
    /// The map of these columns.
    pub fn new(columns: &[Column]) -> Self {
        let (shifts, divisors) = columns
            .iter()
            .map(|column| column.scaling.shift_and_divisor())
            .unzip();
        Self { shifts, divisors }
    }

    /// Writes one prepared row; all three have as many values as there are columns.
    pub fn write(&self, row: &[f32], out: &mut [f32]) {
        let values = self.values(row);
        out.iter_mut()
            .zip(values)
            .for_each(|(out, value)| *out = value);
    }

    /// The values of one prepared row.
    pub(super) fn values<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let terms = self.shifts.iter().zip(&self.divisors);
        row.iter()
            .zip(terms)
            .map(|(value, (shift, divisor))| (value - shift) / divisor)
    }

    /// Turns prepared rows back into raw ones, in place.
    pub fn undo(&self, rows: &mut [f32]) {
        for row in rows.chunks_mut(self.shifts.len().max(1)) {
            let terms = self.shifts.iter().zip(&self.divisors);
            row.iter_mut()
                .zip(terms)
                .for_each(|(value, (shift, divisor))| *value = *value * divisor + shift);
        }
    }
}
