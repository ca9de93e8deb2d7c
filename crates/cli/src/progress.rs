//! What is seen while something takes long, on the standard error of a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::Printer;

/// How often something that moves is drawn.
pub const FRAME: Duration = Duration::from_millis(100);
/// What takes less is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that nobody sees unless there is a terminal.
pub fn bar(printer: &Printer, length: u64, template: &str) -> ProgressBar {
    let target = if printer.shows_progress() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(length), target).with_style(style.progress_chars("━╸ "))
}

/// A bar over items, which appears if they take more than a second.
pub struct Items {
    bar: ProgressBar,
    start: Instant,
    done: u64,
}

impl Items {
    /// A bar over `length` items, with a word for what is done to them.
    pub fn new(printer: &Printer, word: &str, length: usize) -> Self {
        let template = format!("{word} {{wide_bar}} {{human_pos}} of {{human_len}}, {{eta}} left");
        Self {
            bar: bar(printer, length as u64, &template),
            start: Instant::now(),
            done: 0,
        }
    }

    /// Some more items are done.
    pub fn add(&mut self, items: usize) {
        self.done += items as u64;
        if self.start.elapsed() > PATIENCE {
            self.bar.set_position(self.done);
        }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Says what is going on while a single long thing is done; it is wiped out when dropped.
pub struct Waiting(ProgressBar);

impl Waiting {
    /// Such as `reading data/train`.
    pub fn new(printer: &Printer, text: impl Into<String>) -> Self {
        let bar = bar(printer, 0, "{spinner} {msg} {elapsed}");
        bar.set_message(text.into());
        if printer.shows_progress() {
            bar.enable_steady_tick(FRAME);
        }
        Self(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
