//! What a person sees of a training: a bar that moves with the steps, and a row for each epoch.

use std::time::Instant;

use indicatif::ProgressBar;
use jingwei_metrics::Epoch;
use jingwei_train::Error;
use jingwei_train::fit::{Observer, Outcome, StepEnd, Trainer};

use crate::numbers::{count, counted, seconds, short};
use crate::printer::{Look, Printer};
use crate::progress::{FRAME, Waiting, bar};
use crate::table::pad;

const TEMPLATE: &str = "{prefix} {wide_bar} {human_pos}/{human_len}  {msg}";

/// Looks on while a training runs and shows how it goes.
pub struct Watching<'a> {
    printer: &'a Printer,
    waiting: Option<Waiting>,
    bar: ProgressBar,
    drawn: Instant,
    begun: Instant,
    first_step: u64,
    columns: Vec<Column>,
    shown: u64,
    /// Why the output cannot be written; printing must not end a training.
    failed: Option<anyhow::Error>,
}

/// A column of the table of epochs.
struct Column {
    head: String,
    valid: bool,
    series: String,
}

impl<'a> Watching<'a> {
    /// Shows that data are being read, until the training starts.
    pub fn new(printer: &'a Printer) -> Self {
        let now = Instant::now();
        Self {
            printer,
            waiting: Some(Waiting::new(printer, "reading the data")),
            bar: bar(printer, 0, TEMPLATE),
            drawn: now,
            begun: now,
            first_step: 0,
            columns: Vec::new(),
            shown: 0,
            failed: None,
        }
    }

    /// Wipes the bar out and says whether any epoch ended while it looked on.
    pub fn finish(mut self) -> bool {
        self.waiting = None;
        self.bar.finish_and_clear();
        if let Some(error) = &self.failed {
            self.printer.warning(error);
        }
        self.shown > 0
    }

    fn print(&mut self, line: &str) {
        let (bar, printer) = (&self.bar, self.printer);
        if let Err(error) = bar.suspend(|| printer.line(line)) {
            self.failed.get_or_insert(error);
        }
    }

    fn describe(&mut self, trainer: &Trainer) {
        let parameters = trainer.functions().training.parameters.values();
        let steps = counted(trainer.steps_per_epoch() as usize, "step", "steps");
        let epochs = counted(trainer.options().epochs as usize, "epoch", "epochs");
        let text = format!(
            "{} parameters, {epochs} of {steps}, {:?}",
            count(parameters),
            trainer.runtime()
        );
        self.print(&self.printer.paint(Look::Dim, text));
        let tables = trainer.functions().row_sparse().join(", ");
        if !tables.is_empty() {
            let name = trainer.options().optimizer.name();
            let text = format!("row-sparse (lazy) {name}: {tables}");
            self.print(&self.printer.paint(Look::Dim, text));
        }
        for found in trainer.pretrained() {
            self.print(&self.printer.paint(Look::Dim, found.sentence()));
        }
        let done = trainer.progress().step;
        if done > 0 && !trainer.progress().finished {
            let (step, total) = (count(done), count(trainer.total_steps()));
            self.print(&format!("goes on after step {step} of {total}"));
        }
    }

    fn begin_epoch(&mut self, trainer: &Trainer) {
        let (epoch, epochs) = (trainer.progress().epoch + 1, trainer.options().epochs);
        self.bar.set_length(trainer.steps_per_epoch());
        self.bar.set_position(trainer.progress().step_in_epoch);
        self.bar
            .set_prefix(format!("epoch {}/{epochs}", epoch.min(epochs)));
    }

