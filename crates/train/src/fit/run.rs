//! The loop: steps, epochs, validation, stopping.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jingwei_data::Targets;
use jingwei_engine::{Buffer, RunContext};
use jingwei_kernels::Workers;
use jingwei_nn::{Schedule, StepScalars};

use super::fill::fill;
use super::functions::TARGETS;
use super::{Observer, Outcome, Running, Trainer};
use crate::Error;
use crate::history::{Epoch, Series};

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepEnd {
    /// Steps done in all, this one included.
    pub step: u64,
    /// The loss of the batch, penalties included.
    pub loss: f32,
    /// The learning rate.
    pub learning_rate: f32,
    /// The length of all gradients together, where clipping computes it.
    pub gradient_norm: Option<f32>,
}

impl Trainer<'_> {
    /// Runs to the end, or until `cancel` is set; the step that runs is finished first.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss is no longer a number, and whatever an observer says.
    pub fn run(
        &mut self,
        observers: &mut [&mut dyn Observer],
        cancel: &AtomicBool,
    ) -> Result<Outcome, Error> {
        for observer in observers.iter_mut() {
            observer.start(self)?;
        }
        let outcome = self.run_epochs(observers, cancel)?;
        for observer in observers.iter_mut() {
            observer.end(self, outcome)?;
        }
        Ok(outcome)
    }

    fn run_epochs(
        &mut self,
        observers: &mut [&mut dyn Observer],
        cancel: &AtomicBool,
    ) -> Result<Outcome, Error> {
        while !self.progress.finished {
            self.source.arrange(self.progress.epoch);
            while self.progress.step_in_epoch < self.steps_per_epoch() {
                if cancel.load(Ordering::Relaxed) {
                    return Ok(Outcome::Interrupted);
                }
                let step = self.step()?;
                for observer in observers.iter_mut() {
                    observer.step(self, &step)?;
                }
            }
            self.end_epoch()?;
            if let Some(epoch) = self.progress.history.last() {
                for observer in observers.iter_mut() {
                    observer.epoch(self, epoch)?;
                }
            }
        }
        Ok(if self.progress.stopped_early {
            Outcome::StoppedEarly
        } else {
            Outcome::Finished
        })
    }

    /// One step: batch, loss, gradients, update. Allocates nothing.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss is no number; the parameters are then those before the step.
    pub fn step(&mut self) -> Result<StepEnd, Error> {
        let start = Instant::now();
        let (epoch, step) = (self.progress.epoch, self.progress.step_in_epoch as usize);
        let count = self.source.batch_len(step);
        let place = self.plans.find(
            &self.functions.training,
            self.runtime,
            count,
            self.source.time(step),
        )?;
        let plan = self.plans.get(place);
        let targets = plan.input(TARGETS).unwrap_or(1);
        let (features, targets) = self
            .workspace
            .two_inputs_mut(plan, 1 - targets.min(1), targets);
        let workers = Workers::new(self.runtime.level(), self.runtime.pool(), &mut self.scratch);
        fill(&workers, &self.source, epoch, step, features, targets);
        let context = RunContext {
            seed: self.options.seed,
            step: self.progress.step,
        };
        plan.run(self.runtime, &mut self.workspace, context);
        let loss = self.workspace.output(plan, 0)[0];
        if !loss.is_finite() {
            return Err(self.diverged(format!("the loss became {loss}")));
        }
        let (right, judged) = self.right(self.workspace.output(plan, 1));
        let running = &mut self.progress.running;
        running.samples += count as u64;
        running.loss += f64::from(loss) * count as f64;
        (running.right, running.judged) = (running.right + right, running.judged + judged);
        let learning_rate = self.learning_rate();
        let gradient_norm = self.update(place, learning_rate);
        self.progress.step += 1;
        self.progress.step_in_epoch += 1;
        self.progress.learning_rate = f64::from(learning_rate);
        self.count_time(start);
        Ok(StepEnd {
            step: self.progress.step,
            loss,
            learning_rate,
            gradient_norm,
        })
    }

    fn count_time(&mut self, start: Instant) {
        let seconds = start.elapsed().as_secs_f64();
        self.progress.seconds += seconds;
        self.progress.epoch_seconds += seconds;
    }

    /// How many samples of the batch that just ran have their own class on top, and of how many; for tags, how many
    /// steps. Nothing is counted where no class is on top.
    fn right(&self, outputs: &[f32]) -> (u64, u64) {
        let (epoch, step) = (self.progress.epoch, self.progress.step_in_epoch as usize);
        let count = self.source.batch_len(step);
        let rows = outputs.chunks_exact((outputs.len() / count.max(1)).max(1));
        match self.dataset.targets() {
            Targets::Classes { labels, .. } => {
                let samples = self.source.samples(epoch, step).zip(rows);
                let right = samples.filter(|(sample, row)| labels[*sample] == class_of(row));
                (right.count() as u64, count as u64)
            }
            Targets::Tags { .. } => {
                let samples = self.source.positions(epoch, step).zip(rows);
                let counts = samples.map(|(position, row)| self.right_tags(step, position, row));
                counts.fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1))
            }
            _ => (0, 0),
        }
    }

    fn right_tags(&self, step: usize, position: usize, row: &[f32]) -> (u64, u64) {
        let time = self.source.time(step).unwrap_or(1);
        let first = self.source.sequence_start(position, time);
        let tags = self.source.tags(position);
        let steps = row.chunks_exact((row.len() / time).max(1)).skip(first);
        let right = tags
            .iter()
            .zip(steps)
            .filter(|(tag, values)| **tag == class_of(values));
        (right.count() as u64, tags.len() as u64)
    }

    /// The learning rate of the step that runs.
    fn learning_rate(&self) -> f32 {
        self.options
            .learning_rate()
            .at(self.progress.step, self.total_steps())
            * self.progress.plateau.factor
    }

    /// Updates the parameters after a run of the plan at `place`.
    fn update(&mut self, place: usize, learning_rate: f32) -> Option<f32> {
        let plan = self.plans.get(place);
        let workers = Workers::new(self.runtime.level(), self.runtime.pool(), &mut self.scratch);
        let scalars = StepScalars {
            learning_rate,
            step: self.progress.step + 1,
            gradient_scale: 1.0,
        };
        self.slots
            .update(&workers, &mut self.workspace, plan, scalars)
    }

    /// Validates, decides about the best weights and about stopping, and begins the next epoch.
    fn end_epoch(&mut self) -> Result<(), Error> {
        let start = Instant::now();
        self.check_finite()?;
        let valid = self.validate()?;
        self.count_time(start);
        let progress = &self.progress;
        let epoch = Epoch {
            epoch: progress.epoch + 1,
            step: progress.step,
            learning_rate: progress.learning_rate,
            seconds: progress.epoch_seconds,
            train: self.train_series(),
            valid,
        };
        self.watch(&epoch);
        let progress = &mut self.progress;
        progress.epoch += 1;
        progress.step_in_epoch = 0;
        progress.epoch_seconds = 0.0;
        progress.running = Running::default();
        progress.history.push(epoch);
        progress.finished = progress.stopped_early || progress.epoch >= self.options.epochs;
        Ok(())
    }

    fn train_series(&self) -> Series {
        let running = &self.progress.running;
        let mut series = Series::from([("loss".to_owned(), Some(running.mean_loss()))]);
        if running.judged > 0 {
            series.insert("accuracy".to_owned(), Some(running.accuracy()));
        }
        series
    }

    /// Measures the validation part with the weights that would be kept: the averaged ones, if there are any.
    fn validate(&mut self) -> Result<Series, Error> {
        let Some(mut valid) = self.valid.take() else {
            return Ok(Series::new());
        };
        self.exchange_average();
        let ran = valid.run(self.runtime, &mut self.workspace);
        self.exchange_average();
        let series = ran.and_then(|()| valid.series(&self.options.metrics));
        self.valid = Some(valid);
        series
    }

    fn exchange_average(&mut self) {
        if self.slots.updater.uses_average() {
            self.workspace
                .buffer_mut(Buffer::Parameters)
                .swap_with_slice(&mut self.slots.average);
        }
    }

    fn watch(&mut self, epoch: &Epoch) {
        let options = self.options;
        let (monitor, least) = options.watched();
        let is_best = self.progress.watch.see(&monitor, least, epoch);
        if is_best && options.restores_best() {
            self.best = Some(self.last_weights());
        }
        if let Some(stopping) = &options.early_stopping {
            self.progress.stopped_early = self.progress.watch.waited >= stopping.patience.max(1);
        }
        if let Schedule::ReduceOnPlateau(reduce) = &options.schedule {
            let value = monitor.value(epoch).unwrap_or(f64::NAN);
            let cost = if monitor.higher_is_better() {
                -value
            } else {
                value
            };
            reduce.observe(&mut self.progress.plateau, cost);
        }
    }

    /// Refuses parameters that are no numbers, which a loss shows one step later.
    pub(crate) fn check_finite(&self) -> Result<(), Error> {
        match self.parameters().iter().all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err(self.diverged("a parameter is no longer a number".to_owned())),
        }
    }

    /// The error of a training that went out of bounds, with the layer whose gradient is largest.
    fn diverged(&self, reason: String) -> Error {
        let gradients = self.workspace.buffer(Buffer::Gradients);
        let length = |values: &[f32]| {
            let squares: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
            if squares.is_finite() {
                squares.sqrt()
            } else {
                f64::INFINITY
            }
        };
        let entries = self.functions.training.parameters.entries().iter();
        let dense = entries.take_while(|entry| entry.range().end <= gradients.len());
        let lengths = dense.map(|entry| (length(&gradients[entry.range()]), entry.name.as_str()));
        let largest = lengths
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((0.0, "none"));
        Error::Diverged {
            step: self.progress.step + 1,
            reason,
            parameter: largest.1.to_owned(),
            gradient: largest.0,
        }
    }
}

/// The most probable class; of a single logit, whether it is positive.
pub(super) fn class_of(outputs: &[f32]) -> u32 {
    match outputs {
        [logit] => u32::from(*logit > 0.0),
        _ => (1..outputs.len()).fold(0, |best, class| {
            if outputs[class] > outputs[best] {
                class
            } else {
                best
            }
        }) as u32,
    }
}
