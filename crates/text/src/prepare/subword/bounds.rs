//! How much a `tokenizer.json` that anybody may have written may ask for.
//!
//! What it does to a text must take memory and time in proportion to the text. So what grows a text is bounded by a
//! factor, what the library does slowly by a length, and patterns are those that are matched without going back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

type Checked = Result<(), String>;

/// The factor by which all normalizers together may make a text longer, in bytes.
pub(super) const MOST_GROWTH: f64 = 1024.0;
/// Parts of one kind, such as normalizers, those within others counted too.
const MOST_PARTS: usize = 32;
/// Bytes of a token: at each place of a text, tokens may be looked for as far ahead.
const LONGEST_TOKEN: usize = 1024;
/// Bytes of what stands before or behind pieces of words, or is put before texts.
const LONGEST_AFFIX: usize = 64;
/// Bytes of a pattern.
const LONGEST_PATTERN: usize = 4096;
/// Tokens beside those of the model.
const MOST_ADDED: usize = 1 << 16;
/// Characters of a word that WordPiece cuts: it tries all pieces of the rest at each place.
const LONGEST_WORD: u64 = 1_000;

/// Checks all parts of a tokenizer, and says by what factor it may make a text longer.
pub(super) fn check(whole: &Map<String, Value>) -> Result<f64, String> {
    let part = |key: &str| whole.get(key).unwrap_or(&Value::Null);
    let growth = growth(part("normalizer"), &mut 0)?;
    if growth > MOST_GROWTH {
        return Err(format!(
            "its normalizers may make a text {growth:.0} times as long; {MOST_GROWTH} times is the limit"
        ));
    }
    check_patterns(part("pre_tokenizer"), &mut 0)?;
    check_patterns(part("decoder"), &mut 0)?;
    check_model(part("model"))?;
    check_added(part("added_tokens"))?;
    Ok(growth)
}

fn count(parts: &mut usize) -> Checked {
    *parts += 1;
    match *parts > MOST_PARTS {
        true => Err(format!("it has more than {MOST_PARTS} parts of one kind")),
        false => Ok(()),
    }
}

/// The factor by which a normalizer may make a text longer. Unicode's own factors are those of UTF-8, from its standard
/// annex 15.
fn growth(normalizer: &Value, parts: &mut usize) -> Result<f64, String> {
    if normalizer.is_null() {
        return Ok(1.0);
    }
    count(parts)?;
    match normalizer.get("type").and_then(Value::as_str) {
        Some("Sequence") => {
            let inner = normalizer.get("normalizers").and_then(Value::as_array);
            let each = inner.into_iter().flatten();
            each.map(|inner| growth(inner, parts)).product()
        }
        Some("Strip" | "StripAccents" | "Nmt") => Ok(1.0),
        Some("Lowercase") => Ok(1.5),
        Some("ByteLevel") => Ok(2.0),
        Some("NFC" | "NFD") => Ok(3.0),
        // Accents are parted from letters, letters made small, and spaces put around Chinese characters.
        Some("BertNormalizer") => Ok(7.5),
        Some("NFKC" | "NFKD") => Ok(11.0),
        Some("Prepend") => affix(normalizer, "prepend").map(|()| 1.0),
        Some("Precompiled") => longest_replacement(normalizer),
        Some("Replace") => replacement(normalizer),
        _ => Err("one of its normalizers has no `type`".to_owned()),
    }
}

fn replacement(replace: &Value) -> Result<f64, String> {
    let content = text(replace, "content").len() as f64;
    let pattern = replace.get("pattern").unwrap_or(&Value::Null);
    check_pattern(pattern)?;
    Ok(match text(pattern, "String").len() {
        // A pattern may match nothing, between any two characters.
        0 => 1.0 + content,
        length => (content / length as f64).max(1.0),
    })
}

/// SentencePiece's table ends with what characters become, each with a zero byte behind it.
fn longest_replacement(precompiled: &Value) -> Result<f64, String> {
    let wrong = || "its table of characters cannot be read".to_owned();
    let table = STANDARD.decode(text(precompiled, "precompiled_charsmap"));
    let table = table.map_err(|_| wrong())?;
    let (size, rest) = table.split_first_chunk().ok_or_else(wrong)?;
    let size = u32::from_le_bytes(*size) as usize;
    let replacements = rest.get(size..).ok_or_else(wrong)?;
    let longest = replacements.split(|&byte| byte == 0).map(<[u8]>::len).max();
    Ok(longest.unwrap_or(0).max(1) as f64)
}

