use super::lbfgs::minimise;
use super::rows::Rows;

/// Logistic regression with a penalty on the squares of its weights (not of the biases), as scikit-learn's
/// `LogisticRegression` minimises it: `C · Σ loss + ½ Σ w²`. Two classes have one column of weights and a sigmoid,
/// more have a column each and a softmax.
#[derive(Debug, Clone)]
pub(super) struct Logistic {
    /// (features + 1) × columns; the last row are the biases.
    weights: Vec<f64>,
    columns: usize,
    classes: usize,
}

impl Logistic {
    /// Knows nothing yet.
    pub(super) fn new(features: usize, classes: usize) -> Self {
        let columns = columns(classes);
        Self {
            weights: vec![0.0; (features + 1) * columns],
            columns,
            classes,
        }
    }

    /// Fits to rows whose classes are all below the number of classes, from the weights at hand. Every class should
    /// occur: the bias of one that does not has no minimum.
    pub(super) fn fit(&mut self, rows: &Rows, labels: &[u32], strength: f64) {
        let (columns, classes) = (self.columns, self.classes);
        let share = 1.0 / rows.len().max(1) as f64;
        let penalty = share / strength;
        let penalised = self.weights.len() - columns;
        let mut residuals = vec![0.0; classes];
        minimise(&mut self.weights, |weights, gradient| {
            for (slope, weight) in gradient.iter_mut().zip(weights) {
                *slope = penalty * weight;
            }
            gradient[penalised..].fill(0.0);
            let mut loss = 0.0;
            for (row, label) in labels.iter().enumerate() {
                scores(weights, columns, rows, row, &mut residuals);
                loss += to_probabilities(&mut residuals, *label as usize);
                residuals[*label as usize] -= 1.0;
                let residuals = &residuals[classes - columns..];
                let bias = (penalised / columns, 1.0);
                for (feature, value) in rows.row(row).chain([bias]) {
                    let slopes = &mut gradient[feature * columns..][..columns];
                    for (slope, residual) in slopes.iter_mut().zip(residuals) {
                        *slope += share * value * residual;
                    }
                }
            }
            let squares: f64 = weights[..penalised]
                .iter()
                .map(|weight| weight * weight)
                .sum();
            share * loss + penalty * squares / 2.0
        });
    }

    /// Writes the probabilities of the classes of a row.
    pub(super) fn probabilities(&self, rows: &Rows, row: usize, probabilities: &mut [f64]) {
        scores(&self.weights, self.columns, rows, row, probabilities);
        to_probabilities(probabilities, 0);
    }
}

/// Two classes need one column: the score of the first is 0.
pub(super) fn columns(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

/// Writes the scores of all classes of a row.
fn scores(weights: &[f64], columns: usize, rows: &Rows, row: usize, scores: &mut [f64]) {
    let first = scores.len() - columns;
    scores[..first].fill(0.0);
    let scores = &mut scores[first..];
    scores.copy_from_slice(&weights[weights.len() - columns..]);
    for (feature, value) in rows.row(row) {
        for (score, weight) in scores.iter_mut().zip(&weights[feature * columns..]) {
            *score += value * weight;
        }
    }
}

/// Turns scores into probabilities and gives the log loss of `label`.
fn to_probabilities(scores: &mut [f64], label: usize) -> f64 {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = scores[label] - highest;
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
    sum.ln() - own
}
