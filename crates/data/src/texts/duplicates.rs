//! Texts that come more than once, within a dataset or across several.

use std::borrow::Cow;

use jingwei_text::duplicates::{DuplicateOptions, Duplicates, find};
use jingwei_text::read::{TextSource, Texts};

use crate::{Dataset, Features, Result};

/// Finds the exact and near duplicates among the texts of all datasets, which are counted on from one to the next;
/// datasets without texts have none.
///
/// # Errors
/// If a text lies in a temporary file that can no longer be read.
pub fn duplicates(datasets: &[&Dataset]) -> Result<Duplicates> {
    let texts = datasets
        .iter()
        .filter_map(|dataset| match dataset.features() {
            Features::Texts(column) => Some(&*column.texts),
            _ => None,
        });
    let joined = Joined {
        parts: texts.collect(),
    };
    Ok(find(&joined, &DuplicateOptions::default())?)
}

/// The texts of several sources, one after another.
struct Joined<'a> {
    parts: Vec<&'a Texts>,
}

impl TextSource for Joined<'_> {
    fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    fn get(&self, mut index: usize) -> jingwei_text::Result<Cow<'_, str>> {
        for part in &self.parts {
            match index.checked_sub(part.len()) {
                Some(rest) => index = rest,
                None => return part.get(index),
            }
        }
        Ok(Cow::Borrowed(""))
    }
}
