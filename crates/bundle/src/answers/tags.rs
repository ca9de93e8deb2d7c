use std::ops::Range;

use serde::{Serialize, Serializer};

use super::named::largest;
use super::{Answer, Column, Form};

/// The tokens of a text with their tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tags {
    /// The tokens, in the order of the text.
    pub tokens: Vec<TaggedToken>,
}

/// A token of a text and the tag that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaggedToken {
    /// The token as it stands in the text.
    pub text: String,
    /// Where it begins, in bytes of UTF-8.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The name of its tag.
    pub tag: String,
}

impl Tags {
    /// The tokens at `places` of a text with what the values of their steps say: the number of a tag, or a value for each
    /// tag.
    pub(crate) fn decode<'v>(
        text: &str,
        places: Vec<Range<usize>>,
        steps: impl Iterator<Item = &'v [f32]>,
        form: &Form,
    ) -> Self {
        let tag = |values: &[f32]| match values {
            [tag] => *tag as usize,
            _ => largest(values),
        };
        let token = |(place, values): (Range<usize>, &[f32])| TaggedToken {
            text: text[place.clone()].to_owned(),
            start: place.start,
            end: place.end,
            tag: form.name(tag(values)),
        };
        Self {
            tokens: places.into_iter().zip(steps).map(token).collect(),
        }
    }
}

impl Answer for Tags {
    fn csv_columns(_: &Form) -> Vec<Column> {
        vec![
            Column::number("start"),
            Column::number("end"),
            Column::text("token"),
            Column::text("tag"),
        ]
    }

    /// One for each token.
    fn csv_rows(&self, _: &Form) -> Vec<Vec<String>> {
        let row = |token: &TaggedToken| {
            vec![
                token.start.to_string(),
                token.end.to_string(),
                token.text.clone(),
                token.tag.clone(),
            ]
        };
        self.tokens.iter().map(row).collect()
    }

    fn columns(_: &Form) -> Vec<Column> {
        vec![Column::text("tagged")]
    }

    fn cells(&self, _: &Form) -> Vec<String> {
        vec![bracketed(&self.tokens)]
    }

    fn serialize_named<S: Serializer>(&self, _: &Form, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

/// A text with the spans of its tags in brackets: `[PER 李明]在[LOC 北京]`; single tags stand behind their tokens.
fn bracketed(tokens: &[TaggedToken]) -> String {
    let mut text = String::new();
    let mut open = false;
    let mut end = tokens.first().map_or(0, |token| token.start);
    for token in tokens {
        let gap = if token.start > end { " " } else { "" };
        end = token.end;
        let (mark, kind) = token.tag.split_once('-').unwrap_or((&token.tag, ""));
        let begins = matches!(mark, "B" | "S" | "U");
        if open && (begins || mark == "O") {
            text.push(']');
            open = false;
        }
        text.push_str(gap);
        match (begins, kind, mark) {
            (true, _, _) => {
                text.push_str(&format!("[{kind} {}", token.text));
                open = true;
            }
            (false, "", "O") => text.push_str(&token.text),
            (false, "", tag) => text.push_str(&format!("{}/{tag} ", token.text)),
            _ => text.push_str(&token.text),
        }
    }
    if open {
        text.push(']');
    }
    text.trim_end().to_owned()
}
