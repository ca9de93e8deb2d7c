use serde::{Deserialize, Serialize};

/// A curve for plotting: points (x, y), both in [0, 1], rounded to four decimals.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Curve {
    /// The points in drawing order.
    pub points: Vec<(f32, f32)>,
}

impl Curve {
    /// Keeps at most `limit` of `points` (at least the two ends), evenly spaced along the curve's length.
    pub fn thinned(points: &[(f64, f64)], limit: usize) -> Self {
        let Some(last) = points.last() else {
            return Self::default();
        };
        let length: f64 = points.windows(2).map(distance).sum();
        let step = length / limit.saturating_sub(2).max(1) as f64;
        let mut kept = vec![points[0]];
        let (mut walked, mut next) = (0.0, step);
        for pair in points.windows(2) {
            walked += distance(pair);
            if points.len() <= limit || (walked >= next && step > 0.0) {
                kept.push(pair[1]);
                next = walked + step;
            }
        }
        if kept.last() != Some(last) {
            kept.push(*last);
        }
        let round = |value: f64| ((value * 1e4).round() / 1e4) as f32;
        let mut points: Vec<_> = kept
            .into_iter()
            .map(|(x, y)| (round(x), round(y)))
            .collect();
        points.dedup();
        Self { points }
    }
}

fn distance(pair: &[(f64, f64)]) -> f64 {
    (pair[1].0 - pair[0].0).abs() + (pair[1].1 - pair[0].1).abs()
}
