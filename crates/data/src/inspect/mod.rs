//! Looking at a source before anything is trained on it: counts, shapes, classes, columns, and what is odd.

pub(crate) mod pictures;
pub(crate) mod table;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::source::{SourceKind, recognised};
use crate::{Dataset, Limits, Result};

pub use pictures::SizeSummary;
pub use table::ColumnSummary;

/// A class and how many samples it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The name of the class.
    pub name: String,
    /// Samples of the class.
    pub samples: usize,
}

/// What a source holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The kind of the source.
    pub kind: SourceKind,
    /// What was looked at.
    pub path: PathBuf,
    /// Number of samples.
    pub samples: usize,
    /// The shape of a sample, where all have one: `[height, width, channels]` or `[columns]`.
    pub shape: Option<Vec<usize>>,
    /// The classes, where the source itself names them; empty for a table.
    pub classes: Vec<ClassCount>,
    /// The columns of a table.
    pub columns: Vec<ColumnSummary>,
    /// The sizes of the pictures in a folder.
    pub sizes: Option<SizeSummary>,
    /// What is odd, in sentences: classes with few samples, missing values, pictures that cannot be read.
    pub notes: Vec<String>,
}

/// Looks at the training part of what lies at a path.
///
/// # Errors
/// If it is none of the known kinds, or so broken that its reader would refuse it.
pub fn inspect(path: &Path, limits: &Limits) -> Result<Summary> {
    let (format, found) = recognised(path)?;
    let mut summary = format.look(&found, limits)?;
    summary.notes.extend(uneven(&summary.classes));
    Ok(summary)
}

/// Counts the classes of a dataset; empty if its targets are not classes.
pub fn class_counts(dataset: &Dataset) -> Vec<ClassCount> {
    let mut counts = vec![0; dataset.class_names().len()];
    dataset
        .labels()
        .unwrap_or_default()
        .iter()
        .for_each(|&label| counts[label as usize] += 1);
    let count = |(name, samples): (&String, usize)| ClassCount {
        name: name.clone(),
        samples,
    };
    dataset
        .class_names()
        .iter()
        .zip(counts)
        .map(count)
        .collect()
}

/// What a dataset holds.
pub(crate) fn of_dataset(dataset: &Dataset, kind: SourceKind, path: &Path) -> Summary {
    Summary {
        kind,
        path: path.to_owned(),
        samples: dataset.len(),
        shape: Some(dataset.features().sample_shape()),
        classes: class_counts(dataset),
        columns: Vec::new(),
        sizes: None,
        notes: Vec::new(),
    }
}

/// A note if the smallest class is much smaller than the largest.
fn uneven(classes: &[ClassCount]) -> Option<String> {
    let smallest = classes.iter().min_by_key(|class| class.samples)?;
    let largest = classes.iter().max_by_key(|class| class.samples)?;
    (smallest.samples * 3 < largest.samples).then(|| {
        let ClassCount { name, samples } = smallest;
        format!(
            "class `{name}` has {samples} samples, `{}` {}: consider class weights",
            largest.name, largest.samples
        )
    })
}
