use serde::{Serialize, Serializer};

use super::named::{NamedValues, csv_fields, largest, line, most_probable};
use super::{Answer, Column, Form, named};

/// The most probable of several classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Class {
    /// Its name.
    pub label: String,
    /// Its number.
    pub class: usize,
    /// The probability of every class.
    pub probabilities: Vec<f32>,
}

/// Other classes that a line for people shows.
const OTHERS: usize = 2;

impl Class {
    /// A single value is the probability of the second of two classes.
    pub(super) fn decode(values: &[f32], form: &Form) -> Self {
        let probabilities = match *values {
            [second] => vec![1.0 - second, second],
            _ => values.to_vec(),
        };
        let class = largest(&probabilities);
        Self {
            label: form.name(class),
            class,
            probabilities,
        }
    }
}

impl Answer for Class {
    fn csv_columns(form: &Form) -> Vec<Column> {
        named::csv_columns(form)
    }

    fn csv_rows(&self, form: &Form) -> Vec<Vec<String>> {
        let own = [
            self.label.clone(),
            self.probabilities[self.class].to_string(),
        ];
        let classes = csv_fields(form, &self.probabilities);
        vec![own.into_iter().chain(classes).collect()]
    }

    fn columns(_: &Form) -> Vec<Column> {
        named::columns()
    }

    fn cells(&self, form: &Form) -> Vec<String> {
        let mut others = most_probable(&self.probabilities, OTHERS + 1);
        others.retain(|&other| other != self.class);
        others.truncate(OTHERS);
        vec![
            self.label.clone(),
            format!("{:.4}", self.probabilities[self.class]),
            line(form, &self.probabilities, &others),
        ]
    }

    fn serialize_named<S: Serializer>(
        &self,
        form: &Form,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            prediction: &'a str,
            probability: f32,
            probabilities: NamedValues<'a>,
        }
        let named = Named {
            prediction: &self.label,
            probability: self.probabilities[self.class],
            probabilities: NamedValues::some(form, &self.probabilities),
        };
        named.serialize(serializer)
    }
}
