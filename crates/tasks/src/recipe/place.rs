//! Where in a recipe something is wrong, and what was probably meant.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Something wrong in a recipe: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeError {
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// The whole line.
    pub excerpt: String,
    /// How many characters of it are meant.
    pub width: usize,
    /// What to do, such as "did you mean `epochs`?"; may be empty.
    pub remedy: String,
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            message,
            file,
            line,
            column,
            excerpt,
            width,
            remedy,
        } = self;
        write!(f, "{message} at {file}:{line}:{column}")?;
        if !remedy.is_empty() {
            write!(f, "; {remedy}")?;
        }
        let margin = " ".repeat(line.to_string().len());
        let indent: String = excerpt
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        write!(
            f,
            "\n{margin} |\n{line} | {excerpt}\n{margin} | {indent}{}",
            "^".repeat(*width)
        )
    }
}

impl std::error::Error for RecipeError {}

/// The text of a recipe, to find places in.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

/// One step on the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Source<'_> {
    /// An error about a range of bytes.
    pub(crate) fn error(&self, span: Range<usize>, message: String, remedy: String) -> RecipeError {
        let start = self.boundary(span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |at| start + at);
        let excerpt = self.text[line_start..line_end].trim_end_matches('\r');
        let end = self.boundary(span.end.clamp(start, line_end));
        RecipeError {
            message,
            file: self.file.to_owned(),
            line: self.text[..line_start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            excerpt: excerpt.to_owned(),
            width: self.text[start..end].trim_end().chars().count().max(1),
            remedy,
        }
    }

    /// An error about the value at a path, or about the nearest table around it that is written down.
    pub(crate) fn error_at(&self, path: &[Step], message: String, remedy: String) -> RecipeError {
        self.error(self.span(path), message, remedy)
    }

    /// What serde says, with the nearest valid key where there is one.
    pub(crate) fn serde_error(&self, error: &toml::de::Error) -> RecipeError {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let found = self.text.get(span.clone()).unwrap_or_default();
        let Some((kind, name, known)) = unknown(message) else {
            let (message, remedy) = plain(message, found);
            return self.error(span, message, remedy);
        };
        let remedy = match nearest(&name, &known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!(
                "known are {}",
                known
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        self.error(
            span.clone(),
            format!("unknown {kind} `{name}` in {}", self.table_of(&span)),
            remedy,
        )
    }

    fn boundary(&self, mut at: usize) -> usize {
        at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn span(&self, path: &[Step]) -> Range<usize> {
        let Ok(root) = DeTable::parse(self.text) else {
            return 0..0;
        };
        let Some((Step::Key(first), rest)) = path.split_first() else {
            return 0..0;
        };
        let Some((key, mut value)) = root.get_ref().get_key_value(*first) else {
            return 0..0;
        };
        let mut span = key.span();
        for step in rest {
            let next = match (value.get_ref(), step) {
                (DeValue::Table(table), Step::Key(name)) => table
                    .get_key_value(*name)
                    .map(|(key, next)| (key.span(), next)),
                (DeValue::Array(array), Step::Index(index)) => {
                    array.get(*index).map(|next| (next.span(), next))
                }
                _ => None,
            };
            let Some((next_span, next)) = next else { break };
            (span, value) = (next_span, next);
        }
        span
    }

    /// The table that a key or value stands in, as a reader would call it.
    fn table_of(&self, span: &Range<usize>) -> String {
        let mut path = Vec::new();
        if let Ok(root) = DeTable::parse(self.text) {
            find_in_table(root.get_ref(), span, &mut path);
        }
        match path.is_empty() {
            true => "the recipe".to_owned(),
            false => format!("[{}]", path.join(".")),
        }
    }
}

/// Goes down to the table that holds `span` as a key or a value and notes the way.
fn find_in_table(table: &DeTable, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        if key.span() == *span {
            return true;
        }
        path.push(key.get_ref().to_string());
        if find_in_value(value, span, path) {
            if value.span() == *span && !matches!(value.get_ref(), DeValue::Table(_)) {
                path.pop();
            }
            return true;
        }
        path.pop();
    }
    false
}

fn find_in_value(value: &Spanned<DeValue>, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    match value.get_ref() {
        DeValue::Table(table) if find_in_table(table, span, path) => true,
        DeValue::Array(array) if find_in_array(array, span, path) => true,
        _ => value.span() == *span,
    }
}

fn find_in_array(array: &DeArray, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    for (index, value) in array.iter().enumerate() {
        let list = path.pop().unwrap_or_default();
        path.push(format!("{list}[{index}]"));
        if find_in_value(value, span, path) {
            return true;
        }
        path.pop();
        path.push(list);
    }
    false
}

/// Takes serde's "unknown field `x`, expected one of `a`, `b`" apart.
fn unknown(message: &str) -> Option<(&'static str, String, Vec<String>)> {
    let (kind, rest) = match message.strip_prefix("unknown field ") {
        Some(rest) => ("key", rest),
        None => ("name", message.strip_prefix("unknown variant ")?),
    };
    let mut quoted = rest.split('`').skip(1).step_by(2).map(str::to_owned);
    Some((kind, quoted.next()?, quoted.collect()))
}

/// Serde's other messages in the words of a recipe.
fn plain(message: &str, found: &str) -> (String, String) {
    let words = [
        ("usize", "a whole number of at least 0"),
        ("u64", "a whole number of at least 0"),
        ("u32", "a whole number of at least 0"),
        ("f32", "a number"),
        ("f64", "a number"),
        ("a boolean", "true or false"),
    ];
    if let Some((_, expected)) = message
        .split_once(", expected ")
        .filter(|_| message.starts_with("invalid "))
    {
        let expected = words
            .iter()
            .find(|(name, _)| *name == expected)
            .map_or(expected, |(_, words)| words);
        let found = found.lines().next().unwrap_or_default();
        if expected == "newtype variant" {
            let name = found.trim_matches('"');
            return (
                format!("`{name}` stands without its settings"),
                format!("write {{ {name} = {{}} }}"),
            );
        }
        return (
            format!("wrong value `{found}`"),
            format!("expected {expected}"),
        );
    }
    if let Some(name) = message.strip_prefix("missing field ") {
        return (format!("the key {name} is missing"), format!("add {name}"));
    }
    (message.to_owned(), String::new())
}

/// The name that most resembles one that is not known, if one does.
pub(crate) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let distances = known
        .iter()
        .map(|other| (distance(name, other), other.as_str()));
    let (distance, nearest) = distances.min()?;
    let close = distance
        <= name
            .chars()
            .count()
            .max(nearest.chars().count())
            .div_ceil(3);
    let part = name.len() >= 3 && (nearest.contains(name) || name.contains(nearest));
    (close || part).then_some(nearest)
}

/// The number of insertions, deletions, replacements and exchanges of neighbours between two names (optimal string
/// alignment), whatever their case.
fn distance(left: &str, right: &str) -> usize {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    strsim::osa_distance(&plain(left), &plain(right))
}
