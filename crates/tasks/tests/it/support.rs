//! What the tests of runs share.

use std::sync::atomic::AtomicBool;

use jingwei_train::Error;
use jingwei_train::fit::{Observer, StepEnd, Trainer};

/// Asks a training to stop after a step.
pub struct StopAt<'a> {
    pub step: u64,
    pub cancel: &'a AtomicBool,
}

impl Observer for StopAt<'_> {
    fn step(&mut self, _: &Trainer, step: &StepEnd) -> Result<(), Error> {
        self.cancel
            .store(step.step >= self.step, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}
