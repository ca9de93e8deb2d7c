//! Bytes to characters: the encoding is found out, and wrong bytes are counted.

mod detect;
mod lines;

pub use detect::{Detected, detect, named};
pub use lines::{Line, Lines};

use crate::{Error, OnBad, Result};

/// A whole text, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The characters, without a byte order mark.
    pub text: String,
    /// The name of the encoding, as the Encoding Standard spells it: `UTF-8`, `gb18030`, `UTF-16LE`.
    pub encoding: &'static str,
    /// Places where bytes did not fit the encoding and U+FFFD stands instead.
    pub replaced: usize,
}

/// Decodes a whole text, finding out its encoding.
///
/// # Errors
/// With [`OnBad::Stop`], if there are bytes that the encoding does not know, naming the first line that has some.
pub fn decode(bytes: &[u8], on_bad: OnBad) -> Result<Decoded> {
    let Detected { encoding, .. } = detect(bytes, true);
    let (text, encoding, malformed) = encoding.decode(bytes);
    let text = text.into_owned();
    let mut replaced = 0;
    if malformed {
        replaced = text.matches('\u{fffd}').count();
        if on_bad == OnBad::Stop {
            let line = text
                .lines()
                .position(|line| line.contains('\u{fffd}'))
                .map_or(1, |line| line + 1);
            return Err(Error::content(
                format!("line {line}"),
                format!("bytes that are not {}", encoding.name()),
                "save the text as UTF-8, or let bad rows be set aside",
            ));
        }
    }
    Ok(Decoded {
        text,
        encoding: encoding.name(),
        replaced,
    })
}
