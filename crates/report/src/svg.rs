//! Pieces of SVG.

/// Text that may stand in an element or in an attribute, whatever it holds.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML knows no control characters, not even as references.
            '\t' | '\n' | '\r' => escaped.push(letter),
            letter if letter.is_control() || letter == '\u{fffe}' || letter == '\u{ffff}' => {
                escaped.push('\u{fffd}')
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A coordinate with one decimal, the shortest way.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// The path through `points`.
pub(crate) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        path.push_str(if path.is_empty() { "M" } else { "L" });
        path.push_str(&coordinate(x));
        path.push(' ');
        path.push_str(&coordinate(y));
    }
    path
}

/// Shortens a text to about `limit` columns; Chinese, Japanese and Korean letters take two.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let width = |letter: char| {
        if ('\u{1100}'..='\u{ffdc}').contains(&letter) || letter > '\u{1f000}' {
            2
        } else {
            1
        }
    };
    if text.chars().map(width).sum::<usize>() <= limit {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |letter: &char| {
        used += width(*letter);
        used <= limit
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_harmless_and_short() {
        assert_eq!(
            escape("<a b='c'>&\u{0}\n"),
            "&lt;a b=&#39;c&#39;&gt;&amp;\u{fffd}\n"
        );
        assert_eq!(
            [shorten("short", 5), shorten("longer", 5)],
            ["short", "long…"]
        );
        assert_eq!(shorten("运动鞋和靴子", 7), "运动鞋…");
        assert_eq!(path([(0.0, 1.26), (2.5, 3.0)]), "M0 1.3L2.5 3");
    }
}
