//! The chain of one sample, step by step.

use crate::Tensor;
use crate::ops::gather::whole;

/// The chain of one sample, in double precision.
pub(super) struct Chain {
    /// The steps that count.
    pub(super) steps: Vec<usize>,
    emissions: Vec<Vec<f64>>,
    scores: Vec<Vec<f64>>,
}

impl Chain {
    pub(super) fn new(
        emissions: Tensor<'_>,
        scores: Tensor<'_>,
        mask: Tensor<'_>,
        sample: usize,
    ) -> Self {
        let (time, tags) = (emissions.shape[1], emissions.shape[2]);
        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect();
        let counts = |step: &usize| mask.data[sample * time + step] != 0.0;
        let steps: Vec<usize> = (0..time).filter(counts).collect();
        let row = |step: &usize| wide(&emissions.data[(sample * time + step) * tags..][..tags]);
        Self {
            emissions: steps.iter().map(row).collect(),
            scores: scores.data.chunks_exact(tags).map(wide).collect(),
            steps,
        }
    }

    fn tags(&self) -> usize {
        self.scores.len() - 2
    }

    fn start(&self) -> &[f64] {
        &self.scores[self.tags()]
    }

    fn end(&self) -> &[f64] {
        &self.scores[self.tags() + 1]
    }

    /// The given tags at the steps that count.
    pub(super) fn path(&self, tags: Tensor<'_>, sample: usize) -> Option<Vec<usize>> {
        let time = tags.shape[1];
        let tag = |&step: &usize| whole(tags.data[sample * time + step], self.tags());
        self.steps.iter().map(tag).collect()
    }

    pub(super) fn score(&self, path: &[usize]) -> f64 {
        let Some((&first, &last)) = path.first().zip(path.last()) else {
            return 0.0;
        };
        let emissions: f64 = self
            .emissions
            .iter()
            .zip(path)
            .map(|(row, &tag)| row[tag])
            .sum();
        let transitions: f64 = path
            .windows(2)
            .map(|pair| self.scores[pair[0]][pair[1]])
            .sum();
        self.start()[first] + emissions + transitions + self.end()[last]
    }

    /// For each step and tag the logarithm of the sum over all sequences up to there.
    fn forward(&self) -> Vec<Vec<f64>> {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for emissions in &self.emissions {
            let row = (0..self.tags()).map(|tag| {
                let before = match rows.last() {
                    None => self.start()[tag],
                    Some(last) => {
                        log_sum(last.iter().zip(&self.scores).map(|(a, row)| a + row[tag]))
                    }
                };
                before + emissions[tag]
            });
            let row = row.collect();
            rows.push(row);
        }
        rows
    }

    /// For each step and tag the logarithm of the sum over all sequences from there on, its own emission left out.
    fn backward(&self) -> Vec<Vec<f64>> {
        let mut rows = vec![self.end().to_vec(); self.steps.len().min(1)];
        for emissions in self.emissions.iter().skip(1).rev() {
            let last = &rows[rows.len() - 1];
            let row = self.scores[..self.tags()].iter().map(|transitions| {
                log_sum((0..self.tags()).map(|tag| transitions[tag] + emissions[tag] + last[tag]))
            });
            let row = row.collect();
            rows.push(row);
        }
        rows.reverse();
        rows
    }

    /// The logarithm of the sum over all sequences; 0 of a chain without steps.
    pub(super) fn log_sum(&self) -> f64 {
        match self.forward().last() {
            Some(last) => log_sum(last.iter().zip(self.end()).map(|(a, end)| a + end)),
            None => 0.0,
        }
    }

    pub(super) fn marginals(&self) -> Vec<Vec<f64>> {
        let total = self.log_sum();
        let rows = self.forward().into_iter().zip(self.backward());
        let row = |(a, b): (Vec<f64>, Vec<f64>)| {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a + b - total).exp())
                .collect()
        };
        rows.map(row).collect()
    }

    /// For each step but the first the probability of each pair of tags there, `tags` × `tags` in a row.
    pub(super) fn pairs(&self) -> Vec<Vec<f64>> {
        let (forward, backward, total) = (self.forward(), self.backward(), self.log_sum());
        let pair = |step: usize| {
            let rows = forward[step - 1].iter().zip(&self.scores);
            let row = |(a, transitions): (&f64, &Vec<f64>)| {
                let to = transitions
                    .iter()
                    .zip(&self.emissions[step])
                    .zip(&backward[step]);
                to.map(|((t, e), b)| (a + t + e + b - total).exp())
                    .collect::<Vec<f64>>()
            };
            rows.flat_map(row).collect()
        };
        (1..self.steps.len()).map(pair).collect()
    }

    pub(super) fn best_path(&self) -> Vec<usize> {
        let mut best: Vec<f64> = Vec::new();
        let mut from: Vec<Vec<usize>> = Vec::new();
        for (step, emissions) in self.emissions.iter().enumerate() {
            let origins: Vec<usize> = (0..self.tags())
                .map(|tag| {
                    first_maximum(best.iter().zip(&self.scores).map(|(b, row)| b + row[tag]))
                })
                .collect();
            let next = (0..self.tags()).map(|tag| {
                let before = match step {
                    0 => self.start()[tag],
                    _ => best[origins[tag]] + self.scores[origins[tag]][tag],
                };
                before + emissions[tag]
            });
            best = next.collect();
            from.push(origins);
        }
        let mut tag = first_maximum(best.iter().zip(self.end()).map(|(b, end)| b + end));
        let mut path = Vec::new();
        for origins in from.iter().rev() {
            path.push(tag);
            tag = origins[tag];
        }
        path.reverse();
        path
    }
}

/// ln Σ exp.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return values.fold(largest, |sum, value| sum + value);
    }
    largest
        + values
            .map(|value| (value - largest).exp())
            .sum::<f64>()
            .ln()
}

/// The place of the first maximum; 0 of none.
fn first_maximum(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, value) in values.enumerate() {
        if value > best.1 {
            best = (place, value);
        }
    }
    best.0
}
