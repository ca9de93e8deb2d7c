//! How tags mark spans: BIO, BIOES, and their relatives.

use serde::{Deserialize, Serialize};

/// How the tags of a corpus mark spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Each token has a tag of its own, as parts of speech do.
    Plain,
    /// `B-` begins a span, `I-` goes on, `O` is outside.
    Bio,
    /// `I-` begins a span too; `B-` only directly behind another of its type. Rewritten as BIO.
    Iob1,
    /// `B-`, `I-`, `E-` begin, go on, end; `S-` is a span of one. `M-`, `L-` and `U-` are rewritten as `I-`, `E-`, `S-`.
    Bioes,
}

/// `B-PER` as `('B', "PER")`.
fn parts(tag: &str) -> Option<(char, &str)> {
    let (place, kind) = tag.split_once('-')?;
    let mut letters = place.chars();
    let letter = letters.next()?;
    (letters.next().is_none() && "BIESMLU".contains(letter) && !kind.is_empty())
        .then_some((letter, kind))
}

impl Scheme {
    /// Checks the tags of a sentence and rewrites what is spelled in another way; says how many were rewritten.
    ///
    /// # Errors
    /// The index of the first tag that breaks the scheme, and why.
    pub(in crate::read) fn normalise(self, tags: &mut [String]) -> Result<u64, (usize, String)> {
        match self {
            Self::Plain => Ok(0),
            Self::Bio => check_bio(tags).map(|()| 0),
            Self::Iob1 => {
                let rewritten = rewrite_iob1(tags);
                check_bio(tags).map(|()| rewritten)
            }
            Self::Bioes => {
                let rewritten = rewrite_bmes(tags);
                check_bioes(tags).map(|()| rewritten)
            }
        }
    }
}

fn check_bio(tags: &[String]) -> Result<(), (usize, String)> {
    let mut open: Option<&str> = None;
    for (at, tag) in tags.iter().enumerate() {
        open = match parts(tag) {
            Some(('B', kind)) => Some(kind),
            Some(('I', kind)) if open == Some(kind) => Some(kind),
            Some(('I', _)) => {
                let before = at
                    .checked_sub(1)
                    .map_or("the sentence's start".to_owned(), |b| {
                        format!("`{}`", tags[b])
                    });
                return Err((at, format!("`{tag}` behind {before}")));
            }
            None if tag == "O" => None,
            _ => return Err((at, format!("`{tag}` is neither O, B-… nor I-…"))),
        };
    }
    Ok(())
}

fn check_bioes(tags: &[String]) -> Result<(), (usize, String)> {
    let mut open: Option<&str> = None;
    for (at, tag) in tags.iter().enumerate() {
        let part = parts(tag);
        let (fits, next) = match part {
            Some(('B', kind)) => (open.is_none(), Some(kind)),
            Some(('S', _)) => (open.is_none(), None),
            Some(('I', kind)) => (open == Some(kind), Some(kind)),
            Some(('E', kind)) => (open == Some(kind), None),
            None if tag == "O" => (open.is_none(), None),
            _ => return Err((at, format!("`{tag}` is neither O nor B-, I-, E-, S-…"))),
        };
        if !fits {
            let before = at
                .checked_sub(1)
                .map_or("the sentence's start".to_owned(), |b| {
                    format!("`{}`", tags[b])
                });
            return Err((at, format!("`{tag}` behind {before}")));
        }
        open = next;
    }
    match open {
        Some(kind) => Err((
            tags.len() - 1,
            format!("a span of `{kind}` is still open at the end"),
        )),
        None => Ok(()),
    }
}

fn rewrite_iob1(tags: &mut [String]) -> u64 {
    let mut rewritten = 0;
    let mut open: Option<String> = None;
    for tag in tags {
        let Some((letter, kind)) = parts(tag).map(|(letter, kind)| (letter, kind.to_owned()))
        else {
            open = None;
            continue;
        };
        if letter == 'I' && open.as_ref() != Some(&kind) {
            tag.replace_range(..1, "B");
            rewritten += 1;
        }
        open = Some(kind);
    }
    rewritten
}

fn rewrite_bmes(tags: &mut [String]) -> u64 {
    let mut rewritten = 0;
    for tag in tags {
        let letter = match parts(tag) {
            Some(('M', _)) => "I",
            Some(('L', _)) => "E",
            Some(('U', _)) => "S",
            _ => continue,
        };
        tag.replace_range(..1, letter);
        rewritten += 1;
    }
    rewritten
}

/// Finds out the scheme from all tags of a file.
#[derive(Default)]
pub(in crate::read) struct Guess {
    other: bool,
    ends: bool,
    begins: bool,
    begins_apart: bool,
    goes_on_first: bool,
    open: Option<String>,
}

impl Guess {
    pub(in crate::read) fn end_sentence(&mut self) {
        self.open = None;
    }

    pub(in crate::read) fn tag(&mut self, tag: &str) {
        let Some((letter, kind)) = parts(tag) else {
            self.other |= tag != "O";
            self.open = None;
            return;
        };
        match letter {
            'B' => {
                self.begins = true;
                self.begins_apart |= self.open.as_deref() != Some(kind);
            }
            'I' | 'M' => self.goes_on_first |= self.open.as_deref() != Some(kind),
            _ => self.ends = true,
        }
        self.open = (!matches!(letter, 'E' | 'S' | 'L' | 'U')).then(|| kind.to_owned());
    }

    pub(in crate::read) fn scheme(&self) -> Scheme {
        let spans = self.begins || self.goes_on_first || self.ends;
        if self.other && !self.begins || !spans {
            return Scheme::Plain;
        }
        if self.ends {
            return Scheme::Bioes;
        }
        if self.goes_on_first && !self.begins_apart {
            return Scheme::Iob1;
        }
        Scheme::Bio
    }
}
