//! How the learning rate changes during training.

mod duration;
mod reduce_on_plateau;

use serde::{Deserialize, Serialize};

pub use duration::Duration;
pub use reduce_on_plateau::{PlateauState, ReduceOnPlateau};

use crate::named::by_name;
use crate::{Error, Result};

/// How the learning rate changes from step to step, after any [`LearningRate::warmup`].
///
/// In a recipe a bare name stands for the defaults: `"cosine"`, `{ step = { every = 0.3, factor = 0.1 } }`. With η the
/// optimiser's learning rate, t the number of steps done and T that of all steps, both counted from the end of the
/// warm-up:
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum Schedule {
    /// η.
    #[default]
    Constant,
    /// η · factor^⌊t / every⌋.
    Step(Step),
    /// η · factor^(t / every).
    Exponential(Exponential),
    /// η · (f + (1 − f) · (1 + cos(π · t / T)) / 2), where f is the final share (Loshchilov & Hutter 2017).
    Cosine(Cosine),
    /// Up to η and far down again, in half waves of a cosine (Smith & Topin 2018, as PyTorch does it).
    OneCycle(OneCycle),
    /// η, times a factor whenever a value watched stops getting better; see [`ReduceOnPlateau`].
    ReduceOnPlateau(ReduceOnPlateau),
}

by_name!(Schedule, "the name of a schedule");

/// The settings of [`Schedule::Step`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// How long each rate stays; a third of the training by default.
    pub every: Duration,
    /// What the rate is multiplied by; 0.1 by default.
    pub factor: f32,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            every: Duration::Share(1.0 / 3.0),
            factor: 0.1,
        }
    }
}

/// The settings of [`Schedule::Exponential`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exponential {
    /// How long one factor takes; a tenth of the training by default.
    pub every: Duration,
    /// What the rate is multiplied by in that time; 0.7 by default.
    pub factor: f32,
}

impl Default for Exponential {
    fn default() -> Self {
        Self {
            every: Duration::Share(0.1),
            factor: 0.7,
        }
    }
}

/// The settings of [`Schedule::Cosine`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cosine {
    /// The share of the rate that is left at the end, in [0, 1]; 0 by default.
    pub final_share: f32,
}

/// The settings of [`Schedule::OneCycle`]; the optimiser's learning rate is the highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OneCycle {
    /// The share of the training in which the rate rises, in (0, 1); 0.3 by default.
    pub rise: f32,
    /// What the highest rate is divided by at the start; 25 by default.
    pub start_divisor: f32,
    /// What the rate at the start is divided by at the end; 10,000 by default.
    pub final_divisor: f32,
}

impl Default for OneCycle {
    fn default() -> Self {
        Self {
            rise: 0.3,
            start_divisor: 25.0,
            final_divisor: 1e4,
        }
    }
}

/// The learning rate of a whole training: a schedule after a linear warm-up.
///
/// ```
/// use jingwei_nn::{Duration, LearningRate, Schedule, schedule::Cosine};
/// let rate = LearningRate::new(0.1, Schedule::Cosine(Cosine::default())).warmup(Duration::Steps(10));
/// assert!((rate.at(0, 110) - 0.01).abs() < 1e-7);
/// assert!((rate.at(10, 110) - 0.1).abs() < 1e-7);
/// assert!((rate.at(60, 110) - 0.05).abs() < 1e-7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    /// η, the optimiser's learning rate.
    pub base: f32,
    /// How it changes.
    pub schedule: Schedule,
    /// How long the rate first rises from near 0 in a straight line; not at all by default.
    pub warmup: Duration,
}

impl LearningRate {
    /// A learning rate without warm-up.
    #[must_use]
    pub fn new(base: f32, schedule: Schedule) -> Self {
        Self {
            base,
            schedule,
            warmup: Duration::default(),
        }
    }

    /// With a warm-up.
    #[must_use]
    pub fn warmup(mut self, warmup: Duration) -> Self {
        self.warmup = warmup;
        self
    }

    /// The rate of the step before which `step` steps of `total` were done.
    ///
    /// The step of the warm-up that is number t of w, from 1, has η · t / w. [`Schedule::ReduceOnPlateau`] gives η here;
    /// multiply by [`PlateauState::factor`].
    #[must_use]
    pub fn at(&self, step: u64, total: u64) -> f32 {
        let warmup = self.warmup.steps(total);
        let rate = match step.checked_sub(warmup) {
            None => f64::from(self.base) * (step + 1) as f64 / warmup as f64,
            Some(step) => {
                f64::from(self.base) * self.schedule.factor(step, total.saturating_sub(warmup))
            }
        };
        rate as f32
    }

    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first one.
    pub fn check(&self) -> Result<()> {
        self.warmup.check("warmup", false)?;
        self.schedule.check()
    }
}

impl Schedule {
    /// What the learning rate is multiplied by when `step` steps of `total` were done.
    #[must_use]
    pub fn factor(&self, step: u64, total: u64) -> f64 {
        let done = step.min(total) as f64;
        match *self {
            Self::Constant | Self::ReduceOnPlateau(_) => 1.0,
            Self::Step(Step { every, factor }) => {
                libm::pow(f64::from(factor), (step / every.steps(total).max(1)) as f64)
            }
            Self::Exponential(Exponential { every, factor }) => libm::pow(
                f64::from(factor),
                step as f64 / every.steps(total).max(1) as f64,
            ),
            Self::Cosine(Cosine { final_share }) => {
                wave(1.0, f64::from(final_share), done / total.max(1) as f64)
            }
            Self::OneCycle(cycle) => cycle.factor(done, total),
        }
    }

    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first one.
    pub fn check(&self) -> Result<()> {
        let positive = |setting, value: f32| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(wrong(setting, "greater than 0", value)),
        };
        match *self {
            Self::Constant => Ok(()),
            Self::Step(Step { every, factor })
            | Self::Exponential(Exponential { every, factor }) => {
                every.check("every", true)?;
                positive("factor", factor)
            }
            Self::Cosine(Cosine { final_share }) if (0.0..=1.0).contains(&final_share) => Ok(()),
            Self::Cosine(Cosine { final_share }) => {
                Err(wrong("final_share", "between 0 and 1", final_share))
            }
            Self::OneCycle(OneCycle {
                rise,
                start_divisor,
                final_divisor,
            }) => {
                if !(rise > 0.0 && rise < 1.0) {
                    return Err(wrong("rise", "between 0 and 1", rise));
                }
                positive("start_divisor", start_divisor)?;
                positive("final_divisor", final_divisor)
            }
            Self::ReduceOnPlateau(settings) => settings.check(),
        }
    }
}

impl OneCycle {
    fn factor(&self, done: f64, total: u64) -> f64 {
        let start = 1.0 / f64::from(self.start_divisor);
        let end = start / f64::from(self.final_divisor);
        let last = total.saturating_sub(1) as f64;
        let top = (f64::from(self.rise) * total as f64 - 1.0).clamp(0.0, last);
        match done < top {
            true => wave(start, 1.0, done / top),
            false if last > top => wave(1.0, end, ((done - top) / (last - top)).min(1.0)),
            false => end,
        }
    }
}

/// From one value to another along half a wave of a cosine.
fn wave(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * (1.0 + libm::cos(std::f64::consts::PI * share)) / 2.0
}

fn wrong(setting: &'static str, expected: &'static str, found: f32) -> Error {
    Error::Setting {
        place: "schedule".into(),
        setting,
        expected,
        found: found.to_string(),
    }
}
