//! `[train]`: how the network is trained.

use std::fmt;

use jingwei_engine::Precision;
use jingwei_nn::{Average, Clip, Duration, Loss, Optimizer, Schedule};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use jingwei_metrics::Metric;
use jingwei_train::fit::EarlyStopping;

/// The settings of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainRecipe {
    /// How often every sample is seen; default 10.
    pub epochs: u64,
    /// Samples a step; default 64.
    pub batch_size: usize,
    /// The seed of everything random; default 0.
    pub seed: u64,
    /// How parameters follow from gradients; default Adam.
    pub optimizer: Optimizer,
    /// How the learning rate changes; default not at all.
    pub schedule: Schedule,
    /// How long the learning rate first rises, in steps or as a share of the training; default not at all.
    pub warmup: Duration,
    /// What is minimised; default cross-entropy for classes, the squared error for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// How much each class counts; default all alike.
    pub class_weights: ClassWeights,
    /// Bounds on gradients; default none.
    pub clip: Clip,
    /// How exact products of gradients are on AMX tiles: `"high"`, wrong by some 4·10⁻⁶, or `"highest"`, as exact as
    /// `f32`, which takes longer; default high. Predictions and losses are always as exact as `f32`.
    #[serde(with = "precision")]
    pub gradient_precision: Precision,
    /// A moving average of the weights, which is then validated and kept; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<Average>,
    /// When to stop before the last epoch; default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// What is measured on the validation part after each epoch; default accuracy for classes, mae and r2 for numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// When checkpoints are written.
    pub checkpoint: CheckpointRecipe,
}

impl Default for TrainRecipe {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            seed: 0,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            warmup: Duration::default(),
            loss: None,
            class_weights: ClassWeights::default(),
            clip: Clip::default(),
            gradient_precision: Precision::High,
            ema: None,
            early_stopping: None,
            metrics: Vec::new(),
            checkpoint: CheckpointRecipe::default(),
        }
    }
}

/// When checkpoints are written. One is always written at the end, and when the training is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointRecipe {
    /// Epochs from one to the next, 0 for never; default 1.
    pub every_epochs: u64,
    /// Steps from one to the next, 0 for never; default 0.
    pub every_steps: u64,
}

impl Default for CheckpointRecipe {
    fn default() -> Self {
        Self {
            every_epochs: 1,
            every_steps: 0,
        }
    }
}

/// How much each class counts in the loss: `"none"`, `"balanced"` (the fewer samples, the more each counts, as in
/// scikit-learn), or a list of numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ClassWeights {
    /// All alike.
    #[default]
    None,
    /// samples / (classes · samples of the class).
    Balanced,
    /// A number each.
    List(Vec<f32>),
}

impl ClassWeights {
    /// The weights for classes of which the training part has `counts` samples each; empty for none.
    #[must_use]
    pub fn weights(&self, counts: &[u64]) -> Vec<f32> {
        match self {
            Self::None => Vec::new(),
            Self::List(weights) => weights.clone(),
            Self::Balanced => {
                let all: u64 = counts.iter().sum();
                let weight =
                    |&count: &u64| all as f64 / (counts.len() as f64 * count.max(1) as f64);
                counts.iter().map(|count| weight(count) as f32).collect()
            }
        }
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::List(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ClassWeightsVisitor;

        impl<'de> Visitor<'de> for ClassWeightsVisitor {
            type Value = ClassWeights;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"none\", \"balanced\", or a list with a number for each class")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ClassWeights, E> {
                match text {
                    "none" => Ok(ClassWeights::None),
                    "balanced" => Ok(ClassWeights::Balanced),
                    other => Err(E::unknown_variant(other, &["none", "balanced"])),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ClassWeights, A::Error> {
                let mut weights = Vec::new();
                while let Some(weight) = list.next_element()? {
                    weights.push(weight);
                }
                Ok(ClassWeights::List(weights))
            }
        }

        deserializer.deserialize_any(ClassWeightsVisitor)
    }
}

/// A precision by its name.
mod precision {
    use super::{Deserialize, Deserializer, Precision, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        precision: &Precision,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(precision)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Precision, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse()
            .map_err(|_| de::Error::unknown_variant(&name, &["high", "highest"]))
    }
}
