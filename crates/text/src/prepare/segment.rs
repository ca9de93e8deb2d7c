//! Cleaned text to words or characters.

use std::ops::{ControlFlow, Range};

use crate::prepare::Within;
use crate::prepare::jieba::Segmenter;
use crate::prepare::markup::{EMAIL, URL};

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, Chinese characters.
    Word,
    /// Punctuation, symbols, emoji.
    Mark,
    /// Between words, kept by characters only.
    Space,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Han,
    /// What jieba joins with Chinese characters: `T恤`, `3.5寸`, `C++`.
    Joinable,
    Letter,
    Space,
    Mark,
}

fn class(c: char) -> Class {
    match c {
        '\u{4e00}'..='\u{9fff}' => Class::Han,
        'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Joinable,
        '+' | '#' | '&' | '.' | '_' | '%' | '-' => Class::Joinable,
        ' ' => Class::Space,
        '\0'..='\u{7f}' => Class::Mark,
        '\u{2010}'..='\u{2027}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3020}' => Class::Mark,
        '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' => Class::Han,
        '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2ebef}' | '\u{2f800}'..='\u{2fa1f}' => {
            Class::Han
        }
        c if c.is_alphanumeric() || is_accent(c) => Class::Letter,
        c if c.is_whitespace() => Class::Space,
        _ => Class::Mark,
    }
}

/// Marks that belong to the letter before them.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{e31}'..='\u{e4e}')
}

/// Marks that go on with the emoji before them.
fn goes_on(c: char) -> bool {
    matches!(
        c,
        '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}'
    )
}

/// Whether a text goes on; it breaks off where there are tokens enough, or no means.
pub(super) type Flow = ControlFlow<Within>;

/// Hands the words of a cleaned text to `emit` in their order; without `kinds`, marks may be called words.
pub(super) fn words(
    text: &str,
    segmenter: &Segmenter,
    guess: bool,
    kinds: bool,
    mut emit: impl FnMut(Range<usize>, Kind) -> Flow,
) -> Flow {
    let mut at = 0;
    // Up to here it is known that no Chinese character follows without a break.
    let mut plain_until = 0;
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        at = match class(c) {
            Class::Joinable if at < plain_until => plain_word(text, at, &mut emit)?,
            Class::Space => next,
            Class::Mark => {
                let end = mark_end(text, c, next);
                emit(
                    at..end,
                    if c == URL || c == EMAIL {
                        Kind::Word
                    } else {
                        Kind::Mark
                    },
                )?;
                end
            }
            Class::Han | Class::Joinable => {
                let (end, chinese) = block_end(text, at);
                if chinese {
                    let mut start = at;
                    segmenter.cut(&text[at..end], guess, |length| {
                        let word = start..at + length;
                        start = word.end;
                        let kind = if kinds {
                            kind_of(&text[word.clone()])
                        } else {
                            Kind::Word
                        };
                        emit(word, kind)
                    })?;
                    end
                } else {
                    plain_until = end;
                    plain_word(text, at, &mut emit)?
                }
            }
            Class::Letter => plain_word(text, at, &mut emit)?,
        };
    }
    Flow::Continue(())
}

/// What a word of jieba is.
fn kind_of(word: &str) -> Kind {
    let bytes = word.as_bytes();
    let mark = match bytes.len() {
        3 if bytes[0] >= 0xe0 => word.chars().next().is_some_and(|c| class(c) == Class::Mark),
        _ => bytes.iter().all(u8::is_ascii_punctuation),
    };
    if mark { Kind::Mark } else { Kind::Word }
}

fn mark_end(text: &str, mark: char, from: usize) -> usize {
    let mut end = from;
    if mark.is_ascii() {
        return end;
    }
    let mut joined = false;
    for c in text[from..].chars() {
        if !goes_on(c) && !joined {
            break;
        }
        joined = c == '\u{200d}';
        end += c.len_utf8();
    }
    end
}

