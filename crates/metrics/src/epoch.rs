use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values by metric name, such as `loss` or `accuracy`; `None` where the rows did not define one.
pub type Series = BTreeMap<String, Option<f64>>;

/// What one epoch of training came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: u64,
    /// Training steps done since the beginning of the run, at the end of this epoch.
    pub step: u64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Wall time of the epoch, validation included.
    pub seconds: f64,
    /// Values on the training part, measured while training.
    pub train: Series,
    /// Values on the validation part, after the epoch; empty without one.
    #[serde(default)]
    pub valid: Series,
}
