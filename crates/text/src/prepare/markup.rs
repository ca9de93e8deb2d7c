//! HTML and addresses.

use jingwei_bounds::Loan;
use memchr::{memchr2, memchr3};

use crate::prepare::Within;
use crate::prepare::alignment::Aligned;

/// Stands for a URL until it is a token.
pub(super) const URL: char = '\u{e000}';
/// Stands for an e-mail address until it is a token.
pub(super) const EMAIL: char = '\u{e001}';

/// A tag is not longer.
const LONGEST_TAG: usize = 4_096;
/// Tags that part no words.
const INLINE: [&str; 16] = [
    "a", "abbr", "b", "big", "code", "em", "font", "i", "mark", "s", "small", "span", "strong",
    "sub", "sup", "u",
];

/// Whether [`strip_html`] may find something.
pub(super) fn may_have_html(text: &str) -> bool {
    memchr2(b'<', b'&', text.as_bytes()).is_some()
}

/// Leaves out tags, comments, scripts and styles, and makes entities characters.
pub(super) fn strip_html(text: &str, out: &mut Aligned, loan: &mut Loan<'_>) -> Within {
    let mut at = 0;
    // Where a search for an end went on in vain, another need not begin.
    let mut never = [false; 3];
    while let Some(found) = memchr2(b'<', b'&', &text.as_bytes()[at..]) {
        let start = at + found;
        out.copy(&text[at..start], at);
        let rest = &text[start..];
        let skipped = if rest.starts_with('&') {
            entity(rest).map(|(c, len)| {
                out.push(c, start..start + len);
                len
            })
        } else {
            tag(rest, &mut never).map(|(len, parts)| {
                if parts {
                    out.push(' ', start..start + len);
                }
                len
            })
        };
        at = start + skipped.unwrap_or(1);
        if skipped.is_none() {
            out.copy(&rest[..1], start);
        }
        loan.reach(out.bytes())?;
    }
    out.copy(&text[at..], at);
    loan.reach(out.bytes())
}

/// The length of the tag, comment, script or style at the start of `rest`, and whether it parts words.
fn tag(rest: &str, never: &mut [bool; 3]) -> Option<(usize, bool)> {
    let mut until = |from: usize, end: &str, memory: usize| -> Option<usize> {
        if never[memory] {
            return None;
        }
        let found = find_ignoring_case(&rest[from..], end);
        never[memory] = found.is_none();
        found.map(|at| from + at + end.len())
    };
    if rest.starts_with("<!--") {
        return until(4, "-->", 0).map(|len| (len, true));
    }
    let body = &rest.as_bytes()[1..];
    let named = match body.first()? {
        b'/' => 1,
        b'!' | b'?' => 1,
        first if first.is_ascii_alphabetic() => 0,
        _ => return None,
    };
    let name_end = body[named..]
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric())
        .map_or(body.len(), |end| named + end);
    let name = rest[1 + named..1 + name_end].to_ascii_lowercase();
    if name.is_empty() {
        return None;
    }
    let window = &body[..body.len().min(LONGEST_TAG)];
    let end = memchr2(b'>', b'<', &window[name_end.min(window.len())..])? + name_end;
    if body[end] == b'<' {
        return None;
    }
    let len = end + 2;
    let hidden = match (named, name.as_str()) {
        (0, "script") => until(len, "</script>", 1),
        (0, "style") => until(len, "</style>", 2),
        _ => None,
    };
    Some((hidden.unwrap_or(len), !INLINE.contains(&name.as_str())))
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let wanted = wanted.as_bytes();
    text.as_bytes()
        .windows(wanted.len())
        .position(|window| window.eq_ignore_ascii_case(wanted))
}

fn entity(rest: &str) -> Option<(char, usize)> {
    let end = rest
        .as_bytes()
        .iter()
        .take(12)
        .position(|&byte| byte == b';')?;
    let name = &rest[1..end];
    let c = if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        char::from_u32(code.ok()?)?
    } else {
        named_entity(name)?
    };
    Some((c, end + 1))
}