/// Where a run of Chinese characters and what may join them ends, and whether it has a Chinese one.
fn block_end(text: &str, start: usize) -> (usize, bool) {
    let bytes = text.as_bytes();
    let mut chinese = false;
    // Where the last run of letters and digits began: it goes with the letter behind it, as in `café`.
    let mut letters = start;
    let mut at = start;
    while let Some(&lead) = bytes.get(at) {
        match lead {
            // U+5000 to U+9FFF: nearly every Chinese character.
            0xe5..=0xe9 => {
                chinese = true;
                at += 3;
                letters = at;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => at += 1,
            _ => {
                let c = text[at..].chars().next().unwrap_or_default();
                match class(c) {
                    Class::Han => chinese = true,
                    Class::Joinable => {}
                    Class::Letter if chinese => return (letters, true),
                    _ => return (at, chinese),
                }
                at += c.len_utf8();
                letters = at;
            }
        }
    }
    (at, chinese)
}

/// A word of letters and digits, or one mark; apostrophes and points inside belong to it: `don't`, `3.5`.
fn plain_word(
    text: &str,
    start: usize,
    emit: &mut impl FnMut(Range<usize>, Kind) -> Flow,
) -> ControlFlow<Within, usize> {
    let mut end = start;
    let mut chars = text[start..].char_indices().peekable();
    let mut before = ' ';
    while let Some((offset, c)) = chars.next() {
        let inside = match c {
            '_' => true,
            '\'' | '’' => {
                before.is_alphabetic() && chars.peek().is_some_and(|next| next.1.is_alphabetic())
            }
            '.' | ',' => {
                before.is_ascii_digit() && chars.peek().is_some_and(|next| next.1.is_ascii_digit())
            }
            c => match class(c) {
                Class::Joinable => c.is_ascii_alphanumeric(),
                Class::Letter => true,
                _ => false,
            },
        };
        if !inside {
            break;
        }
        before = c;
        end = start + offset + c.len_utf8();
    }
    if end > start {
        emit(start..end, Kind::Word)?;
    } else {
        // It begins with a mark that joins only Chinese: `-`, `+`.
        end = start + text[start..].chars().next().map_or(1, char::len_utf8);
        emit(start..end, Kind::Mark)?;
    }
    ControlFlow::Continue(end)
}

/// Hands each word of a cleaned text to `emit`, and after it each of its characters, with whether it is a word; spaces as
/// [`characters`] has them.
pub(super) fn words_and_characters(
    text: &str,
    segmenter: &Segmenter,
    guess: bool,
    mut emit: impl FnMut(Range<usize>, Kind, bool) -> Flow,
) -> Flow {
    let (mut done, mut space) = (0, None);
    words(text, segmenter, guess, true, |word, kind| {
        if done > 0 && word.start > done {
            space.get_or_insert(done);
        }
        if let Some(space) = space.take() {
            emit(space..space + 1, Kind::Space, false)?;
        }
        done = word.end;
        emit(word.clone(), kind, true)?;
        for (at, c) in text[word.clone()].char_indices() {
            let start = word.start + at;
            let kind = kind_of_character(c);
            if kind == Kind::Space {
                space.get_or_insert(start);
                continue;
            }
            if let Some(space) = space.take() {
                emit(space..space + 1, Kind::Space, false)?;
            }
            emit(start..start + c.len_utf8(), kind, false)?;
        }
        Flow::Continue(())
    })
}

/// Hands the characters of a cleaned text to `emit` in their order; spaces become one, and none stand at the ends.
pub(super) fn characters(text: &str, mut emit: impl FnMut(Range<usize>, Kind) -> Flow) -> Flow {
    let mut space: Option<usize> = None;
    let mut begun = false;
    for (at, c) in text.char_indices() {
        let kind = kind_of_character(c);
        if kind == Kind::Space {
            space.get_or_insert(at);
            continue;
        }
        if let Some(space) = space.take()
            && begun
        {
            emit(space..space + 1, Kind::Space)?;
        }
        begun = true;
        emit(at..at + c.len_utf8(), kind)?;
    }
    Flow::Continue(())
}

fn kind_of_character(c: char) -> Kind {
    match class(c) {
        Class::Space => Kind::Space,
        Class::Han | Class::Letter => Kind::Word,
        Class::Joinable if c.is_ascii_alphanumeric() => Kind::Word,
        _ if c == URL || c == EMAIL => Kind::Word,
        _ => Kind::Mark,
    }
}
