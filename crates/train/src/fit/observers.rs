//! The observers of every run: the writer of checkpoints, the history, the log for TensorBoard.

use std::path::{Path, PathBuf};

use jingwei_tensorboard::{EventWriter, GraphNode, Histogram};

use super::resume::{Header, Identity};
use super::{Observer, Outcome, StepEnd, Trainer};
use crate::Error;
use crate::checkpoint::Folder;
use crate::history::{self, Epoch};

/// Writes checkpoints; it comes last, so that what others wrote belongs to them.
#[derive(Debug)]
pub struct CheckpointWriter {
    folder: Folder,
    identity: Identity,
    every_epochs: u64,
    every_steps: u64,
    written: Option<(u64, u64)>,
}

impl CheckpointWriter {
    /// Writes after so many epochs and steps, 0 for never, and always at the end.
    #[must_use]
    pub fn new(folder: Folder, identity: Identity, every_epochs: u64, every_steps: u64) -> Self {
        Self {
            folder,
            identity,
            every_epochs,
            every_steps,
            written: None,
        }
    }

    fn write(&mut self, trainer: &Trainer) -> Result<(), Error> {
        trainer.check_finite()?;
        let progress = trainer.progress();
        self.folder
            .save(progress.step, &self.header(trainer), &trainer.groups())?;
        self.written = Some((progress.step, progress.epoch));
        Ok(())
    }

    fn header(&self, trainer: &Trainer) -> Header {
        Header {
            identity: self.identity.clone(),
            progress: trainer.progress().clone(),
        }
    }
}

impl Observer for CheckpointWriter {
    fn step(&mut self, trainer: &Trainer, step: &StepEnd) -> Result<(), Error> {
        match self.every_steps > 0 && step.step.is_multiple_of(self.every_steps) {
            true => self.write(trainer),
            false => Ok(()),
        }
    }

    fn epoch(&mut self, trainer: &Trainer, epoch: &Epoch) -> Result<(), Error> {
        if trainer.progress().watch.best_epoch == Some(epoch.epoch) {
            self.folder
                .save_best(&self.header(trainer), &trainer.groups())?;
        }
        let due = self.every_epochs > 0 && epoch.epoch.is_multiple_of(self.every_epochs);
        match due || trainer.progress().finished {
            true => self.write(trainer),
            false => Ok(()),
        }
    }

    fn end(&mut self, trainer: &Trainer, _outcome: Outcome) -> Result<(), Error> {
        let progress = trainer.progress();
        match self.written == Some((progress.step, progress.epoch)) {
            true => Ok(()),
            false => self.write(trainer),
        }
    }
}

/// Keeps one line an epoch.
#[derive(Debug)]
pub struct HistoryWriter {
    path: PathBuf,
}

impl HistoryWriter {
    /// Writes to a file, from which a training that goes on removes what came after its checkpoint.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Observer for HistoryWriter {
    fn start(&mut self, trainer: &Trainer) -> Result<(), Error> {
        history::cut_back(&self.path, history_step(trainer))
    }

    fn epoch(&mut self, _: &Trainer, epoch: &Epoch) -> Result<(), Error> {
        history::append(&self.path, epoch)
    }
}

/// The step up to which logs stay: that of the last whole epoch, as the next one ends after the checkpoint.
fn history_step(trainer: &Trainer) -> u64 {
    trainer
        .progress()
        .history
        .last()
        .map_or(0, |epoch| epoch.step)
}

/// Steps from one point of a curve to the next.
const EVERY_STEPS: u64 = 50;

/// Writes event files for TensorBoard.
#[derive(Debug)]
pub struct EventLog {
    folder: PathBuf,
    graph: Vec<GraphNode>,
    writer: Option<EventWriter>,
}

impl EventLog {
    /// Writes to a folder; `graph` is shown beside the curves.
    #[must_use]
    pub fn new(folder: &Path, graph: Vec<GraphNode>) -> Self {
        Self {
            folder: folder.to_owned(),
            graph,
            writer: None,
        }
    }
}

impl Observer for EventLog {
    fn start(&mut self, trainer: &Trainer) -> Result<(), Error> {
        let progress = trainer.progress();
        jingwei_tensorboard::cut_back(&self.folder, progress.step)?;
        if progress.finished {
            return Ok(());
        }
        let mut writer = EventWriter::start(&self.folder, progress.step)?;
        if progress.step == 0 {
            writer.graph(&self.graph)?;
        }
        self.writer = Some(writer);
        Ok(())
    }

    fn step(&mut self, _: &Trainer, step: &StepEnd) -> Result<(), Error> {
        let Some(writer) = self
            .writer
            .as_mut()
            .filter(|_| step.step.is_multiple_of(EVERY_STEPS))
        else {
            return Ok(());
        };
        writer.scalar(step.step, "step/loss", step.loss)?;
        writer.scalar(step.step, "step/learning_rate", step.learning_rate)?;
        match step.gradient_norm {
            Some(norm) => Ok(writer.scalar(step.step, "step/gradient_norm", norm)?),
            None => Ok(()),
        }
    }

    fn epoch(&mut self, trainer: &Trainer, epoch: &Epoch) -> Result<(), Error> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        for (part, series) in [("train", &epoch.train), ("valid", &epoch.valid)] {
            for (name, value) in series {
                if let Some(value) = value {
                    writer.scalar(epoch.step, &format!("{part}/{name}"), *value as f32)?;
                }
            }
        }
        for entry in trainer.functions().training.parameters.entries() {
            if let Some(histogram) = Histogram::new(&trainer.parameters()[entry.range()]) {
                writer.histogram(epoch.step, &format!("weights/{}", entry.name), &histogram)?;
            }
        }
        Ok(writer.flush()?)
    }

    fn end(&mut self, _: &Trainer, _: Outcome) -> Result<(), Error> {
        Ok(self.writer.as_mut().map_or(Ok(()), EventWriter::flush)?)
    }
}
