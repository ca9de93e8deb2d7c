//! Normalisation over the batch.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::{Error, Initializer, Mode, Result};

/// y = γ · (x − μ) / √(σ² + ε) + β, channel by channel (Ioffe & Szegedy 2015).
///
/// In training μ and σ² are the mean and the biased variance of the batch, and the layer keeps running averages of both:
/// average ← momentum · average + (1 − momentum) · new, as Keras does. At inference μ and σ² are these averages.
///
/// # Shapes
/// Input `[batch, …, channels]`, result the same. Parameters `gamma` and `beta` `[channels]`, state `statistics`
/// `[2, channels]`: means, which start at 0, then variances, which start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchNorm {
    /// How much of the running averages stays at a step, in [0, 1]; 0.99 by default.
    pub momentum: f32,
    /// ε; 0.001 by default.
    pub epsilon: f32,
    /// The first values of γ; ones by default.
    pub gamma_initializer: Initializer,
    /// The first values of β; zeros by default.
    pub beta_initializer: Initializer,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self {
            momentum: 0.99,
            epsilon: 1e-3,
            gamma_initializer: Initializer::Ones,
            beta_initializer: Initializer::Zeros,
        }
    }
}

impl BatchNorm {
    /// With another momentum.
    #[must_use]
    pub fn momentum(mut self, momentum: f32) -> Self {
        self.momentum = momentum;
        self
    }

    /// With another ε.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// With other first values of γ, for example zeros at the end of a residual branch (Goyal et al. 2017).
    #[must_use]
    pub fn gamma_initializer(mut self, initializer: Initializer) -> Self {
        self.gamma_initializer = initializer;
        self
    }
}

impl Build for BatchNorm {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let x = builder.one(inputs)?;
        builder.positive("epsilon", self.epsilon)?;
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(Error::Setting {
                place: builder.place(),
                setting: "momentum",
                expected: "between 0 and 1",
                found: self.momentum.to_string(),
            });
        }
        let channels = builder.channels(x)?;
        let gamma = builder.parameter("gamma", &[channels], self.gamma_initializer, false)?;
        let beta = builder.parameter("beta", &[channels], self.beta_initializer, false)?;
        let average = builder.state("statistics", &[2, channels], &[0.0, 1.0])?;
        let batch_statistics = builder.mode() == Mode::Training;
        let statistics = if batch_statistics {
            let new = builder.add(ops::BatchStatistics {}, &[x])?;
            builder.running_average(average, new, self.momentum)?;
            new
        } else {
            average
        };
        builder.add(
            ops::BatchNorm {
                epsilon: self.epsilon,
                batch_statistics,
            },
            &[x, statistics, gamma, beta],
        )
    }
}
