//! Character by character: Unicode's normal form, traditional to simplified, lower case, control characters.

use std::collections::HashMap;
use std::sync::OnceLock;

use jingwei_bounds::Loan;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, is_nfc_quick, is_nfkc_quick};

use crate::prepare::alignment::Aligned;
use crate::prepare::{TextOptions, Tokenizer, Unicode, Within};

/// What is not settled by the table alone. Neither is a character, so neither stands for itself.
const SLOW: u16 = 0xffff;
const DROP: u16 = 0xfffe;

/// Places in a text have 32 bits; one more run always fits.
const MOST_BYTES: usize = 1 << 31;
/// Bytes that are folded before what they took is counted.
const RUN: usize = 1 << 16;

/// A phrase whose characters alone would give something else: behind `before`, `from` becomes `to`.
struct Phrase {
    before: &'static str,
    from: &'static str,
    to: &'static str,
}

struct Traditional {
    characters: HashMap<char, char>,
    /// By the first character of `from`, the longest first.
    phrases: HashMap<char, Vec<Phrase>>,
}

fn traditional() -> &'static Traditional {
    static TABLE: OnceLock<Traditional> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Traditional {
            characters: HashMap::new(),
            phrases: HashMap::new(),
        };
        let lines = include_str!("../../data/traditional.txt").lines();
        for line in lines.filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            if let (Some(before), Some(from), Some(to)) =
                (fields.next(), fields.next(), fields.next())
            {
                let anchor = from.chars().next().unwrap_or_default();
                table
                    .phrases
                    .entry(anchor)
                    .or_default()
                    .push(Phrase { before, from, to });
            } else {
                let mut pair = line.chars();
                if let (Some(from), Some(to)) = (pair.next(), pair.next()) {
                    table.characters.insert(from, to);
                }
            }
        }
        for phrases in table.phrases.values_mut() {
            phrases
                .sort_by_key(|phrase| std::cmp::Reverse(phrase.from.len() + phrase.before.len()));
        }
        table
    })
}

/// The settings of one preparation, made into a table of what becomes of each character.
pub(super) struct Folding {
    table: Box<[u16]>,
    /// A bit for each character that stays as it is: small enough for the nearest cache.
    same: Box<[u64]>,
    unicode: Unicode,
    simplify: bool,
    lowercase: bool,
    /// Whether one character may become several, as … becomes three points.
    expands: bool,
}

impl Folding {
    pub(super) fn new(options: &TextOptions) -> Self {
        let mut folding = Self {
            table: vec![SLOW; 1 << 16].into_boxed_slice(),
            same: vec![0; 1 << 10].into_boxed_slice(),
            unicode: options.unicode,
            simplify: options.simplify,
            lowercase: options.lowercase,
            expands: !matches!(options.tokenizer, Tokenizer::Character(_)),
        };
        for code in 0..=u16::MAX {
            if let Some(c) = char::from_u32(code.into()) {
                let folded = folding.settle(c);
                folding.table[code as usize] = folded;
                folding.same[code as usize >> 6] |= u64::from(folded == code) << (code & 63);
            }
        }
        folding
    }

    fn settle(&self, c: char) -> u16 {
        if invisible(c) {
            return DROP;
        }
        if c.is_control() || c.is_whitespace() {
            return ' ' as u16;
        }
        if self.joins_previous(c) || (self.simplify && traditional().phrases.contains_key(&c)) {
            return SLOW;
        }
        let mut one = None;
        let mut count = 0;
        self.fold_unit(std::iter::once(c), |folded| {
            one = Some(folded);
            count += 1;
        });
        match one.map(u16::try_from) {
            Some(Ok(code)) if count == 1 && code < DROP => code,
            _ if self.expands => SLOW,
            _ => u32::from(c) as u16,
        }
    }

    /// Whether the table says what becomes of it, whatever stands around it.
    fn settled(&self, c: char) -> bool {
        u16::try_from(u32::from(c)).is_ok_and(|code| self.table[code as usize] != SLOW)
    }

    /// Whether normalising it may need the character before.
    fn joins_previous(&self, c: char) -> bool {
        let quick = match self.unicode {
            Unicode::None => return false,
            Unicode::Nfc => is_nfc_quick(std::iter::once(c)),
            Unicode::Nfkc => is_nfkc_quick(std::iter::once(c)),
        };
        quick == IsNormalized::Maybe || canonical_combining_class(c) != 0
    }

    fn fold_unit(&self, unit: impl Iterator<Item = char>, mut emit: impl FnMut(char)) {
        let mut finish = |c: char| {
            let c = match self.simplify {
                true => *traditional().characters.get(&c).unwrap_or(&c),
                false => c,
            };
            if c.is_control() || c.is_whitespace() {
                emit(' ');
            } else if self.lowercase {
                c.to_lowercase().for_each(&mut emit);
            } else {
                emit(c);
            }
        };
        match self.unicode {
            Unicode::None => unit.for_each(&mut finish),
            Unicode::Nfc => unit.nfc().for_each(&mut finish),
            Unicode::Nfkc => unit.nfkc().for_each(&mut finish),
        }
    }

