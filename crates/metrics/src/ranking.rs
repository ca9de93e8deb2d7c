use crate::Predictions;

/// Rows ordered by their probability of one class, with equal probabilities taken as one step.
pub(crate) struct Ranking {
    /// Weight of (true positives, false positives) among the rows at least as probable as each step.
    pub(crate) steps: Vec<(f64, f64)>,
    /// Weight of the rows of the class.
    pub(crate) positives: f64,
    /// Weight of the other rows.
    pub(crate) negatives: f64,
}

impl Ranking {
    /// Ranks the rows for `class` against all others; `None` if their probabilities are not known.
    pub(crate) fn new(predictions: &Predictions, class: usize) -> Option<Self> {
        let (probabilities, classes) = (predictions.probabilities()?, predictions.classes());
        Some(Self::of(
            predictions.rows(),
            |row| probabilities[row * classes + class],
            |row| predictions.label(row) == class,
            |row| predictions.weight(row),
        ))
    }

    /// Ranks rows by `score`, highest first; `positive` says which are searched for.
    pub(crate) fn of(
        rows: usize,
        score: impl Fn(usize) -> f32,
        positive: impl Fn(usize) -> bool,
        weight: impl Fn(usize) -> f64,
    ) -> Self {
        let score = |row: u32| score(row as usize);
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by(|left, right| score(*right).total_cmp(&score(*left)));
        let mut steps = Vec::new();
        let (mut positives, mut negatives) = (0.0, 0.0);
        for equals in order.chunk_by(|left, right| score(*left) == score(*right)) {
            for row in equals.iter().map(|row| *row as usize) {
                let side = if positive(row) {
                    &mut positives
                } else {
                    &mut negatives
                };
                *side += weight(row);
            }
            steps.push((positives, negatives));
        }
        Self {
            steps,
            positives,
            negatives,
        }
    }
}
