use serde::{Serialize, Serializer};

use super::named::{NamedValues, csv_fields, line, most_probable};
use super::{Answer, Column, Form, named};

/// Those of several classes that are more probable than not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Labels {
    /// Their names.
    pub labels: Vec<String>,
    /// The probability of every class.
    pub probabilities: Vec<f32>,
}

/// Classes that a line for people shows with their probabilities.
const SHOWN: usize = 3;

impl Labels {
    pub(super) fn decode(values: &[f32], form: &Form) -> Self {
        let said = (0..values.len()).filter(|&class| values[class] > 0.5);
        Self {
            labels: said.map(|class| form.name(class)).collect(),
            probabilities: values.to_vec(),
        }
    }
}

impl Answer for Labels {
    fn csv_columns(form: &Form) -> Vec<Column> {
        named::csv_columns(form)
    }

    /// No single probability is that of all labels.
    fn csv_rows(&self, form: &Form) -> Vec<Vec<String>> {
        let own = [self.labels.join("; "), String::new()];
        let classes = csv_fields(form, &self.probabilities);
        vec![own.into_iter().chain(classes).collect()]
    }

    fn columns(_: &Form) -> Vec<Column> {
        named::columns()
    }

    fn cells(&self, form: &Form) -> Vec<String> {
        let most = most_probable(&self.probabilities, SHOWN);
        let first = most.first().map_or(0.0, |&class| self.probabilities[class]);
        vec![
            self.labels.join("; "),
            format!("{first:.4}"),
            line(form, &self.probabilities, &most),
        ]
    }

    fn serialize_named<S: Serializer>(
        &self,
        form: &Form,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            probabilities: NamedValues<'a>,
            labels: &'a [String],
        }
        let named = Named {
            probabilities: NamedValues::some(form, &self.probabilities),
            labels: &self.labels,
        };
        named.serialize(serializer)
    }
}
