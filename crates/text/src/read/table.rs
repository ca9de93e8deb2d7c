//! CSV and TSV, after RFC 4180, with a quote that is never closed costing one row and not the rest of the file.

use std::collections::VecDeque;
use std::path::Path;

use crate::encoding::{Line, Lines};
use crate::read::rows::{Bad, Collector};
use crate::{Error, Result};

/// A quoted field may go over so many lines.
const MOST_LINES: usize = 2_000;
/// Lines that are read again in search of a closing quote, for each row: in vain, so often as a file has rows that open a
/// quote, they would be read thousands of times.
const PATIENCE: usize = 64;

pub(super) fn read(path: &Path, delimiter: u8, collector: &mut Collector) -> Result<()> {
    let bound = collector.options.max_text_bytes.saturating_add(1 << 12);
    let lines = collector.open(path, bound)?;
    let mut records = Records::new(lines, delimiter as char, bound);
    let Some((_, header)) = records.next()? else {
        return Ok(());
    };
    let names = header.map_err(|bad| {
        let cause = format!("the header cannot be read: {} {}", bad.cause, bad.detail);
        Error::content(format!("{}, line 1", path.display()), cause, bad.remedy)
    })?;
    let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    let text = column(path, &names, "text", &collector.options.text)?;
    let label = match &collector.options.label {
        Some(label) => Some(column(path, &names, "label", label)?),
        None => None,
    };
    while let Some((line, fields)) = records.next()? {
        let fields = match fields {
            Ok(fields) => fields,
            Err(bad) => {
                collector.set_aside(path, line, bad)?;
                continue;
            }
        };
        if fields.len() != names.len() {
            let detail = format!("{} instead of {}", fields.len(), names.len());
            let remedy = "put fields that hold the delimiter in quotes";
            let bad = Bad::new(
                "row with another number of fields than the header",
                detail,
                remedy,
            );
            collector.set_aside(path, line, bad)?;
            continue;
        }
        match label {
            Some(label) => collector.labelled(path, line, &fields[text], &fields[label])?,
            None => collector.plain(path, line, &fields[text])?,
        }
    }
    Ok(())
}

fn column(path: &Path, names: &[String], key: &str, wanted: &str) -> Result<usize> {
    let mut found = (0..names.len()).filter(|&at| names[at] == wanted);
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => Err(Error::content(
            format!("{}, line 1", path.display()),
            format!("two columns are called `{wanted}`"),
            "give them different names",
        )),
        (None, _) => {
            let mut shown = names
                .iter()
                .take(20)
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>();
            if names.len() > shown.len() {
                shown.push(format!("and {} more", names.len() - shown.len()));
            }
            let remedy = match key {
                "text" => {
                    "name the one of the texts, in a recipe by `text = { column = \"…\" }`, to a command by --text-column"
                }
                _ => {
                    "name the one of the labels, in a recipe by `target = \"…\"`, to a command by --target"
                }
            };
            Err(Error::content(
                format!("{}, line 1", path.display()),
                format!(
                    "there is no column `{wanted}`; its columns are {}",
                    shown.join(", ")
                ),
                remedy,
            ))
        }
    }
}

/// Rows of a table, each with the line on which it begins.
struct Records {
    lines: Lines,
    delimiter: char,
    bound: usize,
    /// Lines that were read in search of a closing quote and are rows of their own after all.
    held: VecDeque<(Line, String)>,
    /// Lines that may still be read in vain.
    patience: usize,
}

impl Records {
    fn new(lines: Lines, delimiter: char, bound: usize) -> Self {
        Self {
            lines,
            delimiter,
            bound,
            held: VecDeque::new(),
            patience: MOST_LINES,
        }
    }

    fn line(&mut self) -> Result<Option<(Line, String)>> {
        if let Some(held) = self.held.pop_front() {
            return Ok(Some(held));
        }
        let mut text = String::new();
        Ok(self.lines.next_line(&mut text)?.map(|line| (line, text)))
    }

    #[expect(
        clippy::type_complexity,
        reason = "a row that is bad is not an error of reading"
    )]
    fn next(&mut self) -> Result<Option<(u64, std::result::Result<Vec<String>, Bad>)>> {
        let (first, text) = loop {
            match self.line()? {
                None => return Ok(None),
                Some((_, text)) if text.is_empty() => {}
                Some(line) => break line,
            }
        };
        if first.too_long {
            let detail = format!("{} bytes, the limit is {}", first.bytes, self.bound);
            let bad = Bad::new("line too long", detail, "cut it, or raise `max_text_bytes`");
            return Ok(Some((first.number, Err(bad))));
        }
        let mut parser = Parser::new(self.delimiter);
        let mut closed = parser.feed(&text);
        let mut more: Vec<(Line, String)> = Vec::new();
        let mut bytes = text.len();
        self.patience = MOST_LINES.min(self.patience + PATIENCE);
        while !closed {
            let next = self.line()?;
            let fits = next.as_ref().is_some_and(|(line, text)| {
                bytes += text.len();
                !line.too_long && bytes <= self.bound && more.len() < self.patience
            });
            if let Some(next) = next {
                if fits {
                    closed = parser.feed_next(&next.1);
                }
                more.push(next);
            }
            if !fits || parser.stray {
                self.patience -= more.len().min(self.patience);
                while let Some(line) = more.pop() {
                    self.held.push_front(line);
                }
                let remedy = "close it, or double quotes that belong to the text";
                let bad = Bad::new("quote never closed", "", remedy);
                return Ok(Some((first.number, Err(bad))));
            }
        }
        Ok(Some((first.number, Ok(parser.fields))))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote inside a quoted field: its end, or the first of two.
    Quote,
}

struct Parser {
    delimiter: char,
    state: State,
    field: String,
    fields: Vec<String>,
    /// Whether something else than a delimiter came behind a closing quote.
    stray: bool,
}

impl Parser {
    fn new(delimiter: char) -> Self {
        Self {
            delimiter,
            state: State::Start,
            field: String::new(),
            fields: Vec::new(),
            stray: false,
        }
    }

    fn feed_next(&mut self, line: &str) -> bool {
        self.field.push('\n');
        self.feed(line)
    }

    /// Reads a line, and says whether the row ends with it.
    fn feed(&mut self, line: &str) -> bool {
        for c in line.chars() {
            self.state = match (self.state, c) {
                (State::Start, '"') => State::Quoted,
                (State::Start | State::Plain | State::Quote, c) if c == self.delimiter => {
                    self.fields.push(std::mem::take(&mut self.field));
                    State::Start
                }
                (State::Quoted, '"') => State::Quote,
                (State::Quote, '"') => {
                    self.field.push('"');
                    State::Quoted
                }
                (State::Quoted, c) => {
                    self.field.push(c);
                    State::Quoted
                }
                (State::Quote, c) => {
                    self.stray |= c != ' ';
                    self.field.push(c);
                    State::Plain
                }
                (State::Start | State::Plain, c) => {
                    self.field.push(c);
                    State::Plain
                }
            };
        }
        if self.state == State::Quoted {
            return false;
        }
        self.fields.push(std::mem::take(&mut self.field));
        true
    }
}
