//! Texts that come more than once, kept from standing on both sides of a split.

use std::collections::HashSet;

use jingwei_data::Dataset;
use jingwei_data::texts::{Duplicates, duplicates};
use jingwei_report::{Counted, DuplicateText, DuplicateTexts};

use super::recipe::DuplicateRule;
use crate::Error;
use crate::recipe::Recipe;
use crate::run::Source;

/// How many groups are shown, how many of them of texts that are the same letter by letter, and how many texts of each.
const SHOWN: usize = 6;
const SHOWN_EXACT: usize = 2;
const SHOWN_OF_GROUP: usize = 3;

/// The groups of texts of all files that are the same or nearly so. Texts are counted on from one file to the next.
pub struct Groups {
    found: Duplicates,
    rule: DuplicateRule,
    /// Texts of the training file.
    texts: usize,
}

impl Groups {
    /// Looks for them, if the recipe does not forbid it; `held` are the validation and the test part's own files.
    pub(crate) fn find(
        recipe: &Recipe,
        dataset: &Dataset,
        held: [Option<&Dataset>; 2],
    ) -> Result<Option<Self>, Error> {
        let rule = recipe.data.duplicates.unwrap_or_default();
        if rule == DuplicateRule::Ignore {
            return Ok(None);
        }
        let all: Vec<&Dataset> = [Some(dataset)].into_iter().chain(held).flatten().collect();
        Ok(Some(Self {
            found: duplicates(&all)?,
            rule,
            texts: dataset.len(),
        }))
    }

    /// The texts of the training file that are used.
    pub(crate) fn trained(&self) -> Vec<usize> {
        let mut left_out: HashSet<usize> = HashSet::new();
        if self.rule == DuplicateRule::Drop {
            for group in &self.found.groups {
                // What other files hold too gives way there, so that these stay as they are.
                let elsewhere = group.last().is_some_and(|last| *last >= self.texts);
                let own = group.iter().filter(|index| **index < self.texts);
                left_out.extend(own.skip(usize::from(!elsewhere)));
            }
        }
        (0..self.texts)
            .filter(|index| !left_out.contains(index))
            .collect()
    }

    /// What a split keeps together; none if no text of the training file comes more than once.
    pub(crate) fn keys(&self) -> Option<Vec<usize>> {
        let within = |group: &Vec<usize>| group.get(1).is_some_and(|index| *index < self.texts);
        let any = self.found.groups.iter().any(within);
        any.then(|| self.found.keys(self.texts))
    }

    /// What was found and done.
    pub(crate) fn told(&self, source: &Source) -> Result<DuplicateTexts, Error> {
        let parts = Parts::new(source);
        let mut counts = [0; 3];
        let mut left_out = 0;
        for group in &self.found.groups {
            let of_group: Vec<Option<usize>> = group.iter().map(|index| parts.of(*index)).collect();
            left_out += of_group.iter().filter(|part| part.is_none()).count();
            if of_group.contains(&Some(TRAIN)) {
                of_group
                    .iter()
                    .flatten()
                    .for_each(|part| counts[*part] += 1);
            }
        }
        let crossing = [VALID, TEST].into_iter().filter(|part| counts[*part] > 0);
        Ok(DuplicateTexts {
            exact: self.found.exact as u64,
            near: self.found.near as u64,
            groups: self.found.groups.len() as u64,
            dropped: self.rule == DuplicateRule::Drop,
            left_out: left_out as u64,
            crossing: crossing
                .map(|part| Counted::new(NAMES[part], counts[part]))
                .collect(),
            examples: self.examples(&parts)?,
        })
    }

    /// The first groups, most of them of texts that differ.
    fn examples(&self, parts: &Parts) -> Result<Vec<Vec<DuplicateText>>, Error> {
        let (mut exact, mut near) = (Vec::new(), Vec::new());
        for group in &self.found.groups {
            let texts = group.iter().take(SHOWN_OF_GROUP);
            let texts: Vec<DuplicateText> = texts
                .map(|index| parts.text(*index))
                .collect::<Result<_, _>>()?;
            match texts.iter().all(|text| text.text == texts[0].text) {
                true => exact.push(texts),
                false => near.push(texts),
            }
            if near.len() >= SHOWN - SHOWN_EXACT && exact.len() >= SHOWN_EXACT {
                break;
            }
        }
        let fewest = SHOWN.saturating_sub(near.len()).max(SHOWN_EXACT);
        exact.truncate(fewest);
        near.truncate(SHOWN - exact.len());
        exact.append(&mut near);
        Ok(exact)
    }
}

const NAMES: [&str; 3] = ["train", "valid", "test"];
const TRAIN: usize = 0;
const VALID: usize = 1;
const TEST: usize = 2;

/// Finds texts that are counted on from one file to the next.
struct Parts<'a> {
    /// The files, each with what is its part if it is a part of its own.
    files: Vec<(&'a Dataset, Option<usize>)>,
    /// The part of each text of the training file.
    within: Vec<Option<usize>>,
}

impl<'a> Parts<'a> {
    fn new(source: &'a Source) -> Self {
        let mut files = vec![(&source.dataset, None)];
        let mut within = vec![None; source.dataset.len()];
        source
            .train
            .iter()
            .for_each(|index| within[*index] = Some(TRAIN));
        for (number, part) in [(VALID, &source.valid), (TEST, &source.test)] {
            match part.as_ref().map(|part| (&part.own, &part.indices)) {
                Some((Some(own), _)) => files.push((own, Some(number))),
                Some((None, indices)) => {
                    indices
                        .iter()
                        .for_each(|index| within[*index] = Some(number));
                }
                None => {}
            }
        }
        Self { files, within }
    }

    fn place(&self, mut index: usize) -> (&'a Dataset, Option<usize>, usize) {
        let last = self.files.len() - 1;
        for (dataset, part) in &self.files[..last] {
            match index.checked_sub(dataset.len()) {
                Some(rest) => index = rest,
                None => return (dataset, *part, index),
            }
        }
        (self.files[last].0, self.files[last].1, index)
    }

    fn of(&self, index: usize) -> Option<usize> {
        let (_, part, within) = self.place(index);
        part.or_else(|| self.within[within])
    }

    fn text(&self, index: usize) -> Result<DuplicateText, Error> {
        let (dataset, _, within) = self.place(index);
        let text = dataset.text(within)?.unwrap_or_default();
        Ok(DuplicateText {
            text: text.replace('\n', " "),
            part: self
                .of(index)
                .map(|part| NAMES[part])
                .unwrap_or_default()
                .to_owned(),
            origin: dataset.origin(within),
        })
    }
}
