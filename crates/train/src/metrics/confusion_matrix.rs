use serde::{Deserialize, Serialize};

use super::Predictions;

/// How often each class was taken for each other: the weight of rows by true class (row) and predicted class (column).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<f64>,
}

impl ConfusionMatrix {
    /// Counts predictions, the most probable class of each row against its label.
    pub fn new(predictions: &Predictions) -> Self {
        let classes = predictions.classes();
        let mut counts = vec![0.0; classes * classes];
        for row in 0..predictions.rows() {
            counts[predictions.label(row) * classes + predictions.predicted(row).0] +=
                predictions.weight(row);
        }
        Self { classes, counts }
    }

    /// Counts (true, predicted) pairs, every one once.
    pub fn of(classes: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![0.0; classes * classes];
        pairs.for_each(|(truth, predicted)| counts[truth * classes + predicted] += 1.0);
        Self { classes, counts }
    }

    /// Number of classes, the length of a side.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The weight of rows of class `truth` that were predicted as `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> f64 {
        self.counts[truth * self.classes + predicted]
    }

    /// The weight of rows whose true class is `class`.
    pub fn support(&self, class: usize) -> f64 {
        self.counts[class * self.classes..][..self.classes]
            .iter()
            .sum()
    }

    /// The weight of rows predicted as `class`.
    pub fn predicted(&self, class: usize) -> f64 {
        self.counts.iter().skip(class).step_by(self.classes).sum()
    }

    /// The weight of rows of `class` that were predicted as such: its true positives.
    pub fn correct(&self, class: usize) -> f64 {
        self.count(class, class)
    }

    /// The weight of all rows.
    pub fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The most frequent confusions, largest first: true class, predicted class, weight.
    pub fn worst(&self, limit: usize) -> Vec<(usize, usize, f64)> {
        let cell = |index: usize| {
            (
                index / self.classes,
                index % self.classes,
                self.counts[index],
            )
        };
        let mut cells: Vec<_> = (0..self.counts.len())
            .map(cell)
            .filter(|cell| cell.0 != cell.1 && cell.2 > 0.0)
            .collect();
        cells.sort_by(|left, right| right.2.total_cmp(&left.2));
        cells.truncate(limit);
        cells
    }
}