    /// Folds a text into `out`: of what would become more than 2 GiB, the beginning.
    pub(super) fn fold(&self, text: &str, out: &mut Aligned, loan: &mut Loan<'_>) -> Within {
        loan.reach(out.bytes() + text.len())?;
        out.text.reserve(text.len());
        let mut start = 0;
        while start < text.len() && out.text.len() < MOST_BYTES {
            start = self.fold_run(text, start, out);
            loan.reach(out.bytes())?;
        }
        Ok(())
    }

    /// Folds from `start` on up to a character that the table does not settle, and that one too.
    fn fold_run(&self, text: &str, start: usize, out: &mut Aligned) -> usize {
        // From here on everything stays as it is and waits to be copied.
        let mut waiting = start;
        let mut at = start;
        let end = text.len().min(start + RUN);
        while let Some((code, len)) = decode(text, at).filter(|_| at < end) {
            let stays = self
                .same
                .get((code >> 6) as usize)
                .is_some_and(|bits| bits >> (code & 63) & 1 == 1);
            if stays {
                at += len;
                continue;
            }
            out.copy(&text[waiting..at], waiting);
            waiting = at + len;
            let folded = u16::try_from(code).map_or(SLOW, |code| self.table[code as usize]);
            if folded == SLOW {
                return self.fold_slowly(text, at, out);
            }
            if folded != DROP {
                // The table holds no surrogates.
                out.push(char::from_u32(folded.into()).unwrap_or(' '), at..waiting);
            }
            at = waiting;
        }
        out.copy(&text[waiting..at], waiting);
        at
    }

    /// Folds what begins at `at`, together with the character before it if it is an accent.
    fn fold_slowly(&self, text: &str, at: usize, out: &mut Aligned) -> usize {
        let c = text[at..].chars().next().unwrap_or_default();
        if self.simplify
            && let Some(phrase) = phrase_at(text, at, c)
        {
            let mut from = at;
            for (old, new) in phrase.from.chars().zip(phrase.to.chars()) {
                out.push(new, from..from + old.len_utf8());
                from += old.len_utf8();
            }
            return from;
        }
        let start = if self.joins_previous(c) {
            self.take_back(text, at, out)
        } else {
            at
        };
        let behind = &text[at + c.len_utf8()..];
        let joined = behind
            .find(|c| self.settled(c) || !self.joins_previous(c))
            .unwrap_or(behind.len());
        let end = at + c.len_utf8() + joined;
        let unit = text[start..end].chars().filter(|&c| !invisible(c));
        let before = out.text.len();
        let mut count = 0;
        self.fold_unit(unit, |folded| {
            out.push(folded, start..end);
            count += 1;
        });
        if !self.expands && count > 1 && end == start + c.len_utf8() {
            out.truncate(before);
            out.push(c, start..end);
        }
        end
    }

    /// Takes back what the character before `at` became, and says where it begins.
    fn take_back(&self, text: &str, at: usize, out: &mut Aligned) -> usize {
        let Some((start, c)) = text[..at].char_indices().next_back() else {
            return at;
        };
        if invisible(c) {
            return at;
        }
        let mut count = 0;
        self.fold_unit(std::iter::once(c), |_| count += 1);
        for _ in 0..count {
            let last = out.text.chars().next_back().map_or(0, char::len_utf8);
            out.truncate(out.text.len() - last);
        }
        start
    }
}

/// The character at `at` and its bytes; those of three bytes, Chinese ones, without detours.
#[inline]
fn decode(text: &str, at: usize) -> Option<(u32, usize)> {
    let bytes = text.as_bytes();
    let lead = *bytes.get(at)?;
    if lead < 0x80 {
        return Some((lead.into(), 1));
    }
    if lead & 0xf0 == 0xe0
        && let Some(&[second, third]) = bytes.get(at + 1..at + 3)
    {
        let code =
            u32::from(lead & 0xf) << 12 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f);
        return Some((code, 3));
    }
    let c = text[at..].chars().next()?;
    Some((c.into(), c.len_utf8()))
}

fn phrase_at(text: &str, at: usize, c: char) -> Option<&'static Phrase> {
    let phrases = traditional().phrases.get(&c)?;
    phrases
        .iter()
        .find(|phrase| text[at..].starts_with(phrase.from) && text[..at].ends_with(phrase.before))
}

/// Characters that show nothing and only part words: soft hyphens, zero-width spaces, marks of direction and order.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