fn named_entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" => ' ',
        "hellip" => '…',
        "mdash" => '—',
        "ndash" => '–',
        "ldquo" => '“',
        "rdquo" => '”',
        "lsquo" => '‘',
        "rsquo" => '’',
        "laquo" => '«',
        "raquo" => '»',
        "middot" => '·',
        "bull" => '•',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "times" => '×',
        "deg" => '°',
        "yen" => '¥',
        "euro" => '€',
        "pound" => '£',
        "cent" => '¢',
        _ => return None,
    })
}

/// Whether [`replace_addresses`] may find something.
pub(super) fn may_have_addresses(text: &str) -> bool {
    memchr3(b'@', b':', b'w', text.as_bytes()).is_some()
}

/// Replaces URLs and e-mail addresses; `None` keeps them.
pub(super) fn replace_addresses(
    text: &str,
    url: Option<Option<char>>,
    email: Option<Option<char>>,
    out: &mut Aligned,
    loan: &mut Loan<'_>,
) -> Within {
    let bytes = text.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr3(b'@', b':', b'w', &bytes[at..]) {
        let candidate = at + found;
        at = candidate + 1;
        let becomes = if bytes[candidate] == b'@' { email } else { url };
        // What is kept is not looked at, since its end may be far away.
        let Some(becomes) = becomes else { continue };
        let range = match bytes[candidate] {
            b'@' => email_at(bytes, candidate, copied),
            b':' => scheme_at(bytes, candidate, copied),
            _ => www_at(bytes, candidate),
        };
        if let Some((start, end)) = range {
            out.copy(&text[copied..start], copied);
            out.push(becomes.unwrap_or(' '), start..end);
            loan.reach(out.bytes())?;
            copied = end;
            at = end;
        }
    }
    out.copy(&text[copied..], copied);
    loan.reach(out.bytes())
}

fn email_at(bytes: &[u8], at: usize, floor: usize) -> Option<(usize, usize)> {
    let local = |&byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
    let start = at
        - bytes[floor..at]
            .iter()
            .rev()
            .take(64)
            .take_while(|byte| local(byte))
            .count();
    let domain = |&byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let mut end = at
        + 1
        + bytes[at + 1..]
            .iter()
            .take(255)
            .take_while(|byte| domain(byte))
            .count();
    while b".-".contains(&bytes[end - 1]) {
        end -= 1;
    }
    let host = bytes.get(at + 1..end)?;
    let dot = host.iter().rposition(|&byte| byte == b'.')?;
    (start < at && dot > 0 && host.len() - dot > 2).then_some((start, end))
}

fn scheme_at(bytes: &[u8], at: usize, floor: usize) -> Option<(usize, usize)> {
    if !bytes[at..].starts_with(b"://") {
        return None;
    }
    let scheme = bytes[floor..at]
        .iter()
        .rev()
        .take(10)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let start = at - scheme;
    let known = [&b"http"[..], b"https", b"ftp"];
    let known = known
        .iter()
        .any(|name| bytes[start..at].eq_ignore_ascii_case(name));
    // Its end is looked for only where it begins, so that what follows is not searched again and again.
    let end = known.then(|| url_end(bytes, at + 3))?;
    (end > at + 3).then_some((start, end))
}

fn www_at(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let apart = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
    let named = bytes[at..].starts_with(b"www.") && bytes.get(at + 4)?.is_ascii_alphanumeric();
    (apart && named).then(|| (at, url_end(bytes, at + 4)))
}

fn url_end(bytes: &[u8], from: usize) -> usize {
    let inside = |&byte: &u8| byte.is_ascii_graphic() && !b"<>\"'`{}|\\^[]".contains(&byte);
    let mut end = from + bytes[from..].iter().take_while(|byte| inside(byte)).count();
    while end > from && b".,;:!?)".contains(&bytes[end - 1]) {
        end -= 1;
    }
    end
}
