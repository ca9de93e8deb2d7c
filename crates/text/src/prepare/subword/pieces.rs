//! Long texts in pieces, so that what a tokenizer takes does not grow with them.
//!
//! The library keeps some hundred bytes for each byte of what it reads. Texts of up to [`LONGEST`] bytes are read whole,
//! so that their tokens are exactly the library's. Longer ones are cut where no token goes across: before a single space,
//! else behind a mark, and only where there is neither, between any two characters.

/// Bytes that are read together.
pub(super) const LONGEST: usize = 1 << 14;

/// The pieces of a text, each of at most `longest` bytes (and at least one character), one after another.
pub(super) fn pieces(text: &str, longest: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, behind) = rest.split_at(end(rest, longest));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Where the first piece ends.
fn end(text: &str, longest: usize) -> usize {
    const MARKS: [char; 8] = [',', ';', '!', '?', '、', '。', '，', '…'];
    if text.len() <= longest {
        return text.len();
    }
    let window = &text[..text.floor_char_boundary(longest.max(4))];
    let single = |&(at, _): &(usize, &str)| {
        let parted = window[..at].ends_with(|c: char| !c.is_whitespace());
        parted && text[at + 1..].starts_with(|c: char| !c.is_whitespace())
    };
    let space = window.rmatch_indices(' ').find(single);
    let mark = || {
        let letter = |at: &usize| window[*at..].starts_with(char::is_alphanumeric);
        window
            .rmatch_indices(MARKS)
            .map(|(at, mark)| at + mark.len())
            .find(letter)
    };
    space
        .map(|(at, _)| at)
        .or_else(mark)
        .unwrap_or(window.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_no_token_goes_across() {
        let cut = |text: &'static str| pieces(text, 8).collect::<Vec<_>>();
        assert_eq!(cut("short"), ["short"]);
        assert_eq!(cut(""), [""; 0]);
        assert_eq!(cut("one two three"), ["one two", " three"]);
        assert_eq!(cut("one  two three"), ["one  two", " three"]);
        assert_eq!(cut("很好,太差"), ["很好,", "太差"]);
        assert_eq!(cut("abcdefghijkl"), ["abcdefgh", "ijkl"]);
        assert_eq!(cut("好好好好"), ["好好", "好好"]);
    }
}
