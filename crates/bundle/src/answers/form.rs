use jingwei_data::Preparation;
use jingwei_data::prepare::TargetPreparation;

use crate::{OutputEntry, OutputKind};

/// What the answers of a model look like: their kind, and the names of its classes, tags or numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    kind: OutputKind,
    names: Vec<String>,
}

/// A column of a table of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// Whether it holds numbers, which stand to the right.
    pub is_number: bool,
}

impl Column {
    pub(super) fn text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            is_number: false,
        }
    }

    pub(super) fn number(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            is_number: true,
        }
    }
}

impl Form {
    pub(crate) fn new(output: &OutputEntry, preparation: Option<&Preparation>) -> Self {
        let kind = output.kind;
        let classes = preparation.map_or(&[][..], Preparation::class_names);
        let or_number = |class: usize| {
            let name = classes.get(class).cloned();
            name.unwrap_or_else(|| class.to_string())
        };
        let names = match (kind, preparation.map(|preparation| &preparation.targets)) {
            (OutputKind::Probabilities, _) => (0..output.len().max(2)).map(or_number).collect(),
            (OutputKind::Labels, _) => (0..output.len()).map(or_number).collect(),
            (OutputKind::Tags, _) => classes.to_vec(),
            (OutputKind::Values, Some(TargetPreparation::Values(columns))) => {
                columns.iter().map(|column| column.name.clone()).collect()
            }
            (OutputKind::Values, _) => (0..output.len())
                .map(|value| format!("value {value}"))
                .collect(),
        };
        Self { kind, names }
    }

    /// The kind of the answers.
    #[must_use]
    pub fn kind(&self) -> OutputKind {
        self.kind
    }

    /// The names of classes, tags or numbers; numbers in their place where a bundle has no names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name of a class or tag; its number if it has none.
    #[must_use]
    pub fn name(&self, class: usize) -> String {
        let name = self.names.get(class).cloned();
        name.unwrap_or_else(|| class.to_string())
    }
}
