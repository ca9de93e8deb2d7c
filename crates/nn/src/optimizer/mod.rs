//! How parameters follow from gradients.

mod adam;
mod adamw;
mod rmsprop;
mod sgd;

use jingwei_kernels::optimiser::{Decay, Rule, Update};
use serde::{Deserialize, Serialize};

pub use adam::Adam;
pub use adamw::AdamW;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use crate::named::by_name;
use crate::{Error, Result};

/// An optimiser with its settings.
///
/// In a recipe a bare name stands for the defaults: `"adam"`, `{ sgd = { learning_rate = 0.1, momentum = 0.9 } }`. The
/// names and defaults are Keras's; ε stands outside the root, after the correction of bias, as in PyTorch (whose default
/// is 1e-8 where Keras has 1e-7).
///
/// Weight decay applies to kernels alone ([`crate::ParameterSpec::decay`]). As an L2 term it is added to the gradient;
/// decoupled, the weights shrink by learning rate · decay on their own (Loshchilov & Hutter 2019).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
#[expect(missing_docs, reason = "each variant's type is documented")]
pub enum Optimizer {
    Sgd(Sgd),
    #[serde(alias = "rms_prop")]
    Rmsprop(RmsProp),
    Adam(Adam),
    #[serde(alias = "adam_w")]
    Adamw(AdamW),
}

by_name!(Optimizer, "the name of an optimiser");

macro_rules! optimizers {
    ($($variant:ident $type:ident $text:literal),* $(,)?) => {
        impl Optimizer {
            /// The name, as in a recipe.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $text),*
                }
            }

            /// η before any schedule.
            #[must_use]
            pub fn learning_rate(&self) -> f32 {
                match self {
                    $(Self::$variant(settings) => settings.learning_rate),*
                }
            }

            fn weight_decay(&self) -> f32 {
                match self {
                    $(Self::$variant(settings) => settings.weight_decay),*
                }
            }

            fn settings(&self) -> &dyn Settings {
                match self {
                    $(Self::$variant(settings) => settings),*
                }
            }
        }

        $(impl From<$type> for Optimizer {
            fn from(settings: $type) -> Self {
                Self::$variant(settings)
            }
        }

        impl $type {
            /// With a learning rate.
            #[must_use]
            pub fn new(learning_rate: f32) -> Self {
                Self { learning_rate, ..Self::default() }
            }

            /// With weight decay.
            #[must_use]
            pub fn weight_decay(mut self, weight_decay: f32) -> Self {
                self.weight_decay = weight_decay;
                self
            }
        })*
    };
}

optimizers! {
    Sgd Sgd "sgd",
    Rmsprop RmsProp "rmsprop",
    Adam Adam "adam",
    Adamw AdamW "adamw",
}

impl Default for Optimizer {
    /// Adam.
    fn default() -> Self {
        Self::Adam(Adam::default())
    }
}

impl Optimizer {
    /// How many buffers of the parameters' length it keeps from step to step, zero before the first.
    #[must_use]
    pub fn slots(&self) -> usize {
        let update = self.update(false);
        usize::from(update.uses_velocity()) + usize::from(update.uses_squares())
    }

    /// The kernel for parameters with or without weight decay.
    #[must_use]
    pub fn update(&self, decayed: bool) -> Update {
        let decay = match (decayed, self.weight_decay(), self.settings().decoupled()) {
            (false, ..) | (_, 0.0, _) => Decay::None,
            (true, factor, false) => Decay::L2(factor),
            (true, factor, true) => Decay::Decoupled(factor),
        };
        Update {
            decay,
            ..Update::new(self.settings().rule())
        }
    }

    /// Refuses settings out of their range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first one.
    pub fn check(&self) -> Result<()> {
        let range = Range { name: self.name() };
        range.positive("learning_rate", self.learning_rate())?;
        range.at_least_zero("weight_decay", self.weight_decay())?;
        self.settings().check(&range)
    }
}

/// What sets one optimiser apart.
trait Settings {
    fn rule(&self) -> Rule;

    /// Whether weight decay stands apart from the gradient.
    fn decoupled(&self) -> bool;

    /// Refuses settings of its own that are out of their range.
    fn check(&self, range: &Range) -> Result<()>;
}

/// What settings may be, and the optimiser to name where they are not.
struct Range {
    name: &'static str,
}

impl Range {
    fn positive(&self, setting: &'static str, value: f32) -> Result<()> {
        self.require(
            value > 0.0 && value.is_finite(),
            setting,
            "greater than 0",
            value,
        )
    }

    fn at_least_zero(&self, setting: &'static str, value: f32) -> Result<()> {
        self.require(
            value >= 0.0 && value.is_finite(),
            setting,
            "at least 0",
            value,
        )
    }

    fn below_one(&self, setting: &'static str, value: f32) -> Result<()> {
        self.require(
            (0.0..1.0).contains(&value),
            setting,
            "at least 0 and less than 1",
            value,
        )
    }

    fn require(
        &self,
        good: bool,
        setting: &'static str,
        expected: &'static str,
        value: f32,
    ) -> Result<()> {
        let place = || format!("optimizer `{}`", self.name).into();
        match good {
            true => Ok(()),
            false => Err(Error::Setting {
                place: place(),
                setting,
                expected,
                found: value.to_string(),
            }),
        }
    }
}
