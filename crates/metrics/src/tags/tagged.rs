use jingwei_data::Sequences;

use super::Scheme;
use crate::Error;
use crate::predictions::check_length;

/// Stands for the tag of a token that got none.
pub const MISSING_TAG: u32 = u32::MAX;

/// What a tagger said about the tokens of some texts, and what was true.
#[derive(Debug, Clone)]
pub struct Tagged<'a> {
    /// As long as the truth.
    predicted: Sequences,
    truth: &'a Sequences,
    names: &'a [String],
    scheme: Option<Scheme>,
    cut: usize,
}

impl<'a> Tagged<'a> {
    /// Checks and joins predicted and true tags.
    ///
    /// # Arguments
    ///
    /// - `predicted`: a tag a token. Where a text was cut, a list may be shorter than its truth, or hold
    ///   [`MISSING_TAG`]: the tags that are missing count as `O`, or as wrong where no tag has that name.
    /// - `truth`: the true tags.
    /// - `names`: the names of the tags. Where all of them belong to a [`Scheme`], spans are measured too.
    ///
    /// # Errors
    ///
    /// No tokens, numbers of texts that do not match, more tags than tokens, a tag beyond the names.
    pub fn new(
        predicted: Sequences,
        truth: &'a Sequences,
        names: &'a [String],
    ) -> Result<Self, Error> {
        if truth.values().is_empty() || names.is_empty() {
            return Err(Error::NoRows);
        }
        check_length("lists of tags", truth.len(), predicted.len())?;
        let outside = names.iter().position(|name| name == "O");
        let filler = outside.map_or(MISSING_TAG, |tag| tag as u32);
        let mut full = Sequences::default();
        let mut cut = 0;
        for (row, (said, true_tags)) in predicted.iter().zip(truth.iter()).enumerate() {
            if said.len() > true_tags.len() {
                return Err(Error::Length {
                    what: "tags at most",
                    expected: true_tags.len(),
                    found: said.len(),
                });
            }
            let mut tags = said.to_vec();
            tags.resize(true_tags.len(), MISSING_TAG);
            for tag in tags.iter_mut().filter(|tag| **tag == MISSING_TAG) {
                *tag = filler;
                cut += 1;
            }
            let present = tags.iter().filter(|tag| **tag != MISSING_TAG);
            check(row, present, names.len())?;
            check(row, true_tags.iter(), names.len())?;
            full.push(&tags);
        }
        Ok(Self {
            cut,
            scheme: Scheme::of(names),
            predicted: full,
            truth,
            names,
        })
    }

    /// Number of texts.
    pub fn rows(&self) -> usize {
        self.truth.len()
    }

    /// Number of tokens of all texts.
    pub fn tokens(&self) -> usize {
        self.truth.values().len()
    }

    /// Number of tokens that got no tag.
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// The names of the tags.
    pub fn names(&self) -> &'a [String] {
        self.names
    }

    /// How the tags mark spans, if they do.
    pub fn scheme(&self) -> Option<&Scheme> {
        self.scheme.as_ref()
    }

    /// The predicted tags of one text, as many as true ones; [`MISSING_TAG`] for those that are missing and wrong.
    pub fn predicted(&self, row: usize) -> &[u32] {
        self.predicted.get(row)
    }

    /// The true tags of one text.
    pub fn truth(&self, row: usize) -> &'a [u32] {
        self.truth.get(row)
    }

    /// The (true, predicted) tags of all tokens.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        let predicted = self.predicted.values().iter().copied();
        self.truth.values().iter().copied().zip(predicted)
    }
}

fn check<'a>(
    row: usize,
    mut tags: impl Iterator<Item = &'a u32>,
    classes: usize,
) -> Result<(), Error> {
    match tags.find(|tag| **tag as usize >= classes) {
        None => Ok(()),
        Some(&label) => Err(Error::LabelOutOfRange {
            row,
            label,
            classes,
        }),
    }
}
