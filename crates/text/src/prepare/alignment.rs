//! Text that remembers where it came from.

use std::ops::Range;

/// Output of one cleaning step; with `track`, each piece knows the bytes of the input that it came from.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    pub(super) text: String,
    track: bool,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    at: usize,
    from: usize,
    to: usize,
    /// Whether its bytes are the input's bytes one for one.
    verbatim: bool,
}

impl Piece {
    /// Whether it is verbatim and reaches up to `at` in the output and to `from` in the input.
    fn goes_on(&self, at: usize, from: usize) -> bool {
        self.verbatim && self.to == from && self.at + (self.to - self.from) == at
    }
}

impl Aligned {
    /// Forgets everything and begins anew.
    pub(super) fn reset(&mut self, track: bool) {
        self.text.clear();
        self.pieces.clear();
        self.track = track;
    }

    /// Adds a character that stands for these bytes of the input.
    pub(super) fn push(&mut self, c: char, from: Range<usize>) {
        // Several characters that stand for the same bytes share a piece.
        let goes_on = |last: &Piece| !last.verbatim && (last.from..last.to) == from;
        if self.track && !self.pieces.last().is_some_and(goes_on) {
            self.piece(from, false);
        }
        self.text.push(c);
    }

    /// Adds bytes of the input as they are, from `start` on.
    pub(super) fn copy(&mut self, text: &str, start: usize) {
        if self.track && !text.is_empty() {
            let at = self.text.len();
            match self.pieces.last_mut() {
                Some(last) if last.goes_on(at, start) => last.to += text.len(),
                _ => self.piece(start..start + text.len(), true),
            }
        }
        self.text.push_str(text);
    }

    /// The bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.pieces.capacity() * size_of::<Piece>()
    }

    fn piece(&mut self, from: Range<usize>, verbatim: bool) {
        self.pieces.push(Piece {
            at: self.text.len(),
            from: from.start,
            to: from.end,
            verbatim,
        });
    }

    /// Takes back what was added behind `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        while self.pieces.last().is_some_and(|piece| piece.at >= len) {
            self.pieces.pop();
        }
    }

    /// The bytes of the input that a range of the output came from.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        if range.is_empty() || self.pieces.is_empty() {
            return 0..0;
        }
        let first = self.piece_of(range.start);
        let last = self.piece_of(range.end - 1);
        let start = if first.verbatim {
            first.from + range.start - first.at
        } else {
            first.from
        };
        let end = if last.verbatim {
            (last.from + range.end - last.at).min(last.to)
        } else {
            last.to
        };
        start..end
    }

    fn piece_of(&self, at: usize) -> Piece {
        self.pieces[self.pieces.partition_point(|piece| piece.at <= at) - 1]
    }
}
