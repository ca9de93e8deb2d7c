//! Names to numbers while reading; in the end names are sorted, so that the order of rows does not matter.

use std::collections::HashMap;

use crate::read::{Corpus, Labels};

/// Labels as they come, numbered by first appearance.
#[derive(Default)]
pub(super) struct Classes {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
    flat: Vec<u32>,
    ends: Vec<usize>,
}

impl Classes {
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    pub(super) fn push<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            let number = self.number(name);
            self.flat.push(number);
        }
        self.ends.push(self.flat.len());
    }

    fn lists(self, sort: bool, outside: Option<&str>) -> (Vec<String>, Vec<Vec<u32>>) {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by_key(|&old| (Some(self.names[old].as_str()) != outside, &self.names[old]));
        let mut new = vec![0; order.len()];
        for (number, &old) in order.iter().enumerate() {
            new[old] = number as u32;
        }
        let names = order.iter().map(|&old| self.names[old].clone()).collect();
        let mut start = 0;
        let mut lists = Vec::with_capacity(self.ends.len());
        for &end in &self.ends {
            let mut list: Vec<u32> = self.flat[start..end]
                .iter()
                .map(|&old| new[old as usize])
                .collect();
            if sort {
                list.sort_unstable();
                list.dedup();
            }
            lists.push(list);
            start = end;
        }
        (names, lists)
    }

    pub(super) fn into_classes(self) -> Labels {
        let (names, lists) = self.lists(false, None);
        Labels::Classes {
            names,
            labels: lists.into_iter().map(|list| list[0]).collect(),
        }
    }

    pub(super) fn into_many(self) -> Labels {
        let (names, labels) = self.lists(true, None);
        Labels::Many { names, labels }
    }

    pub(super) fn into_tags(self) -> Labels {
        let (names, tags) = self.lists(false, Some("O"));
        Labels::Tags { names, tags }
    }
}

/// Notes on classes that cannot be learnt or split.
pub(super) fn lonely(corpus: &mut Corpus) {
    let (names, mut counts) = match &corpus.labels {
        Labels::Classes { names, .. } | Labels::Many { names, .. } => {
            (names, vec![0_u64; names.len()])
        }
        Labels::None | Labels::Tags { .. } => return,
    };
    match &corpus.labels {
        Labels::Classes { labels, .. } => labels.iter().for_each(|&l| counts[l as usize] += 1),
        Labels::Many { labels, .. } => labels
            .iter()
            .flatten()
            .for_each(|&l| counts[l as usize] += 1),
        Labels::None | Labels::Tags { .. } => {}
    }
    for (name, count) in names.iter().zip(&counts) {
        if *count == 1 {
            corpus.notes.push(format!(
                "class `{name}` has one example: no split can have it in both parts; add examples or merge it"
            ));
        }
    }
    if names.len() == 1 {
        corpus.notes.push(format!(
            "all texts are of class `{}`: there is nothing to tell apart",
            names[0]
        ));
    }
}