/// Checks the patterns of pre-tokenizers and decoders, and that these are not too many.
fn check_patterns(component: &Value, parts: &mut usize) -> Checked {
    if component.is_null() {
        return Ok(());
    }
    count(parts)?;
    if component.get("type").and_then(Value::as_str) == Some("FixedLength")
        && component.get("length").and_then(Value::as_u64) == Some(0)
    {
        return Err("it cuts words of no length".to_owned());
    }
    check_pattern(component.get("pattern").unwrap_or(&Value::Null))?;
    for key in ["content", "replacement", "prefix", "suffix"] {
        affix(component, key)?;
    }
    let inner =
        ["pretokenizers", "decoders"].map(|key| component.get(key).and_then(Value::as_array));
    let mut inner = inner.into_iter().flatten().flatten();
    inner.try_for_each(|inner| check_patterns(inner, parts))
}

/// A text, or a regular expression that is matched without going back.
fn check_pattern(pattern: &Value) -> Checked {
    let expression = text(pattern, "Regex");
    if expression.len().max(text(pattern, "String").len()) > LONGEST_PATTERN {
        return Err(format!("a pattern has more than {LONGEST_PATTERN} bytes"));
    }
    let wrong = |error: regex::Error| {
        let cause = error.to_string();
        let cause = cause.lines().last().unwrap_or_default();
        format!("the pattern `{expression:.80}` may take too long, or is none ({cause})")
    };
    regex::Regex::new(&without_trailing_spaces(expression))
        .map(drop)
        .map_err(wrong)
}

/// Leaves out the choice `\s+(?!\S)`, which GPT-2's pattern and its descendants have: alone it is harmless, and the only
/// one that looks ahead.
fn without_trailing_spaces(expression: &str) -> String {
    const SPACES: &str = r"|\s+(?!\S)|";
    match expression.find(SPACES) {
        Some(at) if at_top(&expression[..at]) => {
            format!("{}|{}", &expression[..at], &expression[at + SPACES.len()..])
        }
        _ => expression.to_owned(),
    }
}

/// Whether what follows the beginning of an expression stands in no group and no class.
fn at_top(beginning: &str) -> bool {
    let (mut groups, mut classes) = (0_usize, 0_usize);
    let mut characters = beginning.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            '[' => classes += 1,
            ']' => classes = classes.saturating_sub(1),
            '(' if classes == 0 => groups += 1,
            ')' if classes == 0 => groups = groups.saturating_sub(1),
            _ => {}
        }
    }
    groups == 0 && classes == 0
}

fn check_model(model: &Value) -> Checked {
    if model.get("dropout").and_then(Value::as_f64).unwrap_or(0.0) != 0.0 {
        return Err("its `dropout` cuts the same text in another way each time".to_owned());
    }
    for key in [
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "unk_token",
    ] {
        affix(model, key)?;
    }
    let longest = model.get("max_input_chars_per_word");
    if longest.and_then(Value::as_u64).unwrap_or(0) > LONGEST_WORD {
        return Err(format!(
            "its `max_input_chars_per_word` is more than {LONGEST_WORD}"
        ));
    }
    let vocabulary = model.get("vocab").unwrap_or(&Value::Null);
    let keys = vocabulary.as_object().into_iter().flat_map(Map::keys);
    let pieces = vocabulary.as_array().into_iter().flatten();
    let pieces = pieces.filter_map(|piece| piece.get(0).and_then(Value::as_str));
    match keys
        .map(String::as_str)
        .chain(pieces)
        .find(|token| token.len() > LONGEST_TOKEN)
    {
        Some(token) => Err(too_long(token)),
        None => Ok(()),
    }
}

fn check_added(tokens: &Value) -> Checked {
    let tokens = tokens.as_array().map_or(&[][..], Vec::as_slice);
    if tokens.len() > MOST_ADDED {
        return Err(format!("it has more than {MOST_ADDED} added tokens"));
    }
    let mut contents = tokens.iter().map(|token| text(token, "content"));
    match contents.find(|content| content.len() > LONGEST_TOKEN) {
        Some(token) => Err(too_long(token)),
        None => Ok(()),
    }
}

fn too_long(token: &str) -> String {
    format!("the token that begins with `{token:.40}` has more than {LONGEST_TOKEN} bytes")
}

fn affix(component: &Value, key: &str) -> Checked {
    match text(component, key).len() > LONGEST_AFFIX {
        true => Err(format!("a `{key}` has more than {LONGEST_AFFIX} bytes")),
        false => Ok(()),
    }
}

/// The text under a key, empty if there is none.
fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}
