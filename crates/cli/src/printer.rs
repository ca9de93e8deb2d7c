use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use serde::Serialize;

/// Where everything that a command says goes through.
///
/// Results go to the standard output, as text or as JSON; everything else to the standard error. When whoever reads
/// the output has gone away, as `head` does, the rest is dropped: that is no error.
pub struct Printer {
    json: bool,
    quiet: bool,
    output_colour: bool,
    error_colour: bool,
    gone: AtomicBool,
}

/// How a piece of text looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A heading.
    Bold,
    /// Of less importance.
    Dim,
    /// Good news.
    Good,
    /// Something to notice.
    Warning,
    /// Bad news.
    Bad,
}

impl Look {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "1;31",
        }
    }
}

impl Printer {
    /// A printer for this process; `quiet` hides progress.
    pub fn new(json: bool, quiet: bool) -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            json,
            quiet,
            output_colour: colour && !json && io::stdout().is_terminal(),
            error_colour: colour && io::stderr().is_terminal(),
            gone: AtomicBool::new(false),
        }
    }

    /// Whether results are printed as JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress bars are to be seen.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Text with a look, on a terminal.
    pub fn paint(&self, look: Look, text: impl Display) -> String {
        paint(self.output_colour, look, text)
    }

    /// A line of a result.
    pub fn line(&self, text: impl Display) -> Result<()> {
        self.write(format!("{text}\n").as_bytes())
    }

    /// A result as a line of JSON.
    pub fn value(&self, value: &impl Serialize) -> Result<()> {
        self.line(serde_json::to_string(value)?)
    }

    /// Bytes of a result.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        if self.gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut output = io::stdout().lock();
        match output.write_all(bytes).and_then(|()| output.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone.store(true, Ordering::Relaxed);
                Ok(())
            }
            result => result.context("the standard output cannot be written; check the disk"),
        }
    }

    /// Something worth knowing beside the result.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            complain(format_args!("{text}"));
        }
    }

    /// Something that may be wrong.
    pub fn warning(&self, text: impl Display) {
        let head = paint(self.error_colour, Look::Warning, "warning:");
        complain(format_args!("{head} {text}"));
    }

    /// Why a command failed.
    pub fn error(&self, error: &anyhow::Error) {
        let head = paint(self.error_colour, Look::Bad, "error:");
        complain(format_args!("{head} {}", message(error)));
    }
}

/// The whole message of an error; causes that an outer message already tells are not repeated.
fn message(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

fn paint(colour: bool, look: Look, text: impl Display) -> String {
    if colour {
        format!("\x1b[{}m{text}\x1b[0m", look.code())
    } else {
        text.to_string()
    }
}

/// Writes to the standard error; nobody can be told if that fails.
fn complain(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
