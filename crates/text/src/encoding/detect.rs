//! Which encoding bytes are in.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS, UTF_8};

use crate::{Error, Result};

/// What the bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detected {
    /// The encoding to decode with.
    pub encoding: &'static Encoding,
    /// Whether it was read from a byte order mark.
    pub marked: bool,
}

/// The encoding of a whole text, or of its beginning if `complete` is false.
///
/// A byte order mark decides; else what is valid UTF-8 is UTF-8, and so is what has a few wrong bytes among many right
/// ones; else a detector guesses, and for short texts the most frequent Chinese characters of GB 2312 decide.
pub fn detect(bytes: &[u8], complete: bool) -> Detected {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Detected {
            encoding,
            marked: true,
        };
    }
    let (right, wrong) = utf8_sequences(bytes, complete);
    let encoding = if wrong == 0 || wrong * 20 < right {
        UTF_8
    } else {
        guess(bytes, complete)
    };
    Detected {
        encoding,
        marked: false,
    }
}

/// The encoding of that name, as a recipe may give it.
///
/// # Errors
/// If no encoding of the Encoding Standard has that name.
pub fn named(name: &str) -> Result<&'static Encoding> {
    let encoding = Encoding::for_label(name.as_bytes()).ok_or_else(|| {
        Error::setting(
            "encoding",
            format!("`{name}` is not the name of an encoding"),
            "write for instance \"utf-8\", \"gb18030\", \"big5\" or \"utf-16le\"",
        )
    })?;
    // GB18030 reads whatever GBK reads, and more.
    Ok(if encoding == GBK { GB18030 } else { encoding })
}

/// Counts sequences of several bytes that are UTF-8, and bytes that are not.
fn utf8_sequences(mut bytes: &[u8], complete: bool) -> (usize, usize) {
    let (mut right, mut wrong) = (0, 0);
    loop {
        match std::str::from_utf8(bytes) {
            Ok(text) => return (right + beyond_ascii(text.as_bytes()), wrong),
            Err(error) => {
                right += beyond_ascii(&bytes[..error.valid_up_to()]);
                let Some(skip) = error.error_len() else {
                    return (right, wrong + usize::from(complete));
                };
                wrong += 1;
                bytes = &bytes[error.valid_up_to() + skip..];
            }
        }
    }
}

/// Characters of valid UTF-8 that take several bytes.
fn beyond_ascii(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte >= 0xc0).count()
}

fn guess(bytes: &[u8], complete: bool) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, complete);
    let guessed = detector.guess(None, Utf8Detection::Deny);
    if guessed == GBK || guessed == GB18030 {
        return GB18030;
    }
    let pairs = bytes.iter().filter(|&&byte| byte >= 0x80).count() / 2;
    let asian = [BIG5, EUC_JP, EUC_KR, SHIFT_JIS].contains(&guessed);
    if (!asian || pairs < 40) && common_chinese(bytes) * 10 >= pairs * 6 {
        return GB18030;
    }
    guessed
}

/// Pairs of bytes that are one of the 3,755 most used characters of GB 2312.
fn common_chinese(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while at + 1 < bytes.len() {
        if bytes[at] < 0x80 {
            at += 1;
            continue;
        }
        let first_level = (0xb0..=0xd7).contains(&bytes[at]) && bytes[at + 1] >= 0xa1;
        count += usize::from(first_level);
        at += 2;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_chinese_in_gbk_is_found() {
        for text in ["中文", "质量很好", "好,pos\n坏,neg\n", "ok 不错"] {
            let (bytes, ..) = GBK.encode(text);
            assert_eq!(detect(&bytes, true).encoding, GB18030, "{text}");
        }
    }

    #[test]
    fn marks_and_utf8_decide_first() {
        assert_eq!(detect(b"\xff\xfea\0", true).encoding.name(), "UTF-16LE");
        assert_eq!(detect(b"\xef\xbb\xbfa", true).encoding, UTF_8);
        assert_eq!(detect("中文".as_bytes(), true).encoding, UTF_8);
        assert_eq!(detect(&"中文".as_bytes()[..5], false).encoding, UTF_8);
        assert_eq!(detect(b"", true).encoding, UTF_8);
    }

    #[test]
    fn western_text_is_not_taken_for_chinese() {
        let (bytes, ..) = encoding_rs::WINDOWS_1252.encode("Le café est très agréable, à bientôt");
        assert_eq!(detect(&bytes, true).encoding.name(), "windows-1252");
    }
}
