//! Tables in CSV and TSV, after RFC 4180: the one reader of them, for texts and for numbers, from files and from requests.
//!
//! The encoding is found out. A row that cannot be read is one bad row: a quote that is never closed costs no more than
//! its own line.

use std::collections::VecDeque;
use std::path::Path;

use encoding_rs::Encoding;

use crate::encoding::{Line, Lines};
use crate::{Error, Result};

/// A quoted field may go over so many lines.
const MOST_LINES: usize = 2_000;
/// Lines that are read again in search of a closing quote, for each row: in vain, so often as a file has rows that open a
/// quote, they would be read thousands of times.
const PATIENCE: usize = 64;

/// What stands between the fields of a file: a tab if its name ends in `.tsv` or `.tab`, else a comma.
#[must_use]
pub fn delimiter(path: &Path) -> u8 {
    let ending = path.extension().unwrap_or_default();
    match ["tsv", "tab"]
        .iter()
        .any(|tabs| ending.eq_ignore_ascii_case(tabs))
    {
        true => b'\t',
        false => b',',
    }
}

/// The fields of a row; made once, and filled again and again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    text: String,
    places: Vec<(usize, usize)>,
}

impl Fields {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A field as it stands in the table, without its quotes.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn get(&self, field: usize) -> &str {
        let (start, end) = self.places[field];
        &self.text[start..end]
    }

    /// All fields.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.places
            .iter()
            .map(|&(start, end)| &self.text[start..end])
    }

    fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
    }

    /// Cuts a line without quotes.
    fn cut(&mut self, line: &str, delimiter: u8) {
        self.clear();
        self.text.push_str(line);
        let mut start = 0;
        for end in memchr::memchr_iter(delimiter, line.as_bytes()) {
            self.places.push((start, end));
            start = end + 1;
        }
        self.places.push((start, line.len()));
    }
}

/// A row of a table.
#[derive(Debug)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What is wrong with it, if it cannot be read.
    pub bad: Option<BadRow>,
}

/// Why a row is bad: the cause in words that do not change from row to row, details of this row, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The cause.
    pub cause: &'static str,
    /// Details; may be empty.
    pub detail: String,
    /// What to do.
    pub remedy: &'static str,
}

impl BadRow {
    pub(crate) fn new(cause: &'static str, detail: impl ToString, remedy: &'static str) -> Self {
        Self {
            cause,
            detail: detail.to_string(),
            remedy,
        }
    }

    /// Cause and details.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.detail.is_empty() {
            true => self.cause.to_owned(),
            false => format!("{}: {}", self.cause, self.detail),
        }
    }
}

/// An open table: its header, and its rows one after the other.
///
/// ```
/// use jingwei_text::table::{Fields, Table};
///
/// let bytes = b"name,size\n\"a, b\",3\nc\n".to_vec();
/// let mut table = Table::of(bytes, "table".as_ref(), b',', 1000)?;
/// assert_eq!(table.header(), ["name", "size"]);
/// let mut fields = Fields::default();
/// assert!(table.next(&mut fields)?.unwrap().bad.is_none());
/// assert_eq!(fields.iter().collect::<Vec<_>>(), ["a, b", "3"]);
/// let row = table.next(&mut fields)?.unwrap();
/// assert_eq!((row.line, row.bad.unwrap().detail.as_str()), (3, "1 instead of 2"));
/// assert!(table.next(&mut fields)?.is_none());
/// # Ok::<(), jingwei_text::Error>(())
/// ```
pub struct Table {
    header: Vec<String>,
    records: Records,
}

impl Table {
    /// Opens a file, whose encoding is found out unless it is given; rows of more than `bound` bytes are bad.
    ///
    /// # Errors
    /// If the file or its header cannot be read.
    pub fn open(
        path: &Path,
        delimiter: u8,
        encoding: Option<&'static Encoding>,
        bound: usize,
    ) -> Result<Self> {
        Self::new(Lines::open(path, encoding, bound)?, delimiter, bound)
    }

    /// A table in memory; `name` stands for it in messages.
    ///
    /// # Errors
    /// If the header cannot be read.
    pub fn of(bytes: Vec<u8>, name: &Path, delimiter: u8, bound: usize) -> Result<Self> {
        Self::new(Lines::of(bytes, name, bound), delimiter, bound)
    }

    pub(crate) fn new(lines: Lines, delimiter: u8, bound: usize) -> Result<Self> {
        let place = format!("{}, line 1", lines.path().display());
        let mut records = Records::new(lines, delimiter, bound);
        let mut fields = Fields::default();
        if let Some(Row { bad: Some(bad), .. }) = records.next(&mut fields)? {
            let cause = format!("the header cannot be read: {}", bad.reason());
            return Err(Error::content(place, cause, bad.remedy));
        }
        Ok(Self {
            header: fields.iter().map(|name| name.trim().to_owned()).collect(),
            records,
        })
    }

