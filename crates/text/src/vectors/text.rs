//! A word and its numbers a line: word2vec's text form, with a line of two counts before, or GloVe's, without.

use std::path::Path;

use encoding_rs::UTF_8;

use crate::encoding::Lines;
use crate::prepare::Vocabulary;
use crate::vectors::{Gatherer, Vectors};
use crate::{Error, Result};

pub(super) fn load(path: &Path, vocabulary: &Vocabulary) -> Result<Vectors> {
    let mut lines = Lines::open(path, Some(UTF_8), 1 << 20)?;
    let mut text = String::new();
    let mut announced = None;
    let mut gatherer: Option<Gatherer> = None;
    let mut vectors = 0_u64;
    while let Some(line) = lines.next_line(&mut text)? {
        let wrong = |cause: String| {
            let place = format!("{}, line {}", path.display(), line.number);
            Error::content(place, cause, "fetch the file again, or remove the line")
        };
        if line.too_long {
            return Err(wrong(format!("{} bytes are no vector", line.bytes)));
        }
        let row = text.trim_end();
        if line.number == 1 {
            announced = counts(row);
            if announced.is_some() {
                continue;
            }
        }
        let width = match (&gatherer, announced) {
            (Some(gatherer), _) => gatherer.width,
            (None, Some((_, width))) => width,
            (None, None) => row.split(' ').count().saturating_sub(1),
        };
        if gatherer.is_none() {
            gatherer = Some(Gatherer::new(vocabulary, width, path)?);
        }
        let Some(gatherer) = &mut gatherer else {
            continue;
        };
        let (word, numbers) = split(row, width).ok_or_else(|| {
            wrong(format!(
                "it has not a word and {width} numbers; the file may be cut short"
            ))
        })?;
        vectors += 1;
        if let Some(row) = gatherer.row(word) {
            for (value, number) in row.iter_mut().zip(numbers.split(' ')) {
                *value = number
                    .parse()
                    .ok()
                    .filter(|value: &f32| value.is_finite())
                    .ok_or_else(|| wrong(format!("`{number}` is no finite number")))?;
            }
        }
    }
    if let Some((words, _)) = announced
        && words != vectors
    {
        let cause = format!("its first line announces {words} words, it has {vectors}");
        return Err(Error::content(
            path.display(),
            cause,
            "fetch the file again",
        ));
    }
    match gatherer {
        Some(gatherer) => Ok(gatherer.finish()),
        None => Err(Error::content(
            path.display(),
            "it holds no vectors",
            "check that it is the right file",
        )),
    }
}

/// `400000 50`, as word2vec begins.
fn counts(line: &str) -> Option<(u64, usize)> {
    let (words, width) = line.split_once(' ')?;
    Some((words.parse().ok()?, width.parse().ok()?))
}

/// The word, which may have spaces, and its `width` numbers behind it.
fn split(row: &str, width: usize) -> Option<(&str, &str)> {
    let (at, _) = row.rmatch_indices(' ').nth(width.checked_sub(1)?)?;
    let (word, numbers) = (&row[..at], &row[at + 1..]);
    let first = numbers.split(' ').next()?;
    (!word.is_empty() && first.parse::<f32>().is_ok()).then_some((word, numbers))
}
