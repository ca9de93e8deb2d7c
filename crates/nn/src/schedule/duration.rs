//! Lengths of time in training.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::wrong;
use crate::Result;

/// A number of steps, or a share of the whole training.
///
/// In a recipe a whole number counts steps, a fraction is a share: `500`, `0.05`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Duration {
    /// Steps.
    Steps(u64),
    /// A share of all steps, in [0, 1].
    Share(f32),
}

impl Default for Duration {
    /// None at all.
    fn default() -> Self {
        Self::Steps(0)
    }
}

impl Duration {
    /// The steps, of `total` in all.
    #[must_use]
    pub fn steps(self, total: u64) -> u64 {
        match self {
            Self::Steps(steps) => steps,
            Self::Share(share) => libm::round(f64::from(share) * total as f64) as u64,
        }
    }

    pub(super) fn check(self, setting: &'static str, positive: bool) -> Result<()> {
        match self {
            Self::Steps(0) if positive => Err(wrong(
                setting,
                "at least 1 step or a share of the training",
                0.0,
            )),
            Self::Share(share) if !(0.0..=1.0).contains(&share) || (positive && share == 0.0) => {
                Err(wrong(
                    setting,
                    "a whole number of steps, or a share between 0 and 1",
                    share,
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Steps(steps) => steps.serialize(serializer),
            Self::Share(share) => share.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of steps, or a share of the training between 0 and 1")
            }

            fn visit_u64<E: de::Error>(self, steps: u64) -> std::result::Result<Duration, E> {
                Ok(Duration::Steps(steps))
            }

            fn visit_i64<E: de::Error>(self, steps: i64) -> std::result::Result<Duration, E> {
                let positive = u64::try_from(steps);
                positive
                    .map(Duration::Steps)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(steps), &self))
            }

            fn visit_f64<E: de::Error>(self, share: f64) -> std::result::Result<Duration, E> {
                match (0.0..=1.0).contains(&share) {
                    true => Ok(Duration::Share(share as f32)),
                    false => Err(E::invalid_value(de::Unexpected::Float(share), &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