    /// The names of the columns, without the space around them; none if the table is empty.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The encoding that is being decoded.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        self.records.lines.encoding()
    }

    /// Puts the next row into `fields`, or says that there is none. After a bad row, reading can go on.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn next(&mut self, fields: &mut Fields) -> Result<Option<Row>> {
        let Some(mut row) = self.records.next(fields)? else {
            return Ok(None);
        };
        if row.bad.is_none() && fields.len() != self.header.len() {
            row.bad = Some(BadRow::new(
                "row with another number of fields than the header",
                format!("{} instead of {}", fields.len(), self.header.len()),
                "put fields that hold the delimiter in quotes",
            ));
        }
        Ok(Some(row))
    }
}

/// Rows, whatever their number of fields.
struct Records {
    lines: Lines,
    delimiter: u8,
    bound: usize,
    /// The line that is being read.
    line: String,
    /// Lines that were read in search of a closing quote and are rows of their own after all.
    held: VecDeque<(Line, String)>,
    /// Lines that may still be read in vain.
    patience: usize,
}

impl Records {
    fn new(lines: Lines, delimiter: u8, bound: usize) -> Self {
        Self {
            lines,
            delimiter,
            bound,
            line: String::new(),
            held: VecDeque::new(),
            patience: MOST_LINES,
        }
    }

    /// Reads the next line, which is `self.line` then.
    fn next_line(&mut self) -> Result<Option<Line>> {
        if let Some((line, text)) = self.held.pop_front() {
            self.line = text;
            return Ok(Some(line));
        }
        self.lines.next_line(&mut self.line)
    }

    fn next(&mut self, fields: &mut Fields) -> Result<Option<Row>> {
        let first = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(_) if self.line.is_empty() => {}
                Some(line) => break line,
            }
        };
        let bad = if first.too_long {
            let detail = format!("{} bytes, the limit is {}", first.bytes, self.bound);
            let remedy = "cut it, or raise `max_text_bytes`";
            Some(BadRow::new("line too long", detail, remedy))
        } else if memchr::memchr(b'"', self.line.as_bytes()).is_none() {
            fields.cut(&self.line, self.delimiter);
            None
        } else {
            self.quoted(fields)?
        };
        let line = first.number;
        Ok(Some(Row { line, bad }))
    }

    /// Reads a row in which quotes are, on as many lines as it takes.
    fn quoted(&mut self, fields: &mut Fields) -> Result<Option<BadRow>> {
        fields.clear();
        let mut parser = Parser::new(self.delimiter.into());
        let mut closed = parser.feed(&self.line, fields);
        let mut more: Vec<(Line, String)> = Vec::new();
        let mut bytes = self.line.len();
        self.patience = MOST_LINES.min(self.patience + PATIENCE);
        while !closed {
            let next = self.next_line()?;
            let text = std::mem::take(&mut self.line);
            let fits = next.is_some_and(|line| {
                bytes += text.len();
                !line.too_long && bytes <= self.bound && more.len() < self.patience
            });
            if let Some(line) = next {
                if fits {
                    fields.text.push('\n');
                    closed = parser.feed(&text, fields);
                }
                more.push((line, text));
            }
            if !fits || parser.stray {
                self.patience -= more.len().min(self.patience);
                while let Some(line) = more.pop() {
                    self.held.push_front(line);
                }
                let remedy = "close it, or double quotes that belong to the text";
                return Ok(Some(BadRow::new("quote never closed", "", remedy)));
            }
        }
        Ok(None)
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
    /// Where the present field begins.
    start: usize,
    /// Whether something else than a delimiter came behind a closing quote.
    stray: bool,
}

impl Parser {
    fn new(delimiter: char) -> Self {
        Self {
            delimiter,
            state: State::Start,
            start: 0,
            stray: false,
        }
    }

    fn end(&mut self, fields: &mut Fields) {
        let end = fields.text.len();
        fields.places.push((self.start, end));
        self.start = end;
    }

    /// Reads a line, and says whether the row ends with it.
    fn feed(&mut self, line: &str, fields: &mut Fields) -> bool {
        for c in line.chars() {
            self.state = match (self.state, c) {
                (State::Start, '"') => State::Quoted,
                (State::Start | State::Plain | State::Quote, c) if c == self.delimiter => {
                    self.end(fields);
                    State::Start
                }
                (State::Quoted, '"') => State::Quote,
                (State::Quote, '"') => {
                    fields.text.push('"');
                    State::Quoted
                }
                (State::Quoted, c) => {
                    fields.text.push(c);
                    State::Quoted
                }
                (State::Quote, c) => {
                    self.stray |= c != ' ';
                    fields.text.push(c);
                    State::Plain
                }
                (State::Start | State::Plain, c) => {
                    fields.text.push(c);
                    State::Plain
                }
            };
        }
        if self.state == State::Quoted {
            return false;
        }
        self.end(fields);
        true
    }
}