    fn state(&self, trainer: &Trainer) -> String {
        let progress = trainer.progress();
        let done = (progress.step - self.first_step) as f64;
        let rate = done / self.begun.elapsed().as_secs_f64().max(1e-9);
        let left = (trainer.total_steps().saturating_sub(progress.step)) as f64 / rate.max(1e-9);
        let mut text = format!("loss {}", short(progress.running.mean_loss()));
        if self
            .columns
            .iter()
            .any(|column| column.series == "accuracy")
            || progress.running.right > 0
        {
            text += &format!("  accuracy {:.4}", progress.running.accuracy());
        }
        format!("{text}  {} steps/s  {} left", short(rate), seconds(left))
    }

    fn heads(&mut self, epoch: &Epoch) {
        let column = |valid, series: &String| Column {
            head: if valid {
                format!("valid {series}")
            } else {
                series.clone()
            },
            valid,
            series: series.clone(),
        };
        let mut columns: Vec<Column> = epoch
            .train
            .keys()
            .map(|series| column(false, series))
            .collect();
        columns.extend(epoch.valid.keys().map(|series| column(true, series)));
        // The loss comes first; a map sorts by name.
        columns.sort_by_key(|column| (column.valid, column.series != "loss"));
        let heads: Vec<String> = columns
            .iter()
            .map(|column| pad(&column.head, column.width(), true))
            .collect();
        let head = format!(
            "{:>5}  {}  {:>9}  {:>10}",
            "epoch",
            heads.join("  "),
            "rate",
            "time"
        );
        self.print(&self.printer.paint(Look::Bold, head));
        self.columns = columns;
    }

    fn row(&mut self, epoch: &Epoch) {
        let cell = |column: &Column| {
            let series = if column.valid {
                &epoch.valid
            } else {
                &epoch.train
            };
            let value = series
                .get(&column.series)
                .copied()
                .flatten()
                .map_or("–".to_owned(), short);
            pad(&value, column.width(), true)
        };
        let cells: Vec<String> = self.columns.iter().map(cell).collect();
        let (rate, time) = (
            format!("{:.2e}", epoch.learning_rate),
            seconds(epoch.seconds),
        );
        self.print(&format!(
            "{:>5}  {}  {rate:>9}  {time:>10}",
            epoch.epoch,
            cells.join("  ")
        ));
    }
}

impl Column {
    fn width(&self) -> usize {
        self.head.len().max(9)
    }
}

impl Observer for Watching<'_> {
    fn notes(&mut self, notes: &[String]) -> Result<(), Error> {
        self.waiting = None;
        if !self.printer.is_json() {
            notes.iter().for_each(|note| {
                let note = self.printer.paint(Look::Dim, note);
                self.print(&note);
            });
        }
        Ok(())
    }

    fn start(&mut self, trainer: &Trainer) -> Result<(), Error> {
        self.waiting = None;
        self.begun = Instant::now();
        self.first_step = trainer.progress().step;
        if !self.printer.is_json() {
            self.describe(trainer);
        }
        self.begin_epoch(trainer);
        Ok(())
    }

    fn step(&mut self, trainer: &Trainer, _: &StepEnd) -> Result<(), Error> {
        if self.bar.is_hidden() || self.drawn.elapsed() < FRAME {
            return Ok(());
        }
        self.drawn = Instant::now();
        self.bar.set_message(self.state(trainer));
        self.bar.set_position(trainer.progress().step_in_epoch);
        Ok(())
    }

    fn epoch(&mut self, trainer: &Trainer, epoch: &Epoch) -> Result<(), Error> {
        self.shown += 1;
        if self.printer.is_json() {
            if let Err(error) = self.printer.value(epoch) {
                self.failed.get_or_insert(error);
            }
        } else {
            if self.columns.is_empty() {
                self.heads(epoch);
            }
            self.row(epoch);
        }
        self.begin_epoch(trainer);
        Ok(())
    }

    fn end(&mut self, _: &Trainer, outcome: Outcome) -> Result<(), Error> {
        self.bar.finish_and_clear();
        if outcome != Outcome::Interrupted {
            self.waiting = Some(Waiting::new(
                self.printer,
                "measuring the model and writing the bundle",
            ));
        }
        Ok(())
    }
}
