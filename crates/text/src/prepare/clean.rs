//! The cleaning steps in their order, each only where a text needs it.

use std::ops::Range;

use jingwei_bounds::{Budget, Loan};

use crate::prepare::alignment::Aligned;
use crate::prepare::characters::Folding;
use crate::prepare::markup::{self, EMAIL, URL};
use crate::prepare::{Addresses, TextOptions, Within};

/// What a thread needs to clean texts; reused from text to text.
#[derive(Default)]
pub(super) struct Scratch {
    html: Aligned,
    addresses: Aligned,
    folded: Aligned,
    used: [bool; 2],
    /// Where the tokens of the cleaned text are.
    pub(super) places: Vec<(u32, u32)>,
}

impl Scratch {
    /// The bytes of the original that a range of the cleaned text came from.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        let mut range = self.folded.source(range);
        if self.used[1] {
            range = self.addresses.source(range);
        }
        if self.used[0] {
            range = self.html.source(range);
        }
        range
    }

    /// What the last text became.
    pub(super) fn text(&self) -> &str {
        &self.folded.text
    }

    /// Gives back what an unusually long text needed.
    pub(super) fn shrink(&mut self) {
        const MOST: usize = 4 << 20;
        let texts = [&self.html, &self.addresses, &self.folded];
        let bytes: usize = texts.iter().map(|text| text.bytes()).sum();
        if bytes + self.places.capacity() * size_of::<(u32, u32)>() > MOST {
            *self = Self::default();
        }
    }
}

/// The cleaning that a preparation asks for.
pub(super) struct Cleaner {
    strip_html: bool,
    urls: Option<Option<char>>,
    emails: Option<Option<char>>,
    folding: Folding,
}

impl Cleaner {
    pub(super) fn new(options: &TextOptions) -> Self {
        let becomes = |addresses, token| match addresses {
            Addresses::Keep => None,
            Addresses::Remove => Some(None),
            Addresses::Token => Some(Some(token)),
        };
        Self {
            strip_html: options.strip_html,
            urls: becomes(options.urls, URL),
            emails: becomes(options.emails, EMAIL),
            folding: Folding::new(options),
        }
    }

    /// Cleans a text into `scratch`; with `track`, [`Scratch::source`] knows where everything came from. What the
    /// scratch takes is lent until the text is done with.
    pub(super) fn clean<'b>(
        &self,
        text: &str,
        scratch: &mut Scratch,
        track: bool,
        budget: &'b Budget,
    ) -> Within<[Loan<'b>; 3]> {
        let Scratch {
            html,
            addresses,
            folded,
            used,
            ..
        } = scratch;
        let mut text = text;
        let mut loans = [budget.lend(0)?, budget.lend(0)?, budget.lend(0)?];
        used[0] = self.strip_html && markup::may_have_html(text);
        if used[0] {
            html.reset(track);
            markup::strip_html(text, html, &mut loans[0])?;
            text = &html.text;
        }
        let replaces = self.urls.is_some() || self.emails.is_some();
        used[1] = replaces && markup::may_have_addresses(text);
        if used[1] {
            addresses.reset(track);
            let loan = &mut loans[1];
            markup::replace_addresses(text, self.urls, self.emails, addresses, loan)?;
            text = &addresses.text;
        }
        folded.reset(track);
        self.folding.fold(text, folded, &mut loans[2])?;
        Ok(loans)
    }

    /// Cleans a word that stands alone, without HTML and addresses.
    pub(super) fn clean_word(&self, word: &str, scratch: &mut Scratch, budget: &Budget) -> Within {
        scratch.used = [false; 2];
        scratch.folded.reset(false);
        let mut loan = budget.lend(0)?;
        self.folding.fold(word, &mut scratch.folded, &mut loan)
    }
}
