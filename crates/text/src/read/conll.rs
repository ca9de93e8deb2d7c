//! CoNLL: a token and its tag a line, an empty line between sentences.

mod scheme;

use std::path::Path;

pub(super) use scheme::Guess;
pub use scheme::Scheme;

use crate::Result;
use crate::read::rows::{Bad, Collector};

pub(super) fn read(path: &Path, collector: &mut Collector) -> Result<()> {
    let scheme = match collector.options.scheme {
        Some(scheme) => scheme,
        None => guess(path, collector)?,
    };
    let mut lines = collector.open(path, collector.options.max_text_bytes)?;
    let mut sentence = Sentence::default();
    let mut text = String::new();
    while let Some(line) = lines.next_line(&mut text)? {
        if line.too_long {
            let bad = collector.too_long(line);
            sentence.spoil(line.number, bad);
        } else if ends_sentence(&text) {
            sentence.finish(path, scheme, collector)?;
        } else if !is_comment(&text) {
            sentence.add(line.number, &text, collector);
        }
    }
    sentence.finish(path, scheme, collector)
}

fn ends_sentence(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with("-DOCSTART-")
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#') && line.contains(" = ") && !line.contains('\t')
}

/// The first column and the last.
fn columns(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end();
    let (token, rest) = match line.split_once('\t') {
        Some(split) => split,
        None => line.split_once(char::is_whitespace)?,
    };
    let tag = rest.rsplit(|c: char| c.is_whitespace()).next()?;
    (!token.trim().is_empty() && !tag.is_empty()).then_some((token.trim(), tag))
}

fn guess(path: &Path, collector: &mut Collector) -> Result<Scheme> {
    let encoding = collector.options.encoding.as_deref();
    let encoding = encoding.map(crate::encoding::named).transpose()?;
    let mut lines = crate::encoding::Lines::open(path, encoding, 1 << 12)?;
    let mut guess = Guess::default();
    let mut text = String::new();
    while lines.next_line(&mut text)?.is_some() {
        if ends_sentence(&text) {
            guess.end_sentence();
        } else if let Some((_, tag)) = columns(&text) {
            guess.tag(tag);
        }
    }
    Ok(guess.scheme())
}

#[derive(Default)]
struct Sentence {
    first: u64,
    tokens: Vec<String>,
    tags: Vec<String>,
    lines: Vec<u64>,
    bytes: usize,
    bad: Option<(u64, Bad)>,
}

impl Sentence {
    fn spoil(&mut self, line: u64, bad: Bad) {
        self.begin(line);
        self.bad.get_or_insert((line, bad));
    }

    fn begin(&mut self, line: u64) {
        if self.first == 0 {
            self.first = line;
        }
    }

    fn add(&mut self, number: u64, line: &str, collector: &Collector) {
        self.begin(number);
        if self.bad.is_some() {
            return;
        }
        let bad = match columns(line) {
            None => Bad::new(
                "line without a tag",
                format!("`{}`", short(line)),
                "write token, tab, tag",
            ),
            Some((token, tag)) => {
                self.bytes += token.len() + 1;
                self.tokens.push(token.to_owned());
                self.tags.push(tag.to_owned());
                self.lines.push(number);
                match collector.fault(line) {
                    Some(bad) => bad,
                    None if self.bytes <= collector.options.max_text_bytes => return,
                    None => Bad::new("sentence too long", "", "put empty lines between sentences"),
                }
            }
        };
        self.bad = Some((number, bad));
        self.tokens.clear();
        self.tags.clear();
    }

    fn finish(&mut self, path: &Path, scheme: Scheme, collector: &mut Collector) -> Result<()> {
        let mut sentence = std::mem::take(self);
        if sentence.first == 0 {
            return Ok(());
        }
        if let Some((line, bad)) = sentence.bad {
            return collector.set_aside(path, line, bad);
        }
        match scheme.normalise(&mut sentence.tags) {
            Ok(rewritten) => {
                collector.rewrote(rewritten);
                collector.tagged(sentence.first, &sentence.tokens, &sentence.tags)
            }
            Err((at, detail)) => {
                let remedy = "correct the tag, or set `scheme` to what the file uses";
                let bad = Bad::new("tags that break the scheme", detail, remedy);
                collector.set_aside(path, sentence.lines[at], bad)
            }
        }
    }
}

fn short(line: &str) -> String {
    line.chars().take(40).collect()
}
