//! What all readers share: keeping a row, or setting it aside.

use std::path::Path;

use crate::encoding::{Line, Lines, named};
use crate::read::classes::{Classes, lonely};
use crate::read::{Corpus, Counts, Labels, Origins, ReadOptions, Texts};
pub(super) use crate::table::BadRow as Bad;
use crate::{Error, OnBad, Quarantined, Result};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Classes,
    Tags,
}

/// Gathers rows for a [`Corpus`].
pub(super) struct Collector<'a> {
    pub(super) options: &'a ReadOptions,
    texts: Texts,
    classes: Classes,
    told: Told,
    origins: Origins,
    quarantine: Vec<Quarantined>,
    counts: Counts,
    encodings: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(options: &'a ReadOptions) -> Self {
        Self {
            options,
            texts: Texts::bounded(options.memory_bytes),
            classes: Classes::default(),
            told: Told::Nothing,
            origins: Origins::default(),
            quarantine: Vec::new(),
            counts: Counts::default(),
            encodings: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, path: &Path, bound: usize) -> Result<Lines> {
        let encoding = self.options.encoding.as_deref().map(named).transpose()?;
        let lines = Lines::open(path, encoding, bound)?;
        self.begin(path, lines.encoding());
        Ok(lines)
    }

    /// What follows comes from this file.
    pub(super) fn begin(&mut self, path: &Path, encoding: &str) {
        self.origins.files.push((self.texts.len(), path.to_owned()));
        if !self.encodings.iter().any(|known| known == encoding) {
            self.encodings.push(encoding.to_owned());
        }
    }

    pub(super) fn set_aside(&mut self, path: &Path, line: u64, bad: Bad) -> Result<()> {
        let place = format!("{}, line {line}", path.display());
        let reason = bad.reason();
        if self.options.on_bad == OnBad::Stop {
            let remedy = format!(
                "{}, or set bad rows aside: in a recipe by `on_bad = \"quarantine\"`, to a command by --skip-bad",
                bad.remedy
            );
            return Err(Error::content(place, reason, remedy));
        }
        self.counts.rows += 1;
        self.counts.set_aside += 1;
        *self.counts.causes.entry(bad.cause.to_owned()).or_default() += 1;
        if self.quarantine.len() < Corpus::LISTED {
            self.quarantine.push(Quarantined {
                origin: place,
                reason,
            });
        }
        Ok(())
    }

    /// What is wrong with a text, whatever the format.
    pub(super) fn fault(&self, text: &str) -> Option<Bad> {
        if text.trim().is_empty() {
            return Some(Bad::new("empty text", "", "write a text or delete the row"));
        }
        if text.contains('\0') {
            return Some(Bad::new(
                "NUL bytes in the text",
                "",
                "repair or delete the row",
            ));
        }
        if text.contains('\u{fffd}') {
            let encoding = self.encodings.last().map_or("the encoding", |name| name);
            let detail = format!("read as {encoding}, near `{}`", near(text));
            return Some(Bad::new(
                "bytes that do not fit the encoding",
                detail,
                "save the file in one encoding, best UTF-8",
            ));
        }
        if text.len() > self.options.max_text_bytes {
            let detail = format!(
                "{} bytes, the limit is {}",
                text.len(),
                self.options.max_text_bytes
            );
            return Some(Bad::new(
                "text too long",
                detail,
                "cut it, or raise `max_text_bytes`",
            ));
        }
        None
    }

    /// A line that was cut at its bound.
    pub(super) fn too_long(&self, line: Line) -> Bad {
        let detail = format!(
            "{} bytes, the limit is {}",
            line.bytes, self.options.max_text_bytes
        );
        Bad::new("line too long", detail, "cut it, or raise `max_text_bytes`")
    }

    fn keep(&mut self, line: u64, text: &str) -> Result<()> {
        self.texts.push(text)?;
        self.origins
            .lines
            .push(u32::try_from(line).unwrap_or(u32::MAX));
        self.counts.rows += 1;
        self.counts.kept += 1;
        Ok(())
    }

    /// A text without a label.
    pub(super) fn plain(&mut self, path: &Path, line: u64, text: &str) -> Result<()> {
        match self.fault(text) {
            Some(bad) => self.set_aside(path, line, bad),
            None => self.keep(line, text),
        }
    }

    /// A text with what stands in its label's field.
    pub(super) fn labelled(
        &mut self,
        path: &Path,
        line: u64,
        text: &str,
        label: &str,
    ) -> Result<()> {
        self.told = Told::Classes;
        let labels: Vec<&str> = match self.options.label_separator {
            Some(separator) => label.split(separator).collect(),
            None => vec![label],
        };
        self.with_labels(path, line, text, &labels)
    }

    pub(super) fn with_labels(
        &mut self,
        path: &Path,
        line: u64,
        text: &str,
        labels: &[&str],
    ) -> Result<()> {
        self.told = Told::Classes;
        if let Some(bad) = self.fault(text) {
            return self.set_aside(path, line, bad);
        }
        let trimmed: Vec<&str> = labels.iter().map(|label| label.trim()).collect();
        let many = self.options.label_separator.is_some();
        let named = trimmed.iter().filter(|label| !label.is_empty());
        if !many && named.clone().count() != 1 {
            let bad = Bad::new("no label", "", "write one or delete the row");
            return self.set_aside(path, line, bad);
        }
        if let Some(label) = trimmed
            .iter()
            .find(|l| l.contains(['\0', '\u{fffd}', '\n']))
        {
            let bad = Bad::new(
                "label with wrong bytes",
                format!("{label:?}"),
                "repair the row",
            );
            return self.set_aside(path, line, bad);
        }
        let spaced = labels
            .iter()
            .zip(&trimmed)
            .filter(|(l, t)| l.len() != t.len());
        self.counts.trimmed_labels += spaced.count() as u64;
        self.classes.push(named.copied());
        self.keep(line, text)
    }

    /// Tokens with a tag each; both are free of line feeds.
    pub(super) fn tagged(&mut self, line: u64, tokens: &[String], tags: &[String]) -> Result<()> {
        self.told = Told::Tags;
        self.classes.push(tags.iter().map(String::as_str));
        self.keep(line, &tokens.join("\n"))
    }

    pub(super) fn rewrote(&mut self, tags: u64) {
        self.counts.rewritten_tags += tags;
    }

    pub(super) fn finish(mut self, path: &Path) -> Result<Corpus> {
        if self.counts.kept == 0 {
            let cause = match self.quarantine.first() {
                Some(first) => format!(
                    "none of its {} rows can be used, the first ({}) because: {}",
                    self.counts.rows, first.origin, first.reason
                ),
                None => "it holds no texts".to_owned(),
            };
            return Err(Error::content(
                path.display(),
                cause,
                "check that it is the right file",
            ));
        }
        self.texts.flush()?;
        let labels = match self.told {
            Told::Nothing => Labels::None,
            Told::Classes if self.options.label_separator.is_some() => self.classes.into_many(),
            Told::Classes => self.classes.into_classes(),
            Told::Tags => self.classes.into_tags(),
        };
        let mut corpus = Corpus {
            texts: self.texts,
            labels,
            origins: self.origins,
            quarantine: self.quarantine,
            counts: self.counts,
            encodings: self.encodings,
            notes: self.notes,
        };
        lonely(&mut corpus);
        Ok(corpus)
    }
}

/// The characters around the first wrong one.
fn near(text: &str) -> String {
    let at = text.find('\u{fffd}').unwrap_or(0);
    let before = text[..at].chars().rev().take(8).collect::<Vec<_>>();
    let after = text[at..].chars().take(9);
    before.into_iter().rev().chain(after).collect()
}

/// Reads a text a line.
pub(super) fn read_lines(path: &Path, collector: &mut Collector) -> Result<()> {
    let mut lines = collector.open(path, collector.options.max_text_bytes)?;
    let mut text = String::new();
    while let Some(line) = lines.next_line(&mut text)? {
        if line.too_long {
            let bad = collector.too_long(line);
            collector.set_aside(path, line.number, bad)?;
        } else {
            collector.plain(path, line.number, &text)?;
        }
    }
    Ok(())
}
