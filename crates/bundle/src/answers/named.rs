//! Values by their names, all of them or the largest.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Column, Form};

/// Classes up to which a line holds the probability of each.
const MOST_CLASSES: usize = 1000;
/// The most probable ones that a line holds of more.
const MOST_PROBABLE: usize = 10;

/// Values by name, in their own order.
pub(super) struct NamedValues<'a>(Vec<(&'a str, f32)>);

impl<'a> NamedValues<'a> {
    /// All values.
    pub(super) fn all(form: &'a Form, values: &[f32]) -> Self {
        let names = form.names().iter().map(String::as_str);
        Self(names.zip(values.iter().copied()).collect())
    }

    /// The probabilities of all classes, or those of the most probable ones, largest first, where there are very many.
    pub(super) fn some(form: &'a Form, probabilities: &[f32]) -> Self {
        if probabilities.len() <= MOST_CLASSES {
            return Self::all(form, probabilities);
        }
        let most = most_probable(probabilities, MOST_PROBABLE).into_iter();
        let named = most.map(|class| (form.names()[class].as_str(), probabilities[class]));
        Self(named.collect())
    }
}

impl Serialize for NamedValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The columns of CSV for what is said, its probability, and those of all classes: of very many, the most probable.
pub(super) fn csv_columns(form: &Form) -> Vec<Column> {
    let mut columns = vec![Column::text("prediction"), Column::number("probability")];
    if form.names().len() > MOST_CLASSES {
        columns.push(Column::text("next"));
    } else {
        let head = |name: &String| Column::number(format!("probability {name}"));
        columns.extend(form.names().iter().map(head));
    }
    columns
}

/// The columns for people: what is said, its probability, and the classes that come next.
pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::text("prediction"),
        Column::number("probability"),
        Column::text("next"),
    ]
}

/// The fields of the probabilities.
pub(super) fn csv_fields(form: &Form, probabilities: &[f32]) -> Vec<String> {
    if probabilities.len() <= MOST_CLASSES {
        return probabilities.iter().map(ToString::to_string).collect();
    }
    let most = most_probable(probabilities, MOST_PROBABLE).into_iter();
    let named = most.map(|class| format!("{} {}", form.names()[class], probabilities[class]));
    vec![named.collect::<Vec<_>>().join("; ")]
}

/// Classes with their probabilities, for people.
pub(super) fn line(form: &Form, probabilities: &[f32], classes: &[usize]) -> String {
    let named = |&class: &usize| format!("{} {:.4}", form.names()[class], probabilities[class]);
    classes.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The most probable classes, largest first; of equals the first.
pub(super) fn most_probable(probabilities: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    let compare = |a: &usize, b: &usize| {
        let larger = probabilities[*b].total_cmp(&probabilities[*a]);
        larger.then(a.cmp(b))
    };
    if count < order.len() {
        order.select_nth_unstable_by(count, compare);
        order.truncate(count);
    }
    order.sort_unstable_by(compare);
    order
}

/// The place of the largest value, the first of equals.
pub(super) fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(
        0,
        |best, at| if values[at] > values[best] { at } else { best },
    )
}
