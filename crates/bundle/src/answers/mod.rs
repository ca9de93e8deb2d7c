//! What a model says about a record: one file for each kind of answer.
//!
//! A file turns the values of the model's output into the answer, and the answer into JSON (for machines that know the
//! model, and by names), into rows of CSV and into a line for people. The server, the command line and the library have
//! no forms of their own.

mod class;
mod form;
mod labels;
mod named;
mod tags;
mod values;

use serde::{Serialize, Serializer};

pub use class::Class;
pub use form::{Column, Form};
pub use labels::Labels;
pub use tags::{TaggedToken, Tags};
pub use values::{Values, short};

use crate::OutputKind;

/// What a model says about one record.
///
/// Serialised, it has no names but its own: those of all classes or numbers stand once beside many predictions. See
/// [`Prediction::named`] for the other way.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Prediction {
    /// The most probable of several classes.
    Class(Class),
    /// Those of several classes that are more probable than not.
    Labels(Labels),
    /// The tokens of a text with their tags.
    Tags(Tags),
    /// Numbers, in the units of the targets.
    Values(Values),
}

/// What each kind of answer does.
trait Answer {
    /// The columns of a table of CSV, behind that of the record.
    fn csv_columns(form: &Form) -> Vec<Column>;

    /// The rows of CSV: one, or one for each part of the answer.
    fn csv_rows(&self, form: &Form) -> Vec<Vec<String>>;

    /// The columns of a table for people.
    fn columns(form: &Form) -> Vec<Column>;

    /// The cells of its line in that table.
    fn cells(&self, form: &Form) -> Vec<String>;

    /// JSON in which every value has its name.
    fn serialize_named<S: Serializer>(&self, form: &Form, serializer: S)
    -> Result<S::Ok, S::Error>;
}

/// Does the same with whatever kind of answer it is.
macro_rules! with_answer {
    ($prediction:expr, $answer:ident => $then:expr) => {
        match $prediction {
            Prediction::Class($answer) => $then,
            Prediction::Labels($answer) => $then,
            Prediction::Tags($answer) => $then,
            Prediction::Values($answer) => $then,
        }
    };
}

/// Does the same with the type that answers of a form have.
macro_rules! with_type {
    ($form:expr, $Answer:ident => $then:expr) => {
        match $form.kind() {
            OutputKind::Probabilities => {
                type $Answer = Class;
                $then
            }
            OutputKind::Labels => {
                type $Answer = Labels;
                $then
            }
            OutputKind::Tags => {
                type $Answer = Tags;
                $then
            }
            OutputKind::Values => {
                type $Answer = Values;
                $then
            }
        }
    };
}

impl Prediction {
    /// What the values of one sample say; tags of tokens need their text too, and are values without it.
    pub(crate) fn decode(values: &[f32], form: &Form) -> Self {
        match form.kind() {
            OutputKind::Probabilities => Self::Class(Class::decode(values, form)),
            OutputKind::Labels => Self::Labels(Labels::decode(values, form)),
            OutputKind::Values | OutputKind::Tags => Self::Values(Values::decode(values)),
        }
    }

    /// The rows of a table of CSV below [`Form::csv_columns`].
    #[must_use]
    pub fn csv_rows(&self, form: &Form) -> Vec<Vec<String>> {
        with_answer!(self, answer => answer.csv_rows(form))
    }

    /// The cells of a line for people below [`Form::columns`].
    #[must_use]
    pub fn cells(&self, form: &Form) -> Vec<String> {
        with_answer!(self, answer => answer.cells(form))
    }

    /// JSON in which every value has its name.
    pub fn named<'a>(&'a self, form: &'a Form) -> impl Serialize + 'a {
        Named {
            prediction: self,
            form,
        }
    }
}

struct Named<'a> {
    prediction: &'a Prediction,
    form: &'a Form,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with_answer!(self.prediction, answer => answer.serialize_named(self.form, serializer))
    }
}

impl Form {
    /// The columns of a table of CSV, behind that of the record.
    #[must_use]
    pub fn csv_columns(&self) -> Vec<Column> {
        with_type!(self, A => A::csv_columns(self))
    }

    /// The columns of a table for people, behind that of the record.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        with_type!(self, A => A::columns(self))
    }
}
