use serde::{Deserialize, Serialize};

use crate::Predictions;
use crate::average::ratio;

/// The number of bins of [`reliability`] and [`calibration_error`].
pub const CALIBRATION_BINS: usize = 15;

/// The rows whose highest probability lies in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower bound of the interval, exclusive.
    pub lower: f64,
    /// Upper bound of the interval, inclusive.
    pub upper: f64,
    /// Weight of the rows.
    pub weight: f64,
    /// Mean highest probability of the rows; 0 if there are none.
    pub confidence: f64,
    /// Share of the rows predicted rightly; 0 if there are none.
    pub accuracy: f64,
}

/// How often a prediction made with some confidence is right, in [`CALIBRATION_BINS`] intervals of equal width.
pub fn reliability(predictions: &Predictions) -> Vec<ReliabilityBin> {
    let width = 1.0 / CALIBRATION_BINS as f64;
    let empty = |bin: usize| ReliabilityBin {
        lower: bin as f64 * width,
        upper: (bin + 1) as f64 * width,
        ..ReliabilityBin::default()
    };
    let mut bins: Vec<_> = (0..CALIBRATION_BINS).map(empty).collect();
    for row in 0..predictions.rows() {
        let (class, confidence) = predictions.predicted(row);
        let above = (f64::from(confidence) * CALIBRATION_BINS as f64).ceil() as usize;
        let bin = &mut bins[above.clamp(1, CALIBRATION_BINS) - 1];
        bin.weight += predictions.weight(row);
        bin.confidence += predictions.weight(row) * f64::from(confidence);
        bin.accuracy += predictions.weight(row) * f64::from(class == predictions.label(row));
    }
    for bin in &mut bins {
        bin.confidence = ratio(bin.confidence, bin.weight);
        bin.accuracy = ratio(bin.accuracy, bin.weight);
    }
    bins
}

/// The expected calibration error: the mean distance of confidence and accuracy over the bins, weighted by their rows
/// (Guo et al., 2017, "On Calibration of Modern Neural Networks").
pub fn calibration_error(predictions: &Predictions) -> f64 {
    error_of(&reliability(predictions))
}

pub(crate) fn error_of(bins: &[ReliabilityBin]) -> f64 {
    let total: f64 = bins.iter().map(|bin| bin.weight).sum();
    bins.iter()
        .map(|bin| bin.weight * (bin.confidence - bin.accuracy).abs())
        .sum::<f64>()
        / total
}
