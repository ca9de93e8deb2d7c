//! How a model is fitted.

use std::sync::atomic::AtomicBool;

use jingwei_data::prepare::PrepareOptions;
use jingwei_data::{Augment, Dataset};
use jingwei_nn::{Average, Clip, Duration, Schedule};

use crate::fit::{EarlyStopping, FitOptions, Observer};

/// How a [`crate::Model`] is fitted.
///
/// ```
/// use jingwei_train::Fit;
/// let fit = Fit::new().epochs(10).batch_size(64).seed(7);
/// ```
#[derive(Default)]
pub struct Fit<'a> {
    pub(super) options: FitOptions,
    pub(super) prepare: PrepareOptions,
    pub(super) validation: Option<&'a Dataset>,
    pub(super) observers: Vec<&'a mut dyn Observer>,
    pub(super) cancel: Option<&'a AtomicBool>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $($field:ident).+;)*) => {
        impl<'a> Fit<'a> {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.$($field).+ = $name.into();
                self
            })*
        }
    };
}

settings! {
    /// How often every sample is seen; default 10.
    epochs: u64 => options.epochs;
    /// Samples a step; default 64.
    batch_size: usize => options.batch_size;
    /// The seed of first values, order, augmentation and dropout; default 0.
    seed: u64 => options.seed;
    /// How the learning rate changes; default not at all.
    schedule: Schedule => options.schedule;
    /// How long the learning rate first rises; default not at all.
    warmup: Duration => options.warmup;
    /// Bounds on gradients; default none.
    clip: Clip => options.clip;
    /// A moving average of the weights, which is then kept; default none.
    ema: Average => options.ema;
    /// When to stop before the last epoch; default never.
    early_stopping: EarlyStopping => options.early_stopping;
    /// Random changes to the training samples; default none.
    augment: Augment => options.augment;
    /// How records become numbers; default to [0, 1] for pictures, mean 0 and deviation 1 for columns.
    prepare: PrepareOptions => prepare;
    /// What is measured after each epoch and steers early stopping; default nothing.
    validation: &'a Dataset => validation;
    /// Ends the fitting after the step that runs, when it is set.
    cancel: &'a AtomicBool => cancel;
}

impl<'a> Fit<'a> {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Someone who looks on, such as a progress bar.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observers.push(observer);
        self
    }
}
