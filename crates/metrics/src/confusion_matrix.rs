use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Predictions;

/// How often each class was taken for each other: the weight of rows by true class (row) and predicted class (column).
///
/// Only cells that are not 0 are kept, so that the matrix grows with the rows and not with the square of the classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct ConfusionMatrix {
    classes: usize,
    /// By true and predicted class.
    cells: BTreeMap<(u32, u32), f64>,
    supports: BTreeMap<u32, f64>,
    predictions: BTreeMap<u32, f64>,
}

/// Up to so many classes the matrix is stored whole.
const STORED_WHOLE: usize = 100;

/// A matrix as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    classes: usize,
    /// All cells, of few classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<f64>,
    /// True class, predicted class and weight of the cells that are not 0, of many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cells: Vec<(u32, u32, f64)>,
}

impl ConfusionMatrix {
    /// Counts predictions, the most probable class of each row against its label.
    pub fn new(predictions: &Predictions) -> Self {
        let mut cells = BTreeMap::new();
        for (row, outcome) in predictions.outcomes().iter().enumerate() {
            *cells.entry((outcome.label, outcome.predicted)).or_default() +=
                predictions.weight(row);
        }
        Self::of_cells(predictions.classes(), cells)
    }

    /// Counts (true, predicted) pairs, every one once.
    pub fn of(classes: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut cells = BTreeMap::new();
        pairs.for_each(|(truth, predicted)| {
            *cells.entry((truth as u32, predicted as u32)).or_default() += 1.0;
        });
        Self::of_cells(classes, cells)
    }

    fn of_cells(classes: usize, mut cells: BTreeMap<(u32, u32), f64>) -> Self {
        cells.retain(|_, weight| *weight != 0.0);
        let (mut supports, mut predictions) = (BTreeMap::new(), BTreeMap::new());
        for (&(truth, predicted), weight) in &cells {
            *supports.entry(truth).or_default() += weight;
            *predictions.entry(predicted).or_default() += weight;
        }
        Self {
            classes,
            cells,
            supports,
            predictions,
        }
    }

    /// Number of classes, the length of a side.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The weight of rows of class `truth` that were predicted as `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> f64 {
        let cell = (truth as u32, predicted as u32);
        self.cells.get(&cell).copied().unwrap_or(0.0)
    }

    /// The cells that are not 0, by true and then by predicted class: true class, predicted class, weight.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = (usize, usize, f64)> {
        let cells = self.cells.iter();
        cells.map(|(&(truth, predicted), &weight)| (truth as usize, predicted as usize, weight))
    }

    /// The weight of rows whose true class is `class`.
    pub fn support(&self, class: usize) -> f64 {
        self.supports.get(&(class as u32)).copied().unwrap_or(0.0)
    }

    /// The weight of rows predicted as `class`.
    pub fn predicted(&self, class: usize) -> f64 {
        let predicted = self.predictions.get(&(class as u32));
        predicted.copied().unwrap_or(0.0)
    }

    /// The weight of rows of `class` that were predicted as such: its true positives.
    pub fn correct(&self, class: usize) -> f64 {
        self.count(class, class)
    }

    /// The weight of all rows.
    pub fn total(&self) -> f64 {
        self.cells.values().sum()
    }

    /// The most frequent confusions, largest first: true class, predicted class, weight.
    pub fn worst(&self, limit: usize) -> Vec<(usize, usize, f64)> {
        let wrong = |cell: &(usize, usize, f64)| cell.0 != cell.1 && cell.2 > 0.0;
        let mut cells: Vec<_> = self.cells().filter(wrong).collect();
        cells.sort_by(|left, right| right.2.total_cmp(&left.2));
        cells.truncate(limit);
        cells
    }

    /// The `limit` most frequent confusions alone.
    pub(crate) fn abridged(&self, limit: usize) -> Self {
        let cells = self.worst(limit).into_iter();
        let cells =
            cells.map(|(truth, predicted, weight)| ((truth as u32, predicted as u32), weight));
        Self::of_cells(self.classes, cells.collect())
    }
}

impl From<ConfusionMatrix> for Stored {
    fn from(matrix: ConfusionMatrix) -> Self {
        let classes = matrix.classes;
        let whole = classes <= STORED_WHOLE;
        let row = |truth| (0..classes).map(move |predicted| (truth, predicted));
        let all = (0..if whole { classes } else { 0 }).flat_map(row);
        let cells = matrix.cells().filter(|_| !whole);
        Self {
            classes,
            counts: all
                .map(|(truth, predicted)| matrix.count(truth, predicted))
                .collect(),
            cells: cells
                .map(|(truth, predicted, weight)| (truth as u32, predicted as u32, weight))
                .collect(),
        }
    }
}

impl TryFrom<Stored> for ConfusionMatrix {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored {
            classes,
            counts,
            cells,
        } = stored;
        let expected = jingwei_bounds::product([classes, classes]);
        if !counts.is_empty() && expected != Some(counts.len()) {
            let found = counts.len();
            return Err(format!(
                "a confusion matrix of {classes} classes with {found} cells"
            ));
        }
        let of_index = |(index, weight)| {
            let index: usize = index;
            (
                (
                    (index / classes.max(1)) as u32,
                    (index % classes.max(1)) as u32,
                ),
                weight,
            )
        };
        let whole = counts.into_iter().enumerate().map(of_index);
        let some = cells.into_iter().map(|cell| ((cell.0, cell.1), cell.2));
        let cells: BTreeMap<_, f64> = whole.chain(some).collect();
        match cells
            .keys()
            .find(|cell| cell.0.max(cell.1) as usize >= classes)
        {
            Some((truth, predicted)) => Err(format!(
                "a cell of the classes {truth} and {predicted} where there are {classes}"
            )),
            None => Ok(Self::of_cells(classes, cells)),
        }
    }
}
