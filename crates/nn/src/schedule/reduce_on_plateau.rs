//! A learning rate that falls when nothing gets better.

use serde::{Deserialize, Serialize};

use super::wrong;
use crate::Result;

/// Multiplies the learning rate by a factor when the value watched, such as the validation loss, has not got better for
/// some epochs, as Keras's `ReduceLROnPlateau` does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReduceOnPlateau {
    /// What the rate is multiplied by, in (0, 1); 0.1 by default.
    pub factor: f32,
    /// After how many epochs without a better value; 10 by default.
    pub patience: u32,
    /// By how much a value must be better to count; 0.0001 by default.
    pub min_delta: f32,
    /// How many epochs pass after a reduction before the count begins again; 0 by default.
    pub cooldown: u32,
    /// The share of the learning rate below which it never falls; 0 by default.
    pub min_share: f32,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            min_delta: 1e-4,
            cooldown: 0,
            min_share: 0.0,
        }
    }
}

/// What [`ReduceOnPlateau`] remembers; a part of every checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// The best value so far, the smaller the better.
    pub best: Option<f64>,
    /// Epochs since.
    pub waited: u32,
    /// Epochs of rest that are left.
    pub resting: u32,
    /// What the learning rate is multiplied by now.
    pub factor: f32,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self {
            best: None,
            waited: 0,
            resting: 0,
            factor: 1.0,
        }
    }
}

impl ReduceOnPlateau {
    /// Takes the value of an epoch, the smaller the better (give the negative of an accuracy), and tells whether the
    /// rate falls now. A value that is not a number is no better than any.
    ///
    /// ```
    /// use jingwei_nn::{PlateauState, ReduceOnPlateau};
    /// let (plateau, mut state) = (ReduceOnPlateau { patience: 2, ..Default::default() }, PlateauState::default());
    /// let falls = [1.0, 0.5, 0.6, 0.5].map(|loss| plateau.observe(&mut state, loss));
    /// assert_eq!((falls, state.factor), ([false, false, false, true], 0.1));
    /// ```
    pub fn observe(&self, state: &mut PlateauState, value: f64) -> bool {
        let was_resting = state.resting > 0;
        if was_resting {
            state.resting -= 1;
            state.waited = 0;
        }
        let better = !value.is_nan()
            && state
                .best
                .is_none_or(|best| value < best - f64::from(self.min_delta));
        if better {
            (state.best, state.waited) = (Some(value), 0);
            return false;
        }
        if state.resting > 0 {
            return false;
        }
        state.waited += 1;
        let lowered = (state.factor * self.factor).max(self.min_share);
        if state.waited < self.patience || lowered >= state.factor {
            return false;
        }
        *state = PlateauState {
            waited: 0,
            resting: self.cooldown,
            factor: lowered,
            ..*state
        };
        true
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(self.factor > 0.0 && self.factor < 1.0) {
            return Err(wrong("factor", "between 0 and 1", self.factor));
        }
        if !(self.min_delta >= 0.0 && self.min_delta.is_finite()) {
            return Err(wrong("min_delta", "at least 0", self.min_delta));
        }
        match (0.0..1.0).contains(&self.min_share) {
            true => Ok(()),
            false => Err(wrong(
                "min_share",
                "at least 0 and less than 1",
                self.min_share,
            )),
        }
    }
}
