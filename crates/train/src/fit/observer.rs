//! Those who look on while a training runs.

use super::{StepEnd, Trainer};
use crate::Error;
use crate::history::Epoch;

/// Why a training returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// The monitored series stopped improving.
    StoppedEarly,
    /// It was asked to stop; the same training can go on from its checkpoint.
    Interrupted,
}

/// Looks on while a training runs: a progress bar, a log, the writer of checkpoints.
///
/// Observers are called in their order, on the training's own thread; [`Observer::step`] belongs to the step and
/// should be quick and allocate nothing.
pub trait Observer {
    /// The data are read; `notes` say in sentences what was found in them. Only those who look on at a whole run are
    /// told.
    ///
    /// # Errors
    /// Any error ends the training.
    fn notes(&mut self, _notes: &[String]) -> Result<(), Error> {
        Ok(())
    }

    /// The training begins, or goes on after `trainer.progress().step` steps.
    ///
    /// # Errors
    /// Any error ends the training.
    fn start(&mut self, _trainer: &Trainer) -> Result<(), Error> {
        Ok(())
    }

    /// A step is done.
    ///
    /// # Errors
    /// Any error ends the training.
    fn step(&mut self, _trainer: &Trainer, _step: &StepEnd) -> Result<(), Error> {
        Ok(())
    }

    /// An epoch is done and validated.
    ///
    /// # Errors
    /// Any error ends the training.
    fn epoch(&mut self, _trainer: &Trainer, _epoch: &Epoch) -> Result<(), Error> {
        Ok(())
    }

    /// The training returns.
    ///
    /// # Errors
    /// Any error is the training's.
    fn end(&mut self, _trainer: &Trainer, _outcome: Outcome) -> Result<(), Error> {
        Ok(())
    }
}

/// Looks at nothing.
impl Observer for () {}
