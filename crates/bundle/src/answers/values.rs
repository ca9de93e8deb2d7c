use serde::{Serialize, Serializer};

use super::named::NamedValues;
use super::{Answer, Column, Form};

/// Numbers, in the units of the targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Values {
    /// One for each target.
    pub values: Vec<f32>,
}

impl Values {
    pub(super) fn decode(values: &[f32]) -> Self {
        Self {
            values: values.to_vec(),
        }
    }
}

impl Answer for Values {
    fn csv_columns(form: &Form) -> Vec<Column> {
        form.names().iter().map(Column::number).collect()
    }

    fn csv_rows(&self, _: &Form) -> Vec<Vec<String>> {
        vec![self.values.iter().map(ToString::to_string).collect()]
    }

    fn columns(form: &Form) -> Vec<Column> {
        Self::csv_columns(form)
    }

    fn cells(&self, _: &Form) -> Vec<String> {
        let values = self.values.iter().map(|&value| short(f64::from(value)));
        values.collect()
    }

    fn serialize_named<S: Serializer>(
        &self,
        form: &Form,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            values: NamedValues<'a>,
        }
        let named = Named {
            values: NamedValues::all(form, &self.values),
        };
        named.serialize(serializer)
    }
}

/// Any number in about five digits, as people read it.
///
/// ```
/// use jingwei_bundle::short;
/// assert_eq!([0.0, 2.0 / 3.0, 1234.5, 1.5e-7].map(short), ["0", "0.6667", "1234", "1.500e-7"]);
/// ```
#[must_use]
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e6).contains(&size) => format!("{value:.3e}"),
        size if size < 10.0 => format!("{value:.4}"),
        size if size < 1000.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}
