//! Texts with labels or tags, read by the crate `jingwei-text`.

mod duplicates;
mod guess;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jingwei_text::read::{self, Corpus, Labels};

use crate::dataset::TextColumn;
use crate::error::some;
pub use duplicates::duplicates;
pub use guess::{Guess, guess};
pub use jingwei_text::OnBad;
pub use jingwei_text::duplicates::Duplicates;
pub use jingwei_text::read::{Format, ReadOptions, Scheme};

use crate::{Dataset, Error, Features, Origins, Quarantined, Result, Sequences, Targets};

/// Reads texts from a file or a folder of class folders.
///
/// With `names`, those of the training part, classes and tags keep the numbers that they have there.
///
/// # Errors
/// If the reader refuses something, or a class or tag is not among `names`.
pub fn read_texts(path: &Path, options: &ReadOptions, names: Option<&[String]>) -> Result<Dataset> {
    let Corpus {
        texts,
        labels,
        origins,
        quarantine,
        counts,
        mut notes,
        ..
    } = read::read(path, options)?;
    let place = path.display();
    if counts.trimmed_labels > 0 {
        let labels = counts.trimmed_labels;
        notes.push(format!(
            "{place}: spaces around labels were cut off, {labels} times"
        ));
    }
    if counts.rewritten_tags > 0 {
        let tags = counts.rewritten_tags;
        notes.push(format!(
            "{place}: {tags} tags were written in another scheme and were rewritten"
        ));
    }
    let tokenised = matches!(labels, Labels::Tags { .. });
    let targets = renumber(targets(labels), names, path)?;
    let features = Features::Texts(TextColumn {
        texts: Arc::new(texts),
        tokenised,
    });
    let set_aside = quarantine.into_iter().map(|row| Quarantined {
        origin: row.origin,
        reason: row.reason,
    });
    let dataset = Dataset::with_origins(features, targets, Origins::Texts(origins))?;
    Ok(dataset
        .with_quarantine(set_aside.collect())
        .with_left_out(counts.causes)
        .with_notes(notes))
}

fn targets(labels: Labels) -> Targets {
    let lists = |lists: Vec<Vec<u32>>| {
        let mut sequences = Sequences::default();
        lists.iter().for_each(|list| sequences.push(list));
        sequences
    };
    match labels {
        Labels::None => Targets::None,
        Labels::Classes { names, labels } => Targets::Classes { names, labels },
        Labels::Many { names, labels } => Targets::Labels {
            names,
            labels: lists(labels),
        },
        Labels::Tags { names, tags } => Targets::Tags {
            names,
            tags: lists(tags),
        },
    }
}

/// Gives classes or tags the numbers that they have among `known`.
fn renumber(targets: Targets, known: Option<&[String]>, path: &Path) -> Result<Targets> {
    let Some(known) = known else {
        return Ok(targets);
    };
    let places: HashMap<&String, u32> = known.iter().zip(0..).collect();
    let number = |name: &String| {
        places.get(name).copied().ok_or_else(|| {
            let cause = format!("`{name}` does not occur in the training part");
            let remedy = format!("correct it, or train on it too; known are {}", some(known));
            Error::content(path.display(), cause, remedy)
        })
    };
    let numbers = |names: &[String]| names.iter().map(number).collect::<Result<Vec<u32>>>();
    let renumbered = |lists: &Sequences, numbers: &[u32]| {
        let mut renumbered = Sequences::default();
        for list in lists.iter() {
            let list: Vec<u32> = list.iter().map(|&old| numbers[old as usize]).collect();
            renumbered.push(&list);
        }
        renumbered
    };
    let names = known.to_vec();
    Ok(match targets {
        Targets::Classes { names: own, labels } => {
            let numbers = numbers(&own)?;
            let labels = labels.iter().map(|&old| numbers[old as usize]).collect();
            Targets::Classes { names, labels }
        }
        Targets::Labels { names: own, labels } => {
            let labels = renumbered(&labels, &numbers(&own)?);
            Targets::Labels { names, labels }
        }
        Targets::Tags { names: own, tags } => {
            let tags = renumbered(&tags, &numbers(&own)?);
            Targets::Tags { names, tags }
        }
        other => other,
    })
}
